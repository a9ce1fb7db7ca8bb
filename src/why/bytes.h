#ifndef LIMPET_WHY_BYTES_H
#define LIMPET_WHY_BYTES_H

/* The first bytes of a client that does not exist, made of what the command line says about it: the head of a
 * request, a ClientHello, or bytes as they are. */

#include "base/attr.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

/* More would never be looked at: a PROXY header and a prefix stay within 16 KiB each, `limits: head` within 256 KiB. */
#define WHY_BYTES_MAX (512 << 10)

struct why_bytes {
    const char *file; /* --bytes: a path, or "-"; null: not given, like all that follows */
    const char *sni;
    const char *method;
    const char *path;
    const char *host;
    const char **headers; /* "Name: value" */
    size_t header_count;

    size_t length;
    bool too_long; /* it did not fit, and was cut */
    uint8_t data[WHY_BYTES_MAX];
};

/* Null if the options go together, else what is wrong with them (a static text). */
MUST_CHECK const char *why_bytes_check(const struct why_bytes *bytes);

/* Fills in `data`. 0, or a negative errno from reading the file. */
MUST_CHECK int why_bytes_make(struct why_bytes *bytes);

#endif
