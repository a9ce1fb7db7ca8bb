#ifndef LIMPET_ROUTE_PICK_H
#define LIMPET_ROUTE_PICK_H

/* The choice: the first server in the ranking that is admissible. A walk through a ranking is made of pick_next()
 * calls; servers that were tried already are remembered in the walk, so a failed connect goes on to the next-ranked.
 *
 * The home of nearly every visit is admissible, so the ranking is not sorted: each call finds the best one that is
 * left. */

#include "algo/rank.h"
#include "base/attr.h"
#include "plan/plan.h"
#include "route/server.h"

#include <stdbool.h>
#include <stdint.h>

/* Per plan: the identity of each server, by plan_server.number. */
struct ranking {
    struct rank_seed seed;
    uint64_t identities[]; /* plan->server_count of them */
};
MUST_CHECK struct ranking *ranking_new(const struct plan *plan);
void ranking_free(struct ranking *ranking);

/* At most so many servers are tried for one visit. */
#define PICK_TRIES_MAX 3

struct pick {
    const struct plan_pool *pool;
    uint64_t key_hash;
    uint8_t tried_count;
    uint32_t tried[PICK_TRIES_MAX]; /* index in the pool, in order */
    uint32_t home;                  /* index of the first in the ranking, whether admissible or not */
    uint8_t door;                   /* through which the client came: what route/server.h says; 0 after pick_init() */
    bool home_known;
    bool last_resort; /* no server was admissible: a resting one is tried */
};

void pick_init(struct pick *pick, const struct plan_pool *pool, uint64_t key_hash);

enum pick_verdict { PICK_FOUND, PICK_NONE_LEFT };

/* The next server to try, as an index in the pool. If no admissible one is left, resting
 * ones are offered in the order of the ranking, each to one visit at a time. `now` is the steady clock. */
MUST_CHECK enum pick_verdict pick_next(struct pick *pick, const struct ranking *ranking, struct server_states *states,
                                       micros now, uint32_t *index);

/* The first that might be tried now, without asking for it; the first of all when none may. */
uint32_t pick_first(const struct pick *pick, const struct ranking *ranking, const struct server_states *states,
                    micros now);

/* Tries this server first, because it knows the client: true as for PICK_FOUND. It may drain, but not rest. */
MUST_CHECK bool pick_known(struct pick *pick, struct server_states *states, micros now, uint32_t index);

/* The servers ranked before `index`, best first, at most `most` of them; PICK_NOBODY: all of them. Returns how many. */
#define PICK_NOBODY UINT32_MAX
size_t pick_before(const struct pick *pick, const struct ranking *ranking, uint32_t index, uint32_t *before,
                   size_t most);

/* The whole ranking, best first, for `limpet why`; `entries` has room for all servers of the pool. */
void pick_ranking(const struct plan_pool *pool, const struct ranking *ranking, uint64_t key_hash,
                  struct rank_entry *entries);

#endif
