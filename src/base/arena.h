#ifndef LIMPET_BASE_ARENA_H
#define LIMPET_BASE_ARENA_H

/* Many small things that live and die together: a checked configuration. Everything in an arena is freed at once. */

#include "base/attr.h"
#include "base/span.h"

#include <stddef.h>

struct arena;

/* Null when there is no memory. */
MUST_CHECK struct arena *arena_new(void);
void arena_free(struct arena *a);

/* Zeroed memory, aligned for any type. Never null: without memory for a configuration there is nothing to serve, so it
 * ends the program with a message. Never called for what a client causes. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_text(struct arena *a, struct span bytes); /* a NUL-terminated copy */
char *arena_format(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
