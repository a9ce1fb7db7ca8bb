#ifndef LIMPET_PROTO_CHUNKED_H
#define LIMPET_PROTO_CHUNKED_H

/* Reads a chunked body (RFC 9112 section 7.1), piece by piece and strictly: sizes of 1 to 15 hexadecimal digits and no
 * sign or space; CRLF everywhere; extensions are checked (tokens and quoted strings, at most 1 KiB for a chunk and 16 KiB
 * in all) and dropped. Nothing is copied. */

#include "base/attr.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed before the first call. */
struct chunked {
    uint64_t left;       /* data of this chunk that is still to come */
    uint32_t extension;  /* bytes of this chunk's extensions */
    uint32_t extensions; /* ... of all */
    uint8_t state;
    uint8_t digits;
};

enum chunked_verdict {
    CHUNKED_MORE, /* all `used` bytes were read, and there was no data behind the last that was reported */
    CHUNKED_DATA, /* `data` is the next piece; `used` bytes end with it */
    CHUNKED_LAST, /* the last chunk was read: behind `used` bytes begins the trailer section, which proto/head reads */
    CHUNKED_BAD   /* `why`, a static text */
};

struct chunked_result {
    enum chunked_verdict verdict;
    size_t used;
    struct span data;
    const char *why;
};

/* Reads on, with bytes that follow those used so far; called until it says MORE, LAST or BAD. */
MUST_CHECK struct chunked_result chunked_read(struct chunked *chunked, struct span bytes);

#endif
