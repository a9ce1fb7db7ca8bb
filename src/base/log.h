#ifndef LIMPET_BASE_LOG_H
#define LIMPET_BASE_LOG_H

/* Messages for the operator, one line each: "limpet: warning: ...". They go to standard error unless a writer is set.
 * Control characters in them are escaped. Safe from any thread. */

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG };

void log_message(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
#define log_error(...) log_message(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_message(LOG_NOTICE, __VA_ARGS__)
#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)

/* Messages above this level are dropped. LOG_NOTICE at the start. */
void log_set_level(enum log_level level);

/* Takes whole lines (with their newline) instead of standard error; null goes back to it. Set before threads start. */
void log_set_writer(void (*write)(void *context, const char *line, size_t length), void *context);

/* Writes a line if there is room for it at once, and drops it if not: a reader that hangs must hold up nobody. */
void log_put(int fd, const char *line, size_t length);

/* Repeated trouble must not flood the log: true at most once in so many seconds for each `limit`, which is zeroed at first.
 * `skipped` tells how many were held back since. */
struct log_limit {
    long long next_second;
    unsigned long skipped;
};
bool log_limit_pass(struct log_limit *limit, int seconds, unsigned long *skipped);

/* Whether lines begin with the time: for logs that are files. False at the start. */
void log_set_stamped(bool stamped);

#endif
