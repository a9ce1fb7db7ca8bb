#ifndef LIMPET_BASE_ATTR_H
#define LIMPET_BASE_ATTR_H

/* Words for the compiler that every room uses. */

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The owner of an embedded member: `struct connection *c = container_of(timer, struct connection, idle)`. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
