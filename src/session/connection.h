#ifndef LIMPET_SESSION_CONNECTION_H
#define LIMPET_SESSION_CONNECTION_H

/* One connection in tcp mode, seen as a walk through named steps:
 *
 *     guard    refuse floods before reading a byte
 *     peek     look at the first bytes until it is decided who the client is
 *     pick     choose a server and begin to connect
 *     connect  wait for the server; if it fails, pick the next one
 *     carry    bring the bytes there until both sides are done
 *     farewell say a last word to a client who gets no server, and part in order
 *
 * Each step answers which step comes next, that it waits (for a stream or a deadline), or that all is over. A connection
 * belongs to one thread, and ends in one place. */

#include "base/reason.h"
#include "front/listen.h"

struct connection;
struct context;

/* Takes over a connected client; all that the connection needs lasts as long as the context. */
void connection_start(struct context *context, struct listen_point *point, int fd, const struct endpoint *peer);

/* Ends it now, whatever it is doing. */
void connection_stop(struct connection *connection, enum reason reason);

/* The connection that has this link in context->connections. */
struct connection *connection_of_link(struct list *link);

#endif
