#ifndef LIMPET_PROTO_MESSAGE_H
#define LIMPET_PROTO_MESSAGE_H

/* What the fields of a complete HTTP/1 head say about the message itself: where its body ends, what becomes of the connection,
 * and which fields belong to this hop alone. What two servers might read in two ways is refused.
 * Sources: RFC 9112 sections 6, 7 and 9; RFC 9110 sections 7.6.1 (Connection), 7.8 (Upgrade), 8.6, 10.1.1 (Expect).
 *
 * Everything found lies in the bytes that the head was read from. One pass over the fields; no allocation. */

#include "base/attr.h"
#include "base/span.h"
#include "proto/head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
    FIELD_OTHER, /* goes on as it is */
    /* Ends here: Connection and what it names, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, Upgrade, HTTP2-Settings;
     * Proxy, which scripts take for a setting (httpoxy); and names that a server may take for one of these or those below
     * when it folds '_' or another sign into '-'. Proxy-Authenticate and its like stay end-to-end. */
    FIELD_HOP,
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_COOKIE,
    FIELD_SET_COOKIE,
    FIELD_EXPECT,
    FIELD_X_FORWARDED_FOR,
    FIELD_X_FORWARDED_PROTO,
    FIELD_X_FORWARDED_HOST,
    FIELD_FORWARDED,
    FIELD_VIA,
    FIELD_X_REQUEST_ID,
};

struct message_field {
    struct span line;  /* whole, with its CRLF; the lines of neighbours touch each other */
    struct span value; /* trimmed */
    uint16_t name_length;
    uint8_t kind; /* enum field_kind */
};

enum body_kind {
    BODY_NONE,
    BODY_LENGTH,   /* `length` bytes, at least 1 */
    BODY_CHUNKED,  /* RFC 9112 section 7.1 */
    BODY_UNTIL_END /* of the connection; answers only */
};

struct message {
    size_t count;
    enum body_kind body;
    uint64_t length;
    bool has_length; /* a Content-Length was there, whatever its number: an answer to HEAD keeps it */
    bool close;      /* Connection: close */
    bool keep_alive; /* Connection: keep-alive, which HTTP/1.0 needs */
    bool expects;    /* Expect: 100-continue, and a body comes only after it */
    bool trailers;   /* TE: trailers, so the client takes some */
    /* Value of Upgrade if Connection names it; null data: none, or one that would end here (h2c, TLS), or HTTP/1.0. */
    struct span upgrade;
    unsigned via_count; /* entries in all Via fields */
    struct message_field fields[HEAD_FIELDS_MAX];
};

struct message_verdict {
    unsigned status; /* 0: fine; else what a client is answered: 400, 417, 431, 501. Of an answer: 502 */
    const char *why; /* static text */
};

/* Of a request. Refused, beyond the grammar: Content-Length that is no plain number below 2^63, or is there twice (the same
 * number, too) or with Transfer-Encoding; Transfer-Encoding in HTTP/1.0, or twice, or anything but "chunked" (501 if chunked
 * is its last coding and the others are tokens, else 400); Expect other than 100-continue (417); an Upgrade together with a
 * body; more than one Upgrade, Expect, or X-Request-Id field; a Connection that names more than 32 fields; a field name of
 * 64 KiB or more (431).
 *
 * What Connection names becomes FIELD_HOP, but only if it would be FIELD_OTHER, and is none of Authorization, Cache-Control,
 * Content-Type, Date, Location, X-Forwarded-*: nobody strips those on their way. */
MUST_CHECK struct message_verdict message_read_request(struct message *message, const struct head *head,
                                                       struct span bytes);

/* Of an answer to a request of this method (`to_head`: it was HEAD). 1xx, 204 and 304 and answers to HEAD have no body; a
 * 1xx or 204 that announces one (Content-Length other than 0, or Transfer-Encoding) is refused. Without any
 * framing the body lasts until the connection ends. An HTTP/1.0 answer with Transfer-Encoding is refused. */
MUST_CHECK struct message_verdict message_read_answer(struct message *message, const struct head *head,
                                                      struct span bytes, bool to_head);

/* Of a trailer section: its fields and their kinds, and nothing else. Refused: what is said of names above. */
MUST_CHECK struct message_verdict message_read_trailers(struct message *message, const struct head *head,
                                                        struct span bytes);

static inline struct span message_field_name(const struct message_field *field)
{
    return span_part(field->line, 0, field->name_length);
}

/* Is `word` (lower case) in a comma-separated list (RFC 9110 section 5.6.1)? ASCII case ignored; parameters behind ';' and a
 * version behind '/' are not part of a word. */
bool message_lists(struct span list, const char *word);

/* May this field come in a trailer section (RFC 9110 section 6.5.1)? Not what frames, routes, authenticates or is one of those
 * kinds above that are not FIELD_OTHER. */
bool message_allows_trailer(const struct message_field *field);

#endif
