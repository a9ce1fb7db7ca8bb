#ifndef LIMPET_CONTROL_PINS_ORDERS_H
#define LIMPET_CONTROL_PINS_ORDERS_H

/* What the operator orders about pins: whoever was pinned is brought to where the ranking leads, from the next visit on.
 *
 * A key is the engine's to forget, which puts a word into memcached, too, where pins are shared: other frontends find it
 * there. For a server a time is noted (route/server.h): its pins that are not younger count no more on this frontend, also those
 * that it finds in memcached; another frontend has a time of its own. */

#include "base/attr.h"
#include "control/engine_process.h"
#include "control/pins_view.h"
#include "pins/breaker.h"

#include <stdbool.h>
#include <stddef.h>

/* Views: all of it belongs to others. */
struct pins_orders {
    const struct pins_view *view;
    struct server_states *states;
    const struct breaker *breakers; /* one for each memcached server */
    struct engine_process *engine;
};

struct unpinned {
    size_t count; /* of pins that were here, and counted */
    bool shared;  /* other frontends may have them, too */
    bool unheard; /* ... and some memcached server does not answer now */
};

/* Unpins a key as somebody has written it, all that it may mean, in one pool, or in all that keep pins if `pool` is empty. 0, or
 * a negative errno as of control/pins_answer.h; -EPIPE: there is no engine now. */
MUST_CHECK int pins_orders_key(const struct pins_orders *orders, struct span pool, struct span key,
                               struct unpinned *unpinned);

/* Unpins all that are pinned to a server. 0; -ENOTSUP: its pool keeps no pins; -ENOMEM. */
MUST_CHECK int pins_orders_server(const struct pins_orders *orders, const struct plan_pool *pool,
                                  const struct plan_server *server, struct unpinned *unpinned);

#endif
