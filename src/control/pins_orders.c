#include "control/pins_orders.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/pins_answer.h"
#include "control/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PIN_MEANINGS_MOST * sizeof(struct wire_unpin) <= WIRE_TEXT_MOST, "all meanings fit into a message");

static void note_sharing(const struct pins_orders *orders, const struct plan_stick *stick, struct unpinned *unpinned)
{
    unpinned->shared |= stick->shared;
    for (size_t i = 0; stick->shared && i < orders->view->plan->memcached_count; i++)
        unpinned->unheard |= !breaker_lets(&orders->breakers[i]);
}

/* ---- a key ----------------------------------------------------------------------------------------------------------- */

static int unpin_in(const struct pins_orders *orders, const struct plan_pool *pool, struct span key,
                    struct unpinned *unpinned)
{
    struct wire_message message;
    struct pin_meaning list[PIN_MEANINGS_MOST];
    struct pin_seen seen;
    size_t count = pins_view_meanings(orders->view, pool, key, list);
    if (count == 0)
        return -E2BIG;
    wire_init(&message, WIRE_UNPIN);
    message.number = (uint32_t)(pool - orders->view->plan->pools);
    for (size_t i = 0; i < count; i++) {
        struct wire_unpin unpin = {.mark = list[i].mark, .stick = (uint32_t)(list[i].stick - pool->sticks)};
        memcpy(message.text + message.length, &unpin, sizeof(unpin));
        message.length += sizeof(unpin);
        unpinned->count += pins_view_find(orders->view, pool, list[i].mark, &seen);
        note_sharing(orders, list[i].stick, unpinned);
    }
    return engine_process_tell(orders->engine, &message, NULL, 0);
}

static int unpin_everywhere(const struct pins_orders *orders, struct span key, struct unpinned *unpinned)
{
    const struct plan *plan = orders->view->plan;
    int failure = -ENOTSUP;
    for (size_t i = 0; i < plan->pool_count; i++) {
        if (!pins_view_is_kept(&plan->pools[i]))
            continue;
        failure = unpin_in(orders, &plan->pools[i], key, unpinned);
        if (failure)
            return failure;
    }
    return failure;
}

int pins_orders_key(const struct pins_orders *orders, struct span name, struct span key, struct unpinned *unpinned)
{
    const struct plan_pool *pool;
    *unpinned = (struct unpinned){.count = 0};
    if (name.length == 0)
        return unpin_everywhere(orders, key, unpinned);
    int failure = pins_answer_pool(orders->view, name, &pool);
    return failure ? failure : unpin_in(orders, pool, key, unpinned);
}

/* ---- a server -------------------------------------------------------------------------------------------------------- */

static int count_pins(const struct pins_orders *orders, const struct plan_pool *pool, const struct plan_server *server,
                      size_t *count)
{
    size_t *counts = calloc(pool->server_count, sizeof(*counts));
    int failure = counts ? pins_view_count(orders->view, pool, counts) : -ENOMEM;
    if (!failure)
        *count = counts[server - pool->servers];
    free(counts);
    return failure;
}

/* What counts is the time. The engine drops its pins besides, so that they take no room, and go into no file. */
int pins_orders_server(const struct pins_orders *orders, const struct plan_pool *pool, const struct plan_server *server,
                       struct unpinned *unpinned)
{
    *unpinned = (struct unpinned){.count = 0};
    if (!pins_view_is_kept(pool))
        return -ENOTSUP;
    int failure = count_pins(orders, pool, server, &unpinned->count);
    if (failure)
        return failure;
    for (size_t i = 0; i < pool->stick_count; i++)
        note_sharing(orders, &pool->sticks[i], unpinned);
    server_set_unpinned(orders->states, server->number, (uint32_t)(clock_wall() / SECOND_IN_MICROS));
    if (engine_process_say(orders->engine, WIRE_UNPIN_SERVER, (uint32_t)server->number, NULL, 0) != 0)
        log_debug("the engine keeps the pins of %s/%s, which do not count", pool->name, server->name);
    log_notice("%s/%s: whoever is pinned to it goes where the ranking leads", pool->name, server->name);
    return 0;
}
