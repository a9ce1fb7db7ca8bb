#include "plan/plan.h"

#include "base/arena.h"

const struct key_source key_sources[KEY_KIND_COUNT] = {
#define X(name, word, argument, help) {word, argument, help},
    KEY_TABLE(X)
#undef X
};

void plan_free(struct plan *plan)
{
    if (plan)
        arena_free(plan->arena);
}

bool plan_learns_sessions(const struct plan_pool *pool)
{
    for (size_t i = 0; i < pool->stick_count; i++)
        if (pool->sticks[i].kind == STICK_SESSION)
            return true;
    return false;
}
