#ifndef LIMPET_YAML_REPORT_H
#define LIMPET_YAML_REPORT_H

/* Messages about a configuration. They are collected while it is read, in whatever order the checks run, and given out
 * by report_flush() in the order of the text, each with the line it is about and a caret below it.
 *
 * What the command line said has no lines: there a source is one argument, and its messages name it. */

#include "base/arena.h"
#include "base/attr.h"
#include "base/span.h"

enum report_severity { REPORT_ERROR, REPORT_WARNING, REPORT_HELP };

/* Every message goes here, in the order of the text; `lines` is the whole message with excerpt and caret, with
 * newline. */
struct report_out {
    void (*message)(void *context, enum report_severity severity, const char *lines);
    void *context;
    bool colour; /* for a terminal */
    unsigned errors;
    unsigned warnings;
};

/* A text that messages can point into. */
struct source {
    const char *name; /* "limpet.yaml", or `--key "heade:X"` */
    struct span text;
    bool is_flag;
    unsigned number; /* sources are reported in this order */
};

/* Some bytes of a source; PLACE_NOWHERE as offset: the source as a whole. */
struct place {
    const struct source *source;
    size_t offset;
    size_t length;
};
#define PLACE_NOWHERE ((size_t)-1)

/* So many of each severity are shown; more help nobody. */
#define REPORT_SHOWN_MAX 20

/* Past this many messages only their number is kept, so that a broken file of any size costs little memory. */
#define REPORT_KEPT_MAX 1000

struct message;
struct report {
    struct report_out *out;
    struct arena *arena; /* owns the messages; must live until the flush */
    struct message *newest;
    size_t kept;
};

void report_init(struct report *report, struct report_out *out, struct arena *arena);

/* `help` says what to do next; null if there is nothing to say. It must live as long as the arena. */
void report_error(struct report *report, struct place at, const char *help, const char *format, ...) PRINTF_LIKE(4, 5);
void report_warning(struct report *report, struct place at, const char *help, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* True if further messages are only counted: what is costly to say need not be found out. */
bool report_is_full(const struct report *report);

/* Gives out all that was collected, and forgets it. */
void report_flush(struct report *report);

/* The user's words for use in a message: `between backticks`, cut when long. */
const char *report_quote(struct report *report, struct span words);

/* The line of a place, from 1. */
size_t report_line(struct place at);

#endif
