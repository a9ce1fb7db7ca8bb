#ifndef LIMPET_CONTROL_PINS_VIEW_H
#define LIMPET_CONTROL_PINS_VIEW_H

/* The pins as the keeper sees them: it looks into the memory that it shares with the engine, and asks nobody. What stands there
 * is only ever compared and shown.
 *
 * A pin counts if it has not run out, leads to a server of the pool, and was not unpinned with its server since it was made. */

#include "algo/mark.h"
#include "base/attr.h"
#include "base/span.h"
#include "plan/plan.h"
#include "route/pick.h"
#include "route/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zeros before pins_view_init() and after pins_view_fini(). */
struct pins_view {
    const struct plan *plan;
    const struct server_states *states;
    const void *memory;      /* the table; null: no pool keeps pins */
    struct ranking *ranking; /* identities of servers, and the key of marks */
};

/* What it is given stays the caller's. 0 or -ENOMEM. */
MUST_CHECK int pins_view_init(struct pins_view *view, const struct plan *plan, const struct server_states *states,
                              const void *memory);
void pins_view_fini(struct pins_view *view); /* twice is fine */

/* Whether the pool keeps pins: of keys, or of sessions. */
bool pins_view_is_kept(const struct plan_pool *pool);

/* What a key that somebody has written may mean: the text as it is; the address, if it is one, whole or as the pool's key
 * sources group it; and the id of a session. Only what the pool keeps pins of. */
#define PIN_MEANINGS_MOST 16
struct pin_meaning {
    struct mark mark;
    const struct plan_stick *stick; /* STICK_TABLE: it is a key; STICK_SESSION */
};

/* How many; 0 also for a key that is too long to be remembered. */
size_t pins_view_meanings(const struct pins_view *view, const struct plan_pool *pool, struct span key,
                          struct pin_meaning list[PIN_MEANINGS_MOST]);

struct pin_seen {
    const struct plan_server *server;
    uint32_t made; /* seconds ago, by the wall clock of who made it */
    uint32_t left; /* seconds, if nobody comes back */
};

/* Looks for a pin that counts; false: there is none here. */
MUST_CHECK bool pins_view_find(const struct pins_view *view, const struct plan_pool *pool, struct mark mark,
                               struct pin_seen *seen);

/* Counts those that lead to each server of the pool, in counts[0] to counts[pool->server_count - 1]. 0 or -ENOMEM. Takes about
 * 20 ms for a million pins. */
MUST_CHECK int pins_view_count(const struct pins_view *view, const struct plan_pool *pool, size_t *counts);

#endif
