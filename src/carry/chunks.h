#ifndef LIMPET_CARRY_CHUNKS_H
#define LIMPET_CARRY_CHUNKS_H

/* A chunked body on its way (RFC 9112 section 7.1). It is not passed on as it was written, but as we understand it: the data
 * of each read as one chunk of ours, without extensions, and of the trailers those that may be (RFC 9110 section 6.5.1). So
 * nobody behind us can read it differently. For whoever knows no chunks (HTTP/1.0) the data alone goes on.
 *
 * Pure: bytes in, bytes out; the caller reads and writes. */

#include "base/attr.h"
#include "base/span.h"
#include "proto/chunked.h"
#include "proto/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A trailer section may be so long. */
#define CHUNKS_TRAILERS_MOST 8192

/* `out` needs so much more room than there are bytes. */
#define CHUNKS_ROOM 64

/* All zeros at first, but for `plain`. */
struct chunks {
    struct chunked reader;
    struct head trailers;
    uint64_t data; /* bytes of the body so far */
    bool plain;    /* the data alone goes on */
    bool at_trailers;
};

enum chunks_verdict { CHUNKS_MORE, CHUNKS_DONE, CHUNKS_BAD };

struct chunks_result {
    enum chunks_verdict verdict;
    size_t used;     /* of the bytes; the others are to be shown again, with more */
    struct span out; /* inside `room`; may be empty */
    const char *why; /* CHUNKS_BAD: static text; what was good before is in `out` all the same */
};

MUST_CHECK struct chunks_result chunks_pass(struct chunks *chunks, struct span bytes, uint8_t *room);

/* Is the body longer than `most` (0: no limit), or does it say that it will be? */
static inline bool chunks_exceed(const struct chunks *chunks, uint64_t most)
{
    return most > 0 && chunks->data + chunks->reader.left > most;
}

#endif
