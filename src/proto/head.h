#ifndef LIMPET_PROTO_HEAD_H
#define LIMPET_PROTO_HEAD_H

/* The head of an HTTP/1 request, read exactly and strictly: what two servers might read in two ways is bad.
 * Sources: RFC 9110 section 5 (fields), RFC 9112 sections 2 to 5 (request line, fields, line ends).
 *
 * head_read() finds the end of the head and judges every byte once; the lookups below work on a complete head only. */

#include "base/attr.h"
#include "base/span.h"
#include "proto/parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_FIELDS_MAX 100
#define HEAD_METHOD_MAX 32

/* The reader's state: zeroed before the first call. Positions count from the first byte of the stream. */
struct head {
    uint32_t position; /* bytes already judged */
    uint32_t mark;     /* start of the element being read */
    uint8_t state;
    bool host_seen;
    bool is_http; /* what was seen cannot be anything but an HTTP/1 request: the answer to badness may be a 400 */
    uint16_t field_count;
    uint16_t method_length;
    uint32_t target_start, target_length;
    uint8_t version_minor; /* 0 or 1 (other 1.x count as 1) */
    uint32_t fields_start; /* first byte behind the request line */
    uint32_t length;       /* of the whole head with its empty line, once done */
};

/* PARSE_DONE: the head is complete, with one empty line in front or none.
 *
 * PARSE_NONE: another protocol. Methods are arbitrary words, so most text protocols begin like HTTP; these rules part
 * them, for whoever relays what he does not understand. (Whoever serves HTTP and nothing else takes NONE as BAD.)
 *  - The first byte, behind one empty line, is no method character: nothing is waited for. So a second empty line, too
 *    (keep-alives of SIP), spaces, a byte order mark, TLS, RESP.
 *  - The method is longer than HEAD_METHOD_MAX.
 *  - The request line breaks a rule before it is sure to be HTTP. Then its rest decides, up to its end or the first
 *    control or 8-bit byte: BAD if "HTTP/" occurs in any case of letters, else NONE: "EHLO x", "INVITE sip:x SIP/2.0".
 *    It is sure when a well-known method (GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE) is followed by " /", or
 *    when "HTTP/" stands where the version belongs. So "GET /x" alone (HTTP/0.9) is BAD.
 *  - The line "PRI * HTTP/2.0": HTTP/2 is passed on undecoded.
 *
 * PARSE_BAD: malformed or ambiguous; `is_http` says whether to answer 400. Beyond the grammar: line ends are CRLF;
 * folded lines, '#', '\' and 8-bit bytes in the target, userinfo, schemes other than http and https, more than one
 * Host, none in HTTP/1.1, and more than HEAD_FIELDS_MAX fields are refused. An empty Host is allowed, and absent.
 *
 * A head that is longer than the caller will show is the caller's affair (it stops calling). Asked again after an end,
 * it gives the same answer. */
struct parse_result head_read(struct head *head, struct span bytes);

/* Lookups on a complete head; `bytes` are the same bytes. Empty span with null data: not there. */
struct span head_method(const struct head *head, struct span bytes);
struct span head_target(const struct head *head, struct span bytes);
/* Without the query. "/" when an absolute target has none; null data for CONNECT and "*", which have no path. */
struct span head_path(const struct head *head, struct span bytes);
struct span head_query(const struct head *head, struct span bytes); /* without the question mark */
struct span head_host(const struct head *head, struct span bytes);  /* from an absolute target, else Host; with port */

/* The next field after *cursor (start with 0), any name: false at the end. Values are trimmed of spaces and tabs. */
bool head_next_field(const struct head *head, struct span bytes, uint32_t *cursor, struct span *name,
                     struct span *value);

/* The field of this name (ASCII case ignored): the first, and in *count how many there are. */
struct span head_field(const struct head *head, struct span bytes, struct span name, unsigned *count);

/* Cookie `name` (exact, RFC 6265 section 4.2): the first with that name over all Cookie fields, surrounding double
 * quotes kept. What has no "=" is no cookie. */
struct span head_cookie(const struct head *head, struct span bytes, struct span name);

/* Parameter `name` (exact bytes, not decoded) of a query "a=1&b=2"; the first one. Without "=" it is there, empty. */
struct span query_parameter(struct span query, struct span name);

/* Segment `number` (from 1) of a path "/one/two". It may be empty, as the second of "/one/". */
struct span path_segment(struct span path, unsigned number);

/* "EXAMPLE.org:80" -> "EXAMPLE.org"; "[::1]:80" -> "[::1]". */
struct span host_without_port(struct span host);

#endif
