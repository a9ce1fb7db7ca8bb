#ifndef LIMPET_PROTO_CUT_H
#define LIMPET_PROTO_CUT_H

/* Cuts a span at the first byte of a kind. */

#include "base/span.h"

static inline const uint8_t *cut_find(struct span bytes, uint8_t byte)
{
    return bytes.length > 0 ? memchr(bytes.data, byte, bytes.length) : NULL;
}

/* The part in front of the first such byte, or all. */
static inline struct span cut_before(struct span bytes, uint8_t byte)
{
    const uint8_t *at = cut_find(bytes, byte);
    return at != NULL ? span_of(bytes.data, (size_t)(at - bytes.data)) : bytes;
}

/* The part behind the first such byte, or nothing with null data. */
static inline struct span cut_behind(struct span bytes, uint8_t byte)
{
    const uint8_t *at = cut_find(bytes, byte);
    return at != NULL ? span_of(at + 1, bytes.length - (size_t)(at + 1 - bytes.data)) : span_of(NULL, 0);
}

#endif
