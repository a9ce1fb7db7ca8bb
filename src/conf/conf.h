#ifndef LIMPET_CONF_CONF_H
#define LIMPET_CONF_CONF_H

/* Configuration: YAML or flags in, a checked plan out, with messages like a compiler's. This room opens no file itself:
 * it asks its caller for the text of each file that is named (the main file, `file:PATH` in trust, later certificates),
 * so that the keeper can read them and the engine, which has no files, can be given the same bundle. Nor does it look
 * at the machine: who wants to know whether that has what is named gives it eyes.
 *
 * Messages, in order of the file:
 *
 *     limpet.yaml:7:12: error: unknown key `lisen`
 *         7 |     lisen: ":443"
 *           |     ^~~~~
 *     limpet.yaml:7:12: help: did you mean `listen`?
 */

#include "base/attr.h"
#include "base/span.h"
#include "plan/plan.h"
#include "yaml/report.h"

#include <stdbool.h>
#include <stddef.h>

/* What must be on the machine for the plan to be served there. */
enum conf_need {
    CONF_NEED_LOG,    /* an absolute path that a log can be written to; -ENOENT: no such folder, -EISDIR: it is one */
    CONF_NEED_PINS,   /* the same for pins */
    CONF_NEED_SOCKET, /* a path that can be bound; -ENOENT: no such folder, -EEXIST: something else is there */
    CONF_NEED_USER,   /* the name of a user */
    CONF_NEED_GROUP,  /* the name of a group */
    CONF_NEED_FOLDER, /* an absolute path of a directory */
};

/* What conf learns from its caller. */
struct conf_files {
    /* How conf gets the text of a file. Paths are as written, already resolved against the file's directory. Returns 0 or
     * a negative errno, -ENXIO for what is no file; the span stays valid until the plan has been made. */
    int (*read)(void *context, const char *path, struct span *text);
    /* The same for the configuration itself, which need not be a file. Null: as any other. */
    int (*read_main)(void *context, const char *path, struct span *text);
    /* The same for a file that only few may read: -EPERM if others may read or change it. Null: as any other file. */
    int (*read_secret)(void *context, const char *path, struct span *text);
    /* 0 if it is there, else a negative errno. Null: the plan is judged without regard to this machine. */
    int (*find)(void *context, enum conf_need need, const char *name);
    void *context;
    unsigned cpus;              /* so many may be used; 0 counts as one */
    const char *admin;          /* `--admin`, which counts more than the text; null: not given */
    const char *admin_fallback; /* what holds where nobody says anything; null: there is no admin socket then */
    bool admin_optional;        /* the fallback need not be had */
};

/* What the command line said instead of a file. Strings are borrowed. Empty lists: not given. */
struct conf_flags {
    const char *const *listen;
    size_t listen_count;
    const char *seed; /* null: not given */
    const char *mode; /* null: not given */
    const char *const *keys;
    size_t key_count;
    const char *const *trust;
    size_t trust_count;
    const char *const *servers; /* "[name=]ADDR[,weight=N]" */
    size_t server_count;
    bool run; /* limpet run: workers instead of servers, and without `listen` they say where to listen */
    const char *const *command;
    size_t command_count;
    const char *workers;      /* "4", "auto"; null: not given, like those that follow */
    const char *contract;     /* "auto", "node", "limpet" */
    const char *node_message; /* JSON, or "sticky" */
    bool node_preload;
};

/* Null if there was any error; all errors are reported, not only the first. `path` is the name of the file as the user
 * gave it. */
MUST_CHECK struct plan *conf_load_file(const char *path, const struct conf_files *files, struct report_out *report);
MUST_CHECK struct plan *conf_load_flags(const struct conf_flags *flags, const struct conf_files *files,
                                        struct report_out *report);

/* "header:X-User" -> a key source; null or a static text that says what is wrong. `arena` owns the strings. */
MUST_CHECK const char *conf_key_source(struct span text, struct arena *arena, struct plan_key *key);

/* "250ms", "5s", "2m", "1h", "7d"; null or a static text that says what is wrong. 0 is fine here. */
MUST_CHECK const char *conf_duration(struct span text, micros *duration);

/* The schema, for the manual: calls `row` for each key in the order of the manual. */
struct conf_schema_row {
    const char *path;     /* "listeners[].bind" */
    const char *type;     /* "address or list of addresses" */
    const char *fallback; /* "none", "5s" ... */
    const char *help;     /* one or more sentences */
    const char *since;    /* null: works now; else a text such as "not in this version" */
};
void conf_schema_each(void (*row)(void *context, const struct conf_schema_row *row), void *context);

#endif
