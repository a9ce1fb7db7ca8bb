#ifndef LIMPET_PROTO_PROXY_H
#define LIMPET_PROTO_PROXY_H

/* The PROXY protocol, versions 1 and 2: a header in front of a stream in which a proxy says for whom it connects.
 * Source: HAProxy's proxy-protocol.txt, sections 2.1 (text) and 2.2 (binary). */

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/span.h"
#include "proto/parse.h"

#include <stdbool.h>
#include <stddef.h>

struct proxy_header {
    bool tls;   /* the source spoke TLS to whoever sent this (PP2_TYPE_SSL) */
    bool known; /* false: LOCAL, UNKNOWN, UNSPEC, AF_UNIX: the connection's own addresses count */
    struct endpoint source;
    struct endpoint destination;
};

/* Reads a header from the first byte of a stream. PARSE_NONE if the bytes cannot be the start of one. Version 2: a
 * CRC32C (PP2_TYPE_CRC32C) is verified, other TLVs are checked for length and skipped; what LOCAL and UNSPEC carry is
 * skipped unseen, because nothing says where TLVs would begin in it. The addresses of datagrams (UDP4, UDP6) are taken
 * like those of streams. Needs no state of its own: a header that could be longer than PEEK_LIMIT is bad.
 * *header is valid with PARSE_DONE. */
struct parse_result proxy_read(struct span bytes, struct proxy_header *header);

#define PROXY_V1_MAX 108
#define PROXY_V2_MAX 52

/* Write a header for a connection from `source` to `destination`; return its length. An endpoint that is no IP address
 * gives UNKNOWN (v1) or LOCAL (v2). If the two are of different families, both are written as IPv6 (mapped). */
size_t proxy_write_v1(uint8_t buffer[PROXY_V1_MAX], const struct endpoint *source, const struct endpoint *destination);
size_t proxy_write_v2(uint8_t buffer[PROXY_V2_MAX], const struct endpoint *source, const struct endpoint *destination);

#endif
