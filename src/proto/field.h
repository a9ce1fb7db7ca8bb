#ifndef LIMPET_PROTO_FIELD_H
#define LIMPET_PROTO_FIELD_H

/* A `Name: value` line of any text protocol (SIP, STOMP, RTSP, one's own). Lines end with LF or CRLF. The search ends
 * at an empty line or at a NUL byte; then the field is absent (PARSE_NONE). Spaces around the value and in front of the
 * colon do not count, the case of ASCII letters in the name does not either. */

#include "base/span.h"
#include "proto/parse.h"

#include <stdint.h>

/* Zeroed before the first call. */
struct field_reader {
    uint32_t line_start; /* of the first line not yet complete */
    uint32_t position;
};

/* PARSE_DONE: *value lies inside `bytes`. A line counts only once its end was seen. */
struct parse_result field_read(struct field_reader *reader, struct span bytes, struct span name, struct span *value);

#endif
