#ifndef LIMPET_PINS_QUERY_H
#define LIMPET_PINS_QUERY_H

/* A question to a memcached server about one pin, from the first command to the last reply. What it means is for pins/pins to
 * know; pins/link brings commands there and replies back. */

#include "algo/mark.h"
#include "base/clock.h"
#include "base/list.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum query_kind {
    QUERY_FIND,    /* who is it? */
    QUERY_CLAIM,   /* it is `server`, unless somebody has claimed it already; who is it now? One round trip */
    QUERY_CONFIRM, /* it should be `server`: is it still? If nobody knows, it is claimed */
    QUERY_MOVE,    /* it was `was`, who is not to be had: it is `server`, unless somebody has moved it already */
    QUERY_SET,     /* it is `server` whatever was: a server itself has said so */
    QUERY_SEAL, /* it is `server` as before, sealed with an older key: with the newest, unless somebody has changed it */
    QUERY_UNPIN, /* it is nobody: whoever remembers it forgets it */
    QUERY_END    /* ... if it is `was` still */
};

enum query_outcome {
    QUERY_PINNED,   /* to a server of the pool */
    QUERY_CLAIMED,  /* the same, and it is ours */
    QUERY_FREE,     /* there is none */
    QUERY_UNPINNED, /* ... because it was unpinned, and nobody here knows it any more */
    QUERY_STRANGE,  /* there is something that we do not know */
    QUERY_FAILED    /* nobody answered in time, or not what memcached answers */
};

struct query {
    struct list link; /* of those that wait for replies, in the order of their commands */
    enum query_kind kind;
    struct mark mark;
    const struct plan_pool *pool;
    uint32_t server; /* index in the pool */
    uint32_t was;    /* QUERY_MOVE, QUERY_END; PIN_NO_SERVER: whoever it was */
    micros made;     /* QUERY_SEAL, QUERY_CLAIM: wall clock, when it was pinned; 0: it is new */
    uint64_t number; /* QUERY_SEAL: what memcached calls the value that is to be replaced */
    micros lifetime;
    micros deadline;    /* steady; 0: as long as the plan lets anybody wait */
    uint32_t opaque;    /* of the next reply */
    uint8_t replies;    /* still to come */
    uint8_t first_word; /* of the replies so far: enum memcached_word */
    uint8_t round;      /* from 0 */
    void (*answered)(void *owner, enum query_outcome outcome, uint32_t server); /* null: nobody waits */
    void *owner;
};

/* It is enough that memcached has taken these. All others end with a look at what stands there. */
static inline bool query_only_stores(const struct query *query)
{
    return query->kind == QUERY_SET || query->kind == QUERY_SEAL || query->kind == QUERY_UNPIN;
}

#endif
