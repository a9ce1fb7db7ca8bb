#ifndef LIMPET_CLI_LOAD_H
#define LIMPET_CLI_LOAD_H

/* From the command line to a plan: `serve`, `check` and `why` take a configuration the same way, from -c FILE, from
 * flags alone, or else from /etc/limpet/limpet.yaml. */

#include "base/attr.h"
#include "cli/options.h"
#include "conf/conf.h"
#include "plan/plan.h"

#define LOAD_DEFAULT_FILE "/etc/limpet/limpet.yaml"

/* No configuration that anybody wrote is longer (100,000 servers take about 5 MiB). */
#define LOAD_FILE_MOST (64UL << 20)

/* A file that conf asked for: the text belongs to struct load. */
struct load_file {
    char *path;
    char *text;
    size_t length;
};

struct load {
    const char *config; /* null: not given */
    struct conf_flags flags;
    struct load_file *files; /* all that were read, in order; the first is the configuration, if it is a file */
    size_t file_count;
    const char *admin;               /* --admin; null: not given */
    unsigned cpus;                   /* so many may be used; 0: they are counted */
    const struct conf_files *source; /* where file texts come from; null: from disk */
    /* As in struct conf_files; null: whether this machine has what is named is not asked. */
    int (*find)(void *context, enum conf_need need, const char *name);
    bool quiet; /* warnings were shown already */
    unsigned warnings;
    const char **words; /* behind the lists in `flags` */
};

void load_init(struct load *l, int argc);

/* The number of CPUs that the plan is made for; the same for everybody who makes it. */
unsigned load_cpus(struct load *l);

void load_fini(struct load *l);

/* True if the option (or operand) is part of a configuration and was taken: config, listen, mode, key, trust, seed, admin,
 * those of workers, operands. With flags.run the operands are a command, else servers. */
bool load_take(struct load *l, enum option option, const char *value);

/* Reads and checks; messages go to standard error. EXIT_FINE with *plan set; otherwise the status to end with: what is
 * wrong in a file is a failure, what is wrong in flags is wrong usage. The texts in `files` stay until load_fini(). The
 * caller frees the plan. */
MUST_CHECK int load_plan(struct load *l, const struct options *options, struct plan **plan);

#endif
