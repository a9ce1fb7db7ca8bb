#ifndef LIMPET_SESSION_HTTP_H
#define LIMPET_SESSION_HTTP_H

/* A client in http mode: one connection on which one request after the other is a visit of its own. See session/exchange.h for
 * how a request walks. */

#include "base/attr.h"

struct connection;
struct context;
struct facts;
struct http_room;
struct share;

/* What the clients of a thread in http mode share; null if no listener has any. 0 or -ENOMEM. */
MUST_CHECK int http_room_new(struct context *context, struct http_room **room);
void http_room_free(struct http_room *room);

/* The connection has turned out to be one of requests: its client goes on here, and the connection goes without a line in the
 * log. 0 or a negative errno; then nothing has happened. */
MUST_CHECK int http_take_over(struct connection *c, const struct facts *facts);

#endif
