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

#endif
