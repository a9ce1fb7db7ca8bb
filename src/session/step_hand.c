#include "base/log.h"
#include "session/handover.h"
#include "session/step.h"

#include <errno.h>
#include <unistd.h>

/* What the log says of a worker that did not take the connection, as an errno. */
static int error_of(enum delivery_answer answer)
{
    switch (answer) {
    case DELIVERY_REFUSED:
        return ECONNREFUSED;
    case DELIVERY_LOST:
        return EMFILE;
    case DELIVERY_SILENT:
        return ETIMEDOUT;
    case DELIVERY_NONE:
    case DELIVERY_TAKEN:
    case DELIVERY_GONE:
        break;
    }
    return EPIPE;
}

static void worker_is_full(struct connection *c)
{
    const struct plan_server *server = c->visit.server;
    if (server_failed(c->context->share->states, server->number, connection_now(c)))
        log_warning(
            "%s/%s has no descriptor left for a connection: its clients go to their next-ranked; raise `limits: "
            "open-files` or ulimit -n",
            c->visit.pool->name, server->name);
}

/* Not taken: the client is ours again, as it was. */
static enum step go_on(struct connection *c, enum delivery_answer answer)
{
    struct server_states *states = c->context->share->states;
    visit_pass(&c->visit, connection_server_index(c), error_of(answer));
    if (answer == DELIVERY_LOST)
        worker_is_full(c);
    else
        server_untried(states, c->visit.server->number);
    timer_clear(&c->context->loop.timers, &c->timer);
    return STEP_PICK;
}

static enum step taken(struct connection *c)
{
    struct context *context = c->context;
    if (c->visit.choice == VISIT_NEXT_RANKED)
        counter_add(context->counters, COUNTER_NEXT_RANKED, 1);
    if (server_succeeded(context->share->states, c->visit.server->number))
        log_notice("%s/%s takes connections again: its clients come home", c->visit.pool->name, c->visit.server->name);
    counter_add(context->counters, COUNTER_HANDED_OVER, 1);
    c->visit.connected = clock_steady();
    if (!stream_is_open(&c->server))
        return connection_end(c, REASON_HANDED_OVER);
    if (connection_watch(c) != 0 || loop_add(&context->loop, &c->server.source, LOOP_BOTH) != 0)
        return connection_end(c, REASON_NO_MEMORY);
    return connection_carry(c);
}

static enum step wait_for_answer(struct connection *c)
{
    if (connection_now(c) < c->worker_by)
        return connection_wait(c, c->worker_by);
    server_untried(c->context->share->states, c->visit.server->number);
    handover_cut(c);
    handover_abandon(c);
    return connection_end(c, REASON_WORKER_TIMEOUT);
}

enum step step_hand(struct connection *c)
{
    if (!c->handover && handover_begin(c) != 0) {
        server_untried(c->context->share->states, c->visit.server->number);
        return connection_end(c, REASON_NO_MEMORY);
    }
    enum delivery_answer answer = handover_answer(c);
    if (answer == DELIVERY_NONE)
        return wait_for_answer(c);
    handover_finish(c);
    return answer == DELIVERY_TAKEN ? taken(c) : go_on(c, answer);
}

/* ---- waiting for any worker ------------------------------------------------------------------------------------------ */

/* One that rested for want of descriptors is not announced when it may be tried again. */
#define PARK_LOOK (250 * (micros)MILLIS_IN_MICROS)

enum step connection_park(struct connection *c)
{
    if (connection_watch(c) != 0)
        return connection_end(c, REASON_NO_MEMORY);
    list_append(&c->context->parked, &c->parked);
    micros look = connection_now(c) + PARK_LOOK;
    if (timer_set(&c->context->loop.timers, &c->timer, look < c->worker_by ? look : c->worker_by) == 0)
        return STEP_PARK;
    return connection_end(c, REASON_NO_MEMORY);
}

/* Woken by its timer, or taken off the list because a worker has come. */
enum step step_park(struct connection *c)
{
    if (c->client.broken) {
        return connection_end(c, REASON_CLIENT_GONE);
    }
    if (!connection_is_late(c) && !list_is_empty(&c->parked))
        return STEP_WAIT;
    list_remove(&c->parked);
    c->pick.tried_count = 0;
    c->pick.last_resort = false;
    return STEP_PICK;
}
