#include "why/ways.h"

#include "base/clock.h"

static void find_cookie(struct ways *ways, struct way *way, const struct sticks *sticks,
                        const struct stick_request *request)
{
    struct stick_answer answer = {.server = STICK_NOBODY};
    if (stick_find_cookie(sticks, request, way->stick, clock_wall(), &answer)) {
        way->state = WAY_KNOWS;
        way->server = answer.server;
    }
    ways->renew = answer.renew;
    ways->refused = answer.refused;
    ways->gone = answer.gone;
}

static void find_session(struct way *way, const struct pins_shared *names, const struct stick_request *request)
{
    way->thing = stick_session_id(request, way->stick);
    if (way->thing.length == 0)
        return;
    way->has_mark = pins_mark_session(&names->mark_key, request->pool, way->thing, &way->mark);
    way->server = stick_server_in_id(request->pool, way->thing);
    way->by_itself = way->server != STICK_NOBODY;
    way->state = way->by_itself ? WAY_KNOWS : way->has_mark ? WAY_UNKNOWN : WAY_TOO_LONG;
}

static void find_pin(struct way *way, const struct pins_shared *names, const struct decision *decision)
{
    if (decision->verdict != DECIDE_KEY)
        return;
    way->thing = decision->key;
    way->has_mark = pins_mark_key(&names->mark_key, decision->pool, decision->tag, decision->key, &way->mark);
    way->state = way->has_mark ? WAY_UNKNOWN : WAY_TOO_LONG;
}

void ways_find(struct ways *ways, const struct sticks *sticks, const struct pins_shared *names,
               const struct decision *decision, const struct endpoint *client)
{
    const struct stick_request request = {decision->pool, decision->head, decision->bytes, client};
    for (size_t i = 0; i < decision->pool->stick_count; i++) {
        struct way *way = &ways->all[ways->count++];
        *way = (struct way){.stick = &decision->pool->sticks[i], .server = STICK_NOBODY};
        switch (way->stick->kind) {
        case STICK_COOKIE:
            find_cookie(ways, way, sticks, &request);
            break;
        case STICK_SESSION:
            find_session(way, names, &request);
            break;
        case STICK_TABLE:
            find_pin(way, names, decision);
            break;
        }
    }
}

const struct way *ways_known(const struct ways *ways)
{
    for (size_t i = 0; i < ways->count; i++)
        if (ways->all[i].state == WAY_KNOWS)
            return &ways->all[i];
    return NULL;
}

bool ways_may_know_more(const struct ways *ways)
{
    for (size_t i = 0; i < ways->count && ways->all[i].state != WAY_KNOWS; i++)
        if (ways->all[i].state == WAY_UNKNOWN)
            return true;
    return false;
}
