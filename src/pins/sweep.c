#include "pins/room.h"

/* ---- claiming again -------------------------------------------------------------------------------------------------- */

/* The stick of a pool whose pins are shared, or null. */
static const struct plan_stick *shared_stick(const struct plan_pool *pool)
{
    for (size_t i = 0; i < pool->stick_count; i++)
        if (pool->sticks[i].shared)
            return &pool->sticks[i];
    return NULL;
}

static void claim_again(struct room_link *link, const struct pin *pin)
{
    const struct pins_shared *shared = link->room->shared;
    const struct pin_home *home = room_home_of(shared, pin->server);
    const struct plan_pool *pool = home ? &shared->plan->pools[home->pool] : NULL;
    const struct plan_stick *stick = pool ? shared_stick(pool) : NULL;
    if (!stick || pin->confirmed == breaker_era(link->link.breaker) ||
        pin->until <= room_seconds(room_now(link->room)) || room_link_for(link->room, pin->mark) != link ||
        room_is_void(shared, pool, home->server, pin->claimed))
        return;
    struct pin_question question = {.pool = pool, .stick = stick, .mark = pin->mark};
    struct query query = room_query(&question, QUERY_CLAIM, home->server);
    query.lifetime = (micros)(pin->until - room_seconds(room_now(link->room))) * SECOND_IN_MICROS;
    query.made = (micros)pin->claimed * SECOND_IN_MICROS;
    query.owner = link;
    if (room_ask(link->room, &query))
        link->sweeping++;
}

static void sweep_batch(struct room_link *link)
{
    size_t count = pin_table_list(link->room->shared->table, &link->sweep_at, link->sweep, SWEEP_BATCH);
    for (size_t i = 0; i < count; i++)
        claim_again(link, &link->sweep[i]);
    if (count == 0 || !breaker_lets(link->link.breaker))
        link->sweep_at = SIZE_MAX;
}

/* What this leaves out is claimed when a visit wants it. */
static void sweep_in_another_turn(struct room_link *link)
{
    if (timer_set(&link->room->loop->timers, &link->sweep_later, room_now(link->room) + MILLIS_IN_MICROS) != 0)
        link->sweep_at = SIZE_MAX;
}

/* The next some that were not claimed yet; the others follow when these are answered. */
void room_sweep_on(struct room_link *link)
{
    for (unsigned i = 0; link->sweep_at != SIZE_MAX && link->sweeping == 0; i++) {
        if (i == SWEEP_BATCHES) {
            sweep_in_another_turn(link);
            return;
        }
        sweep_batch(link);
    }
}

void room_sweep_later(struct timer *timer)
{
    room_sweep_on(container_of(timer, struct room_link, sweep_later));
}

void room_sweep(struct room_link *link)
{
    link->sweep_at = 0;
    room_sweep_on(link);
}
