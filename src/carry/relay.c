#include "carry/relay.h"

#include <errno.h>

void relay_init(struct relay *relay)
{
    *relay = (struct relay){0};
}

void relay_fini(struct relay *relay, struct carry_kit *kit)
{
    flow_fini(&relay->in, kit);
    flow_fini(&relay->out, kit);
}

int relay_put_first(struct relay *relay, const void *bytes, size_t length)
{
    return flow_put(&relay->in, span_of(bytes, length), length);
}

static void pass_end_on(struct flow *flow, struct stream *to)
{
    if (flow_is_whole(flow) && !flow->finished) {
        flow->finished = true;
        stream_shutdown(to);
    }
}

static enum reason broken(enum flow_answer answer, bool from_client)
{
    switch (answer) {
    case FLOW_NO_MEMORY:
        return REASON_NO_MEMORY;
    case FLOW_FROM_BROKE:
        return from_client ? REASON_CLIENT_RESET : REASON_SERVER_RESET;
    case FLOW_TO_BROKE:
        return from_client ? REASON_SERVER_RESET : REASON_CLIENT_RESET;
    case FLOW_TO_LEFT:
    case FLOW_WAIT:
    case FLOW_AGAIN:
    case FLOW_DONE:
        break;
    }
    return REASON_NONE;
}

/* Did it end before it reset? The kernel says so to whoever asks first. */
static bool left_in_order(const struct stream *stream)
{
    return stream_error(stream) == -EPIPE;
}

/* A side whose end was seen, or whose bytes nobody takes, is not read, so that it broke only shows here. Its socket also hangs up
 * when both directions ended in order; but then the other direction was passed on already. */
static enum reason broke_later(struct relay *relay, struct carry_kit *kit, const struct stream *client,
                               const struct stream *server)
{
    if (client->broken && !relay->out.finished && !relay->out.unheard) {
        if (flow_is_whole(&relay->in))
            return REASON_CLIENT_RESET;
        if (!relay->in.ended && !server->writable) {
            if (!left_in_order(client))
                return REASON_CLIENT_RESET;
            flow_go_unheard(&relay->out, kit);
        }
    }
    if (server->broken && !relay->in.finished && flow_is_whole(&relay->out))
        return REASON_SERVER_RESET;
    return REASON_NONE;
}

/* Nothing more will come of a direction. */
static bool is_over(const struct flow *flow)
{
    return flow->unheard || flow_is_whole(flow);
}

/* Closing both sockets passes the last end on. */
static enum reason ended(const struct relay *relay)
{
    if (!is_over(&relay->in) || !is_over(&relay->out))
        return REASON_NONE;
    return relay->in.unheard ? REASON_SERVER_RESET : relay->out.unheard ? REASON_CLIENT_RESET : REASON_DONE;
}

size_t relay_unsent(const struct stream *client, const struct stream *server)
{
    return (client->writable ? 0 : stream_unsent(client)) + (server->writable ? 0 : stream_unsent(server));
}

static uint64_t count_moved(struct carry_kit *kit, enum counter counter, uint64_t before, uint64_t after)
{
    if (after != before)
        counter_add(kit->counters, counter, after - before);
    return after - before;
}

/* Who ended in order and takes nothing more is no reason to end: what the other one says to him is dropped. */
static enum flow_answer run_one(struct flow *flow, struct carry_kit *kit, struct stream *from, struct stream *to)
{
    uint64_t left = FLOW_UNTIL_END;
    enum flow_answer answer = flow_run(flow, kit, from, to, &left);
    if (answer == FLOW_TO_LEFT) {
        flow_go_unheard(flow, kit);
        answer = flow_run(flow, kit, from, to, &left);
    }
    return answer == FLOW_DONE ? FLOW_WAIT : answer;
}

/* A server that reset may have answered before: the kernel still has that. But it told of the reset when we wrote, and tells only
 * once: the end that is read now is none. */
static void pass_last_words_on(struct flow *flow, struct carry_kit *kit, struct stream *from, struct stream *to)
{
    bool ended_before = flow->ended;
    from->readable = true;
    (void)run_one(flow, kit, from, to);
    flow->ended = ended_before;
}

static enum reason run_both(struct relay *relay, struct carry_kit *kit, struct stream *client, struct stream *server,
                            bool *again)
{
    enum flow_answer inward = run_one(&relay->in, kit, client, server);
    if (inward == FLOW_TO_BROKE) {
        pass_last_words_on(&relay->out, kit, server, client);
        return REASON_SERVER_RESET;
    }
    enum flow_answer outward = run_one(&relay->out, kit, server, client);
    *again = inward == FLOW_AGAIN || outward == FLOW_AGAIN;
    enum reason reason = broken(outward, false);
    return reason != REASON_NONE ? reason : broken(inward, true);
}

struct relay_result relay_run(struct relay *relay, struct carry_kit *kit, struct stream *client, struct stream *server)
{
    uint64_t in = relay->in.moved;
    uint64_t out = relay->out.moved;
    bool again = false;
    enum reason reason = run_both(relay, kit, client, server, &again);
    bool moved = count_moved(kit, COUNTER_BYTES_IN, in, relay->in.moved) +
                     count_moved(kit, COUNTER_BYTES_OUT, out, relay->out.moved) >
                 0;
    if (reason == REASON_NONE)
        reason = ended(relay);
    if (reason == REASON_NONE)
        reason = broke_later(relay, kit, client, server);
    if (reason != REASON_NONE)
        return (struct relay_result){.answer = RELAY_FINISHED, .reason = reason, .moved = moved};
    pass_end_on(&relay->in, server);
    pass_end_on(&relay->out, client);
    return (struct relay_result){.answer = again ? RELAY_AGAIN : RELAY_WAIT, .reason = REASON_NONE, .moved = moved};
}
