#include "session/search.h"

#include "base/log.h"
#include "route/connect.h"

#include <string.h>

static micros now(const struct search *search)
{
    return search->context->loop.now;
}

static struct server_states *states(const struct search *search)
{
    return search->context->share->states;
}

static uint32_t index_of(const struct search *search)
{
    return (uint32_t)(search->visit->server - search->visit->pool->servers);
}

/* A message only when it was up until now: its next failures tell nothing new. */
void search_refused(const struct search *search, int error)
{
    const struct plan_server *server = search->visit->server;
    counter_add(search->context->counters, COUNTER_CONNECT_FAILURES, 1);
    visit_pass(search->visit, index_of(search), error);
    if (server_failed(states(search), server->number, now(search)))
        log_warning("pool %s: server %s is down: connect to %s: %s; its clients go to their next-ranked",
                    search->visit->pool->name, server->name, server->address.text, strerror(error));
}

void search_untried(const struct search *search)
{
    server_untried(states(search), search->visit->server->number);
}

/* That is not the server's fault. */
void search_hindered(const struct search *search, int error)
{
    static struct log_limit limit;
    unsigned long skipped;
    counter_add(search->context->counters, COUNTER_CONNECT_FAILURES, 1);
    visit_pass(search->visit, index_of(search), error);
    search_untried(search);
    if (log_limit_pass(&limit, 60, &skipped))
        log_warning("no connection to server %s can be opened from here: %s", search->visit->server->name,
                    strerror(error));
}

static void worker_is_full(const struct search *search)
{
    const struct plan_server *server = search->visit->server;
    if (server_failed(states(search), server->number, now(search)))
        log_warning(
            "%s/%s has no descriptor left for a connection: its clients go to their next-ranked; raise `limits: "
            "open-files` or ulimit -n",
            search->visit->pool->name, server->name);
}

void search_declined(const struct search *search, enum search_worker how, int error)
{
    visit_pass(search->visit, index_of(search), error);
    if (how == SEARCH_WORKER_FULL)
        worker_is_full(search);
    else
        search_untried(search);
}

void search_found(const struct search *search)
{
    const struct plan_server *server = search->visit->server;
    if (search->visit->choice == VISIT_NEXT_RANKED)
        counter_add(search->context->counters, COUNTER_NEXT_RANKED, 1);
    if (!server_succeeded(states(search), server->number))
        return;
    if (server->slot != 0)
        log_notice("%s/%s takes connections again: its clients come home", search->visit->pool->name, server->name);
    else
        log_notice("pool %s: server %s is up again: its clients come home", search->visit->pool->name, server->name);
}

static bool was_passed(const struct visit_passed *passed, uint32_t server)
{
    for (size_t i = 0; passed && i < passed->count; i++)
        if (passed->servers[i] == server)
            return true;
    return false;
}

/* Those ranked before the choice (PICK_NOBODY: all) that were not tried are resting. */
static void note_resting(const struct search *search, uint32_t choice)
{
    uint32_t before[VISIT_PASSED_MOST + 1]; /* one more than is told: then it is told that there are more */
    size_t count = pick_before(search->pick, search->context->share->ranking, choice, before, VISIT_PASSED_MOST + 1);
    for (size_t i = 0; i < count; i++)
        if (!was_passed(search->visit->passed, before[i]))
            visit_pass(search->visit, before[i], 0);
}

/* Why is this server the choice? */
static void note_choice(const struct search *search, uint32_t index)
{
    struct visit *visit = search->visit;
    visit->server = &visit->pool->servers[index];
    visit->choice = VISIT_HOME;
    if (index != search->pick->home) {
        visit->choice = VISIT_NEXT_RANKED;
        note_resting(search, index);
    }
    if (search->pick->last_resort)
        visit->choice = VISIT_LAST_RESORT;
}

bool search_next(const struct search *search)
{
    uint32_t index;
    if (pick_next(search->pick, search->context->share->ranking, states(search), now(search), &index) == PICK_NONE_LEFT)
        return false;
    note_choice(search, index);
    return true;
}

bool search_known(const struct search *search, uint32_t index, enum visit_choice choice)
{
    struct visit *visit = search->visit;
    if (!pick_known(search->pick, states(search), now(search), index)) {
        visit_pass(visit, index, 0);
        return false;
    }
    visit->server = &visit->pool->servers[index];
    visit->choice = (uint8_t)choice;
    return true;
}

void search_in_vain(const struct search *search)
{
    static struct log_limit limit;
    unsigned long skipped;
    if (search->pick->tried_count < PICK_TRIES_MAX)
        note_resting(search, PICK_NOBODY);
    if (log_limit_pass(&limit, 1, &skipped))
        log_error("pool %s: no server can be reached; visits end with %s", search->visit->pool->name,
                  reason_text(REASON_NO_SERVER));
    search->visit->server = NULL;
    search->visit->choice = VISIT_NOWHERE;
}
