#ifndef LIMPET_SESSION_CONNECTION_H
#define LIMPET_SESSION_CONNECTION_H

/* One connection in tcp mode, seen as a walk through named steps (session/step.h has them):
 *
 *     guard → peek → pick → try → connect → carry
 *                     ↑________|_______|            the next-ranked server, when one cannot be reached
 *
 * and `farewell` for who is left when the other side is gone, or was never found. A connection belongs to one thread,
 * and ends in one place. */

#include "base/reason.h"
#include "front/listen.h"

struct connection;
struct context;

/* Takes over a connected client; all that the connection needs lasts as long as the context. */
void connection_start(struct context *context, struct listen_point *point, int fd, const struct endpoint *peer);

/* Ends it now, whatever it is doing. */
void connection_stop(struct connection *connection, enum reason reason);

/* A worker has come: all that wait for one try again. */
void connection_wake_parked(struct context *context);

/* The connection to which this link in context->connections belongs. */
struct connection *connection_of_link(struct list *link);

#endif
