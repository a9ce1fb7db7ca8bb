#ifndef LIMPET_PINS_ROOM_H
#define LIMPET_PINS_ROOM_H

/* What the files of this room know of each other: pins/pins keeps the table and answers visits, pins/ask knows the words for
 * memcached and what its replies mean, pins/sweep claims again what memcached lacks. */

#include "pins/link.h"
#include "pins/pins.h"

/* Pins that are claimed again at a time. */
#define SWEEP_BATCH 32

/* So many batches of which none was to be claimed are looked through in one turn: visits wait for no table of millions. */
#define SWEEP_BATCHES 64

struct room_link {
    struct memcached_link link;
    struct pins_room *room;
    size_t sweep_at;   /* the cursor of the table; SIZE_MAX: nothing to sweep */
    unsigned sweeping; /* queries under way */
    struct timer sweep_later;
    struct pin sweep[SWEEP_BATCH];
};

struct pins_room {
    struct loop *loop;
    struct pins_shared *shared;
    struct counters *counters;
    uint8_t scratch[LINK_SCRATCH];
    size_t count;
    struct room_link links[];
};

static inline micros room_now(const struct pins_room *room)
{
    return room->loop->now;
}

/* What no pin can count (136 years) is for ever. */
static inline uint32_t room_seconds(micros time)
{
    micros whole = time / SECOND_IN_MICROS;
    return whole < UINT32_MAX ? (uint32_t)whole : UINT32_MAX;
}

/* The server that a pin names; null: none of ours. */
const struct pin_home *room_home_of(const struct pins_shared *shared, uint64_t identity);

/* The link to the memcached server that a mark is for. */
struct room_link *room_link_for(struct pins_room *room, struct mark mark);

/* What memcached has said of a pin counts, whatever was here. */
void room_remember(struct room_link *link, const struct query *query, uint32_t server, micros claimed);

/* A pin of this age to this server was unpinned since. */
bool room_is_void(const struct pins_shared *shared, const struct plan_pool *pool, uint32_t server, uint32_t claimed);

struct query room_query(const struct pin_question *question, enum query_kind kind, uint32_t server);

/* Begins to ask; null: there is nobody to ask, or no memory. Only its first members, up to `lifetime`, and whoever waits are
 * read of `wanted`. */
MUST_CHECK struct query *room_ask(struct pins_room *room, const struct query *wanted);

extern const struct memcached_calls room_calls;

/* Begins at the first pin; goes on when those under way are answered. */
void room_sweep(struct room_link *link);
void room_sweep_on(struct room_link *link);
void room_sweep_later(struct timer *timer);

#endif
