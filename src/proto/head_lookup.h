#ifndef LIMPET_PROTO_HEAD_LOOKUP_H
#define LIMPET_PROTO_HEAD_LOOKUP_H

/* Looks things up in a complete head, and in the little languages inside one. Nothing is decoded or copied: what is
 * found lies in the bytes, which are the same that head_read() has read. Null data: not there. */

#include "base/span.h"
#include "proto/head.h"

#include <stdbool.h>
#include <stdint.h>

/* Without the query. "/" (which lies elsewhere) when an absolute target has none; CONNECT and "*" have no path. */
struct span head_path(const struct head *head, struct span bytes);
struct span head_query(const struct head *head, struct span bytes); /* without the question mark */
struct span head_host(const struct head *head, struct span bytes);  /* from the target, else Host; with port */

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

#endif
