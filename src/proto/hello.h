#ifndef LIMPET_PROTO_HELLO_H
#define LIMPET_PROTO_HELLO_H

/* A TLS ClientHello, read without decrypting or consuming anything: server name and application protocols.
 * Sources: RFC 8446 sections 4.1.2 and 5.1 (may span several records of any size), RFC 6066 section 3 (SNI),
 * RFC 7301 (ALPN). The ClientHello is in clear; what encrypted ClientHello hides stays hidden. */

#include "base/span.h"
#include "proto/parse.h"

#include <stdint.h>

#define HELLO_NAME_MAX 255

struct hello {
    /* Copies, because a name may be split over records. Lower case; "" when absent. */
    char sni[HELLO_NAME_MAX + 1];
    uint8_t alpn_length; /* of the first protocol offered; 0 when there is none */
    uint8_t alpn[255];
};

/* PARSE_NONE: the first two bytes are no TLS handshake record. PARSE_BAD: it began as one and is malformed (two names,
 * a NUL in a name, lengths that do not fit...) or longer than PEEK_LIMIT. An IP literal as SNI counts as no SNI (RFC
 * 6066 forbids it). `used` is the number of bytes up to the end of the ClientHello's last record. Called again from the
 * start with more bytes: the work is bounded by PEEK_LIMIT and callers see to it that calls are few. */
struct parse_result hello_read(struct span bytes, struct hello *hello);

#endif
