#ifndef LIMPET_PROTO_HEAD_H
#define LIMPET_PROTO_HEAD_H

/* The head of an HTTP/1 request, read exactly and strictly: what two servers might read in two ways is bad.
 * Sources: RFC 9110 section 5 (fields), RFC 9112 sections 2 to 5 (request line, fields, line ends).
 *
 * head_read() finds the end of the head and judges every byte once; proto/head_lookup finds things in a complete one. */

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
    bool target_wins; /* set by a caller who writes a Host of its own: an absolute target need not agree with Host */
    bool is_http;     /* what was seen cannot be anything but an HTTP/1 request: the answer to badness may be a 400 */
    uint16_t field_count;
    uint16_t method_length;
    uint32_t target_start, target_length;
    uint8_t version_minor; /* 0 or 1 (other 1.x count as 1) */
    uint32_t fields_start; /* first byte behind the request line */
    uint32_t length;       /* of the whole head with its empty line, once done */
    /* Of an answer. */
    uint16_t status;
    uint32_t reason_start, reason_length; /* the words behind the status; may be empty */
};

/* PARSE_DONE: the head is complete, with one empty line in front or none.
 *
 * PARSE_NONE: another protocol. Methods are arbitrary words, so most text protocols begin like HTTP; these rules part
 * them, for whoever relays what he does not understand. (Whoever serves HTTP and nothing else takes NONE as BAD.)
 *  - The first byte, behind one empty line, is no method character: nothing is waited for. So a second empty line, too
 *    (keep-alives of SIP), spaces, a byte order mark, TLS, RESP.
 *  - The method is longer than HEAD_METHOD_MAX.
 *  - The request line breaks a rule before it is sure to be HTTP. Then its rest decides, up to its end or the first
 *    byte that is neither visible nor taken for a space by lenient servers (tab, VT, FF, bare CR: RFC 9112 section 3):
 *    BAD if "HTTP/" occurs in any case of letters, else NONE: "EHLO x", "INVITE sip:x SIP/2.0".
 *    It is sure when a well-known method (GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE) is followed by " /", or
 *    when "HTTP/" stands where the version belongs. So "GET /x" alone (HTTP/0.9) is BAD.
 *  - The HTTP/2 preface, byte for byte (RFC 9113 section 3.4): HTTP/2 is passed on undecoded. What begins with
 *    "PRI * HTTP/2" and goes on otherwise is BAD, and so is a preface behind an empty line.
 *
 * PARSE_BAD: malformed or ambiguous; `is_http` says whether to answer 400. Beyond the grammar: line ends are CRLF;
 * folded lines, '#', '\' and 8-bit bytes in the target, userinfo, schemes other than http and https, more than one
 * Host, none in HTTP/1.1, and more than HEAD_FIELDS_MAX fields are refused. An empty Host is allowed, and absent.
 * Refused, too, is an absolute target whose host is another than the field's: RFC 9112 section 3.2.2 lets the target
 * win, many servers take the field, and whoever passes the bytes on as they are cannot make them agree.
 *
 * A head that is longer than the caller will show is the caller's affair (it stops calling). Asked again after an end,
 * it gives the same answer. */
struct parse_result head_read(struct head *head, struct span bytes);

/* The same for the head of an answer, and its own state: "HTTP/1.x" SP status, 100 to 599, [SP words] CRLF, and then field
 * lines as strict as a request's. PARSE_NONE does not occur. */
struct parse_result head_read_answer(struct head *head, struct span bytes);

/* The same for a trailer section (RFC 9112 section 7.1.2), the lines behind a last chunk with the empty one. Done at the end
 * of the empty line. */
struct parse_result head_read_trailers(struct head *head, struct span bytes);

/* Parts of the request line, once it was read; `bytes` are the same bytes. */
struct span head_method(const struct head *head, struct span bytes);
struct span head_target(const struct head *head, struct span bytes);

/* The words behind the status of an answer. */
struct span head_reason(const struct head *head, struct span bytes);

#endif
