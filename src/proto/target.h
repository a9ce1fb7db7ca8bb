#ifndef LIMPET_PROTO_TARGET_H
#define LIMPET_PROTO_TARGET_H

/* The target of a request, and the host in it or in a Host field (RFC 9112 section 3.2, RFC 3986 section 3.2).
 *
 * A target has one of four forms, and once it is judged good, its text alone says which: "/path?query",
 * "http://host/path?query", "host:port" of CONNECT, "*" of OPTIONS. */

#include "base/attr.h"
#include "base/span.h"

#include <stdbool.h>

/* Null, or what is wrong with a target for this method (a static text). Both are not empty, and the caller has looked
 * at the bytes of the path and query. Refused: userinfo, schemes other than http and https; the method PRI. */
MUST_CHECK const char *target_judge(struct span method, struct span target);

/* Does the Host field (trimmed) say what an absolute target says? ASCII case is ignored, and the scheme's own port is
 * the same as none. The target wins by RFC 9112 section 3.2.2, but many servers go by Host, so two hosts are a request
 * that can be read in two ways. A target of another form fits every Host. */
bool target_fits_host(struct span target, struct span host);

/* Parts of a target that was judged good. Null data: its form has none. */
struct span target_host(struct span target);  /* with port */
struct span target_path(struct span target);  /* without the query; "/" for an absolute target that has none */
struct span target_query(struct span target); /* without the question mark */

/* host [":" port]: a name without ',', so that a list of hosts is none, or an address ("[::1]"). A port may be empty but
 * not longer than ports are. */
bool host_is_valid(struct span host);

/* "EXAMPLE.org:80" -> "EXAMPLE.org"; "[::1]:80" -> "[::1]". */
struct span host_without_port(struct span host);

#endif
