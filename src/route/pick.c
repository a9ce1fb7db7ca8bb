#include "route/pick.h"

#include <assert.h>
#include <stdlib.h>

struct ranking *ranking_new(const struct plan *plan)
{
    struct ranking *ranking = calloc(1, sizeof(*ranking) + plan->server_count * sizeof(ranking->identities[0]));
    if (!ranking)
        return NULL;
    rank_seed_derive(&ranking->seed, plan->seed);
    for (size_t p = 0; p < plan->pool_count; p++) {
        const struct plan_pool *pool = &plan->pools[p];
        for (size_t s = 0; s < pool->server_count; s++) {
            const struct plan_server *server = &pool->servers[s];
            assert(server->number < plan->server_count);
            ranking->identities[server->number] =
                rank_identity(&ranking->seed, span_text(pool->name), span_text(server->name));
        }
    }
    return ranking;
}

void ranking_free(struct ranking *ranking)
{
    free(ranking);
}

void pick_init(struct pick *pick, const struct plan_pool *pool, uint64_t key_hash)
{
    *pick = (struct pick){.pool = pool, .key_hash = key_hash};
}

static struct rank_entry entry_of(const struct plan_pool *pool, const struct ranking *ranking, uint64_t key_hash,
                                  size_t index)
{
    const struct plan_server *server = &pool->servers[index];
    return (struct rank_entry){
        .distance = rank_distance(&ranking->seed, key_hash, ranking->identities[server->number]),
        .weight = server->weight,
        .index = (uint32_t)index,
        .name = server->name,
    };
}

static bool was_tried(const struct pick *pick, size_t index)
{
    for (size_t i = 0; i < pick->tried_count; i++)
        if (pick->tried[i] == index)
            return true;
    return false;
}

/* The first in the ranking, whatever its state. */
static uint32_t find_home(const struct pick *pick, const struct ranking *ranking)
{
    struct rank_entry best = entry_of(pick->pool, ranking, pick->key_hash, 0);
    for (size_t i = 1; i < pick->pool->server_count; i++) {
        struct rank_entry entry = entry_of(pick->pool, ranking, pick->key_hash, i);
        if (rank_before(&entry, &best))
            best = entry;
    }
    return best.index;
}

/* The first in the ranking that was not tried and may be; false if there is none. */
static bool find_admissible(const struct pick *pick, const struct ranking *ranking, const struct server_states *states,
                            micros now, uint32_t *index)
{
    const struct plan_pool *pool = pick->pool;
    struct rank_entry best = {.weight = 0};
    for (size_t i = 0; i < pool->server_count; i++) {
        if (was_tried(pick, i) || !server_may_try(states, pool->servers[i].number, pick->door, now, pick->last_resort))
            continue;
        struct rank_entry entry = entry_of(pool, ranking, pick->key_hash, i);
        if (best.weight == 0 || rank_before(&entry, &best))
            best = entry;
    }
    *index = best.index;
    return best.weight > 0;
}

uint32_t pick_first(const struct pick *pick, const struct ranking *ranking, const struct server_states *states,
                    micros now)
{
    uint32_t index;
    return find_admissible(pick, ranking, states, now, &index) ? index : find_home(pick, ranking);
}

static bool claim(struct pick *pick, struct server_states *states, micros now, uint32_t index)
{
    if (!server_try(states, pick->pool->servers[index].number, pick->door, now, pick->last_resort))
        return false;
    pick->tried[pick->tried_count++] = index;
    return true;
}

bool pick_known(struct pick *pick, struct server_states *states, micros now, uint32_t index)
{
    if (!server_try_known(states, pick->pool->servers[index].number, pick->door, now))
        return false;
    pick->tried[pick->tried_count++] = index;
    return true;
}

enum pick_verdict pick_next(struct pick *pick, const struct ranking *ranking, struct server_states *states, micros now,
                            uint32_t *index)
{
    assert(pick->pool->server_count > 0);
    if (pick->tried_count == PICK_TRIES_MAX)
        return PICK_NONE_LEFT;
    if (!pick->home_known) {
        pick->home_known = true;
        *index = pick->home = find_home(pick, ranking);
        if (!was_tried(pick, *index) && claim(pick, states, now, *index))
            return PICK_FOUND;
    }
    for (;;) {
        /* A claim fails only if another thread was quicker; then that server is not found again. */
        while (find_admissible(pick, ranking, states, now, index))
            if (claim(pick, states, now, *index))
                return PICK_FOUND;
        if (pick->last_resort)
            return PICK_NONE_LEFT;
        pick->last_resort = true;
    }
}

/* The best one ranked behind `last` (null: behind nobody); false if there is none. */
static bool find_next(const struct pick *pick, const struct ranking *ranking, const struct rank_entry *last,
                      struct rank_entry *best)
{
    bool found = false;
    for (size_t i = 0; i < pick->pool->server_count; i++) {
        struct rank_entry entry = entry_of(pick->pool, ranking, pick->key_hash, i);
        if ((last && !rank_before(last, &entry)) || (found && !rank_before(&entry, best)))
            continue;
        *best = entry;
        found = true;
    }
    return found;
}

size_t pick_before(const struct pick *pick, const struct ranking *ranking, uint32_t index, uint32_t *before,
                   size_t most)
{
    struct rank_entry last;
    struct rank_entry next;
    size_t count = 0;
    while (count < most && find_next(pick, ranking, count > 0 ? &last : NULL, &next) && next.index != index) {
        last = next;
        before[count++] = next.index;
    }
    return count;
}

void pick_ranking(const struct plan_pool *pool, const struct ranking *ranking, uint64_t key_hash,
                  struct rank_entry *entries)
{
    for (size_t i = 0; i < pool->server_count; i++)
        entries[i] = entry_of(pool, ranking, key_hash, i);
    rank_sort(entries, pool->server_count);
}
