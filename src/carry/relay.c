#include "carry/relay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One direction may move so much in a turn, some 100 microseconds of copying or one full pipe, in so many steps. */
#define TURN_MOST (256 * 1024)
#define STEPS_MOST 32
#define SPLICE_MOST (256 * 1024)

/* A sender who says so much in one go is spliced. A pipe takes two calls more and no copying: at 4 KiB it costs as much
 * CPU or a fifth more, at 16 KiB a tenth less; docs/speed.md has the table. A read that fills the scratch is so long. */
#define LONG_RUN 16384

/* Bytes that wait for their receiver; allocated to fit, so never more than one read. */
struct relay_rest {
    uint32_t start;
    uint32_t length;
    uint32_t ours; /* how many of the next ones are not the sender's: a greeting */
    uint8_t bytes[];
};

enum flow_answer {
    FLOW_WAIT,
    FLOW_AGAIN,
    FLOW_FROM_BROKE, /* reading failed: the sender reset */
    FLOW_TO_BROKE,   /* writing failed: the receiver reset */
    FLOW_TO_LEFT,    /* writing failed: the receiver had ended in order, and reset what came after */
    FLOW_NO_MEMORY,
};

void relay_kit_init(struct relay_kit *kit, struct counters *counters, size_t pipes)
{
    pipes_init(&kit->pipes, pipes);
    kit->counters = counters;
    kit->may_splice = true;
    kit->always_splice = false;
}

void relay_kit_fini(struct relay_kit *kit)
{
    pipes_fini(&kit->pipes);
}

void relay_init(struct relay *relay)
{
    *relay = (struct relay){0};
}

static void flow_fini(struct relay_flow *flow, struct relay_kit *kit)
{
    free(flow->rest);
    flow->rest = NULL;
    if (flow->pipe)
        pipes_return(&kit->pipes, flow->pipe);
    flow->pipe = NULL;
}

void relay_fini(struct relay *relay, struct relay_kit *kit)
{
    flow_fini(&relay->in, kit);
    flow_fini(&relay->out, kit);
}

static int keep(struct relay_flow *flow, const uint8_t *bytes, size_t length)
{
    struct relay_rest *rest = malloc(sizeof(*rest) + length);
    if (!rest)
        return -ENOMEM;
    rest->start = 0;
    rest->length = (uint32_t)length;
    rest->ours = 0;
    memcpy(rest->bytes, bytes, length);
    flow->rest = rest;
    return 0;
}

int relay_put_first(struct relay *relay, const void *bytes, size_t length)
{
    int failure = keep(&relay->in, bytes, length);
    if (!failure)
        relay->in.rest->ours = (uint32_t)length;
    return failure;
}

/* The kernel says EPIPE for a reset that follows an end (in TCP's state CLOSE-WAIT), ECONNRESET for any other. */
static enum flow_answer write_failed(ssize_t error)
{
    return error == -EAGAIN ? FLOW_WAIT : error == -EPIPE ? FLOW_TO_LEFT : FLOW_TO_BROKE;
}

/* Sends the rest. FLOW_AGAIN when it is gone. */
static enum flow_answer send_rest(struct relay_flow *flow, struct stream *to)
{
    struct relay_rest *rest = flow->rest;
    ssize_t put = stream_write(to, rest->bytes + rest->start, rest->length);
    if (put < 0)
        return write_failed(put);
    uint32_t ours = rest->ours < put ? rest->ours : (uint32_t)put;
    flow->moved += (uint64_t)put - ours;
    rest->ours -= ours;
    rest->start += (uint32_t)put;
    rest->length -= (uint32_t)put;
    if (rest->length > 0)
        return FLOW_WAIT;
    free(rest);
    flow->rest = NULL;
    return FLOW_AGAIN;
}

/* Empties the pipe. FLOW_AGAIN when it is empty. */
static enum flow_answer send_pipe(struct relay_flow *flow, struct stream *to)
{
    while (flow->pipe->filled > 0) {
        ssize_t put = stream_splice_from_pipe(to, flow->pipe->read_end, flow->pipe->filled);
        if (put < 0)
            return write_failed(put);
        flow->moved += (uint64_t)put;
        flow->pipe->filled -= (size_t)put;
    }
    return FLOW_AGAIN;
}

static enum flow_answer read_failed(struct relay_flow *flow, ssize_t got)
{
    if (got == 0)
        flow->ended = true;
    return got == 0 ? FLOW_AGAIN : got == -EAGAIN ? FLOW_WAIT : FLOW_FROM_BROKE;
}

/* One read and one write. */
static enum flow_answer copy(struct relay_flow *flow, struct relay_kit *kit, struct stream *from, struct stream *to)
{
    ssize_t got = stream_read(from, kit->scratch, sizeof(kit->scratch));
    if (got <= 0)
        return read_failed(flow, got);
    /* There will be more: the rest of it is spliced. */
    static_assert(LONG_RUN == sizeof(kit->scratch), "a full read is a long run");
    flow->long_run |= got == LONG_RUN;

    ssize_t put = stream_write(to, kit->scratch, (size_t)got);
    if (put < 0 && put != -EAGAIN)
        return write_failed(put);
    size_t sent = put > 0 ? (size_t)put : 0;
    flow->moved += sent;
    if (sent == (size_t)got)
        return FLOW_AGAIN;
    return keep(flow, kit->scratch + sent, (size_t)got - sent) == 0 ? FLOW_WAIT : FLOW_NO_MEMORY;
}

/* Nobody takes what the sender says; unread, it would end in a reset of him. */
static enum flow_answer drop(struct relay_flow *flow, struct relay_kit *kit, struct stream *from)
{
    ssize_t got = stream_read(from, kit->scratch, sizeof(kit->scratch));
    return got <= 0 ? read_failed(flow, got) : FLOW_AGAIN;
}

/* One run through a pipe. */
static enum flow_answer splice_through(struct relay_flow *flow, struct relay_kit *kit, struct stream *from,
                                       struct stream *to)
{
    ssize_t got = stream_splice_to_pipe(from, flow->pipe->write_end, SPLICE_MOST);
    if (got == 0)
        return copy(flow, kit, from, to);
    if (got < 0)
        return read_failed(flow, got);
    counter_add(kit->counters, COUNTER_SPLICES, 1);
    flow->pipe->filled = (size_t)got;
    return send_pipe(flow, to);
}

static bool wants_splice(const struct relay_flow *flow, const struct relay_kit *kit, const struct stream *from)
{
    return kit->may_splice && !from->held && !from->urgent && (flow->long_run || kit->always_splice);
}

/* One step of a direction: what is held goes first, then whatever the sender has. */
static enum flow_answer step(struct relay_flow *flow, struct relay_kit *kit, struct stream *from, struct stream *to)
{
    if (flow->rest)
        return send_rest(flow, to);
    if (flow->pipe && flow->pipe->filled > 0)
        return send_pipe(flow, to);
    if (flow->ended || !from->readable)
        return FLOW_WAIT;
    if (flow->unheard)
        return drop(flow, kit, from);
    if (!flow->pipe && wants_splice(flow, kit, from))
        flow->pipe = pipes_take(&kit->pipes);
    if (flow->pipe && !from->urgent)
        return splice_through(flow, kit, from, to);
    return copy(flow, kit, from, to);
}

static void go_unheard(struct relay_flow *flow, struct relay_kit *kit)
{
    flow_fini(flow, kit);
    flow->unheard = true;
}

bool relay_flow_holds_bytes(const struct relay_flow *flow)
{
    return flow->rest || (flow->pipe && flow->pipe->filled > 0);
}

bool relay_flow_is_whole(const struct relay_flow *flow)
{
    return flow->ended && !flow->unheard && !relay_flow_holds_bytes(flow);
}

static void pass_end_on(struct relay_flow *flow, struct stream *to)
{
    if (relay_flow_is_whole(flow) && !flow->finished) {
        flow->finished = true;
        stream_shutdown(to);
    }
}

static enum flow_answer flow_run(struct relay_flow *flow, struct relay_kit *kit, struct stream *from, struct stream *to)
{
    enum flow_answer answer = FLOW_AGAIN;
    uint64_t before = flow->moved;
    for (int steps = 0; answer == FLOW_AGAIN && flow->moved < before + TURN_MOST && steps < STEPS_MOST; steps++) {
        /* A receiver that is known to be full is not asked again, and nothing is read for it. */
        answer = to->writable ? step(flow, kit, from, to) : FLOW_WAIT;
        if (answer == FLOW_TO_LEFT) {
            go_unheard(flow, kit);
            answer = FLOW_AGAIN;
        }
        if (answer == FLOW_AGAIN && !relay_flow_holds_bytes(flow) && (flow->ended || !from->readable))
            answer = FLOW_WAIT;
    }
    /* Who said all that he had will say about as much the next time. */
    if (flow->moved > before && !from->readable)
        flow->long_run = flow->moved - before >= LONG_RUN;
    if (flow->pipe && flow->pipe->filled == 0 && answer != FLOW_AGAIN) { /* idle relays hold no pipe */
        pipes_return(&kit->pipes, flow->pipe);
        flow->pipe = NULL;
    }
    return answer;
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
static enum reason broke_later(struct relay *relay, struct relay_kit *kit, const struct stream *client,
                               const struct stream *server)
{
    if (client->broken && !relay->out.finished && !relay->out.unheard) {
        if (relay_flow_is_whole(&relay->in))
            return REASON_CLIENT_RESET;
        if (!relay->in.ended && !server->writable) {
            if (!left_in_order(client))
                return REASON_CLIENT_RESET;
            go_unheard(&relay->out, kit);
        }
    }
    if (server->broken && !relay->in.finished && relay_flow_is_whole(&relay->out))
        return REASON_SERVER_RESET;
    return REASON_NONE;
}

/* Nothing more will come of a direction. */
static bool is_over(const struct relay_flow *flow)
{
    return flow->unheard || relay_flow_is_whole(flow);
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

static uint64_t count_moved(struct relay_kit *kit, enum counter counter, uint64_t before, uint64_t after)
{
    if (after != before)
        counter_add(kit->counters, counter, after - before);
    return after - before;
}

/* A server that reset may have answered before: the kernel still has that. But it told of the reset when we wrote, and tells only
 * once: the end that is read now is none. */
static void pass_last_words_on(struct relay_flow *flow, struct relay_kit *kit, struct stream *from, struct stream *to)
{
    bool ended_before = flow->ended;
    from->readable = true;
    (void)flow_run(flow, kit, from, to);
    flow->ended = ended_before;
}

static enum reason run_both(struct relay *relay, struct relay_kit *kit, struct stream *client, struct stream *server,
                            bool *again)
{
    enum flow_answer inward = flow_run(&relay->in, kit, client, server);
    if (inward == FLOW_TO_BROKE) {
        pass_last_words_on(&relay->out, kit, server, client);
        return REASON_SERVER_RESET;
    }
    enum flow_answer outward = flow_run(&relay->out, kit, server, client);
    *again = inward == FLOW_AGAIN || outward == FLOW_AGAIN;
    enum reason reason = broken(outward, false);
    return reason != REASON_NONE ? reason : broken(inward, true);
}

struct relay_result relay_run(struct relay *relay, struct relay_kit *kit, struct stream *client, struct stream *server)
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
