#ifndef LIMPET_SESSION_CONNECTION_H
#define LIMPET_SESSION_CONNECTION_H

/* One connection in tcp mode, seen as a walk through named steps (session/step.h has them):
 *
 *     guard → peek → stick → pick → try → connect → carry
 *                             ↑________|_______|            the next-ranked server, when one cannot be reached
 *
 * and `farewell` for who is left when the other side is gone, or was never found. A connection belongs to one thread,
 * and ends in one place. */

#include "base/reason.h"
#include "carry/flow.h"
#include "front/listen.h"
#include "io/stream.h"
#include "route/pick.h"
#include "session/visit.h"

struct connection;
struct context;

/* Two streams that have been something else until now, and carry bytes from now on, as a connection of its own. Everything is
 * taken over: the streams with what they hold, the visit, and what of the answer the client has not taken yet. */
struct connection_upgrade {
    struct stream *client;
    struct stream *server;
    struct visit *visit;
    const struct pick *pick;
    struct flow *out;
    uint64_t bytes_in;
    uint16_t listener;
    bool counted; /* among the connections of its client */
};
/* 0 or a negative errno; then nothing has been taken over but what cannot be used any more. */
MUST_CHECK int connection_upgrade(struct context *context, const struct connection_upgrade *upgrade);

/* Takes over a connected client; all that the connection needs lasts as long as the context. */
void connection_start(struct context *context, struct listen_point *point, int fd, const struct endpoint *peer);

#endif
