#include "session/handover.h"
#include "session/search.h"
#include "session/step.h"

#include <errno.h>
#include <unistd.h>

/* Not taken: the client is ours again, as it was. */
static enum step go_on(struct connection *c, enum delivery_answer answer)
{
    struct search search = {.context = c->context, .visit = &c->visit, .pick = &c->pick};
    search_declined(&search, answer == DELIVERY_LOST ? SEARCH_WORKER_FULL : SEARCH_WORKER_DECLINED,
                    handover_error(answer));
    timer_clear(&c->context->loop.timers, &c->timer);
    return STEP_PICK;
}

static enum step taken(struct connection *c)
{
    struct context *context = c->context;
    struct search search = {.context = context, .visit = &c->visit, .pick = &c->pick};
    search_found(&search);
    connection_arrived(c);
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
    handover_cut(c->handover);
    connection_abandon_handover(c);
    return connection_end(c, REASON_WORKER_TIMEOUT);
}

static void answered(void *owner)
{
    connection_walk(owner);
}

static void fill(const struct connection *c, struct delivery *delivery)
{
    delivery->client = c->visit.client;
    delivery->peer = c->visit.peer;
    delivery->key = c->pick.key_hash;
    delivery->server = c->visit.server->number;
    delivery->readable = c->readable;
    delivery->door = c->pick.door;
    delivery->tls = c->tls;
}

/* The client's socket lives on in the worker: an event of it would be none of ours. If bytes of it are held here, the worker
 * gets one end of a socketpair instead, whose other end becomes c->server. */
static int give_away(struct connection *c, struct delivery *delivery)
{
    int ours;
    delivery->pair = c->client.held != NULL;
    if (delivery->pair) {
        delivery->fd = handover_pair(&ours);
        if (delivery->fd < 0)
            return delivery->fd;
        stream_init(&c->server, ours, true, connection_server_ready);
        return 0;
    }
    if (c->watched)
        loop_forget(&c->context->loop, &c->client.source);
    c->watched = false;
    delivery->fd = c->client.source.fd;
    return 0;
}

static int begin(struct connection *c)
{
    struct delivery delivery = {0};
    fill(c, &delivery);
    int failure = give_away(c, &delivery);
    if (failure)
        return failure;
    c->handover = handover_begin(c->context, &delivery, answered, c);
    if (c->handover)
        return 0;
    if (delivery.pair) {
        close(delivery.fd);
        stream_close(&c->server, false);
    }
    return -ENOMEM;
}

static void finish(struct connection *c, enum delivery_answer answer)
{
    handover_finish(c->handover);
    c->handover = NULL;
    if (answer != DELIVERY_TAKEN)
        stream_close(&c->server, false); /* of the socketpair, if there is one */
}

void connection_abandon_handover(struct connection *c)
{
    if (!c->handover)
        return;
    if (!stream_is_open(&c->server))
        c->client.source.fd = -1; /* the handover closes it */
    handover_abandon(c->handover);
    c->handover = NULL;
}

enum step step_hand(struct connection *c)
{
    if (!c->handover && begin(c) != 0) {
        server_untried(c->context->share->states, c->visit.server->number);
        return connection_end(c, REASON_NO_MEMORY);
    }
    enum delivery_answer answer = handover_answer(c->handover);
    if (answer == DELIVERY_NONE)
        return wait_for_answer(c);
    finish(c, answer);
    return answer == DELIVERY_TAKEN ? taken(c) : go_on(c, answer);
}

/* ---- waiting for any worker ------------------------------------------------------------------------------------------ */

/* One that rested for want of descriptors is not announced when it may be tried again. */
#define PARK_LOOK (250 * (micros)MILLIS_IN_MICROS)

enum step connection_park(struct connection *c)
{
    if (connection_watch(c) != 0)
        return connection_end(c, REASON_NO_MEMORY);
    list_append(&c->context->waiters, &c->waiter.link);
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
    if (!connection_is_late(c) && !list_is_empty(&c->waiter.link))
        return STEP_WAIT;
    list_remove(&c->waiter.link);
    c->pick.tried_count = 0;
    c->pick.last_resort = false;
    return STEP_PICK;
}
