#ifndef LIMPET_FRONT_LISTEN_H
#define LIMPET_FRONT_LISTEN_H

/* One listening socket in one thread. Trouble with accepting (no descriptor, no memory, a cap reached) pauses it for a
 * moment and leaves the newcomers in the backlog: a failing connection is never a failing loop. */

#include "base/attr.h"
#include "base/counter.h"
#include "base/endpoint.h"
#include "io/loop.h"
#include "plan/plan.h"
#include "route/limits.h"

#include <stdbool.h>

struct listen_point;

/* A newcomer. He has been let in by the caps; the taker owns the descriptor (non-blocking, close-on-exec) and calls
 * limits_leave() when he has gone. */
struct listen_taker {
    void (*take)(struct listen_taker *taker, struct listen_point *point, int fd, const struct endpoint *peer);
    struct loop *loop;
    struct limits *limits;
    struct counters *counters;
};

struct listen_point {
    struct loop_source source;
    struct timer resume;
    struct listen_taker *taker;
    const struct plan_listener *listener;
    size_t number; /* of the listener, in the plan */
    uint8_t door;  /* as in route/server.h; 0 unless the caller says otherwise */
    bool is_unix;
    bool paused;
};

/* Takes over a listening socket. 0 or a negative errno (the socket is closed then). */
MUST_CHECK int listen_start(struct listen_point *point, struct listen_taker *taker,
                            const struct plan_listener *listener, size_t number, int fd);

/* Takes in all who wait in the backlog already, then closes. Twice is fine. */
void listen_stop(struct listen_point *point);

/* Closes; whoever waits is left to those who hold the socket too. Twice is fine. */
void listen_close(struct listen_point *point);

#endif
