#ifndef LIMPET_CONTROL_ADMIN_HTTP_H
#define LIMPET_CONTROL_ADMIN_HTTP_H

/* One request to the admin socket, read from its bytes: the head as proto/head reads it, and what follows from its
 * fields. Pure: no I/O, no clock, no allocation. Bodies mean nothing to us, so all that matters is where they end. */

#include "base/attr.h"
#include "base/span.h"
#include "base/text.h"
#include "proto/head.h"
#include "proto/parse.h"

#include <stdbool.h>
#include <stdint.h>

#define ADMIN_HEAD_MOST 16384
#define ADMIN_BODY_MOST 65536

/* Zeroed before the first call. */
struct admin_request {
    struct head head;
    int refusal;   /* with PARSE_BAD: the HTTP status to answer with */
    uint32_t body; /* so many bytes behind the head belong to the request */
    bool last;     /* nothing is read from this client after it */
    bool unread;   /* ... though more of this request may still come */
};

/* As head_read(), with at most ADMIN_HEAD_MOST bytes shown; `used` is the length of the head. Never PARSE_NONE: whoever
 * speaks something else here is wrong. */
struct parse_result admin_request_read(struct admin_request *request, struct span bytes);

/* The rest looks into a request that was read; `bytes` are the same bytes. */
bool admin_request_has_method(const struct admin_request *request, struct span bytes, const char *method);

/* Parameter `name` of the query, percent-decoded (RFC 3986 section 2.1); '+' is a plus. 0, -ENOENT without such a
 * parameter, -EINVAL for a broken escape or a NUL byte, -E2BIG when it does not fit in `value`. */
MUST_CHECK int admin_request_parameter(const struct admin_request *request, struct span bytes, const char *name,
                                       struct text *value);

#endif
