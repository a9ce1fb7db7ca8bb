#include "route/forwarding.h"
#include "session/step.h"

static void look_at_sample(struct connection *c)
{
    struct span bytes;
    if (stream_peek(&c->client, c->context->scratch, PEEK_LIMIT, &bytes) <= 0)
        return;
    c->sample = false;
    const struct plan_listener *listener = c->visit.listener;
    enum client_from sent = forwarding_field_sent(bytes, listener->client_from);
    if (sent != CLIENT_FROM_NONE)
        crowd_warn(&c->context->crowds[c->listener], listener, sent, &c->context->share->crowd_quiet[c->listener],
                   connection_now(c));
}

static void note_move(struct connection *c)
{
    c->last_move = connection_now(c);
    c->unsent = UINT32_MAX;
}

/* The kernel wakes a blocked writer only when a third of its buffer is free, which may be megabytes: a slow reader can
 * read without a pause and yet no byte moves here for longer than the idle time. So before a relay is called idle, the
 * kernel is asked what the other side has not taken yet, and whether that was more at the last look. */
static bool somebody_reads(struct connection *c)
{
    size_t unsent = relay_unsent(&c->client, &c->server);
    bool reads = unsent > 0 && unsent < c->unsent;
    c->unsent = unsent < UINT32_MAX ? (uint32_t)unsent : UINT32_MAX;
    if (reads)
        c->last_move = connection_now(c);
    return reads;
}

/* Whoever speaks on to a server that has answered in full and left is heard for a while more: bytes that nobody reads
 * would reset him, and of the answer he would lose what he has not taken yet. The same for a server whose client has said
 * all and left. */
static enum step carried(struct connection *c, enum reason reason)
{
    if (reason == REASON_SERVER_RESET && flow_is_whole(&c->relay.out))
        return connection_part(c, &c->client, reason, "");
    if (reason == REASON_CLIENT_RESET && flow_is_whole(&c->relay.in))
        return connection_part(c, &c->server, reason, "");
    return connection_end(c, reason);
}

enum step step_carry(struct connection *c)
{
    if (c->sample && c->client.readable)
        look_at_sample(c);

    struct relay_result result = relay_run(&c->relay, &c->context->kit, &c->client, &c->server);
    if (result.moved)
        note_move(c);
    if (result.answer == RELAY_FINISHED)
        return carried(c, result.reason);
    if (result.answer == RELAY_AGAIN)
        loop_again(&c->context->loop, &c->client.source);

    const struct plan_timeouts *timeouts = &connection_plan(c)->timeouts;
    micros idle = c->tunnel ? timeouts->tunnel : timeouts->idle;
    if (connection_now(c) >= c->last_move + idle && !somebody_reads(c))
        return connection_end(c, REASON_IDLE);
    return connection_wait(c, c->last_move + idle);
}

enum step step_farewell(struct connection *c)
{
    struct stream *hearer = c->server_hears ? &c->server : &c->client;
    enum farewell_answer answer = farewell_run(&c->farewell, hearer);
    if (answer == FAREWELL_OVER)
        return STEP_OVER;
    if (connection_is_late(c) && !farewell_is_heard_on(&c->farewell, hearer))
        return STEP_OVER;
    if (answer == FAREWELL_AGAIN)
        loop_again(&c->context->loop, &hearer->source);
    if (!connection_is_late(c))
        return STEP_WAIT;
    int failure = timer_set(&c->context->loop.timers, &c->timer, connection_now(c) + FAREWELL_PATIENCE);
    return failure ? STEP_OVER : STEP_WAIT;
}
