#include "carry/flow.h"

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
struct flow_rest {
    uint32_t start;
    uint32_t length;
    uint32_t ours; /* how many of the next ones are not the sender's: a greeting */
    uint8_t bytes[];
};

/* Whence, whither, and how much is still to come. */
struct way {
    struct stream *from;
    struct stream *to;
    uint64_t *left;
};

void carry_kit_init(struct carry_kit *kit, struct counters *counters, size_t pipes)
{
    pipes_init(&kit->pipes, pipes);
    kit->counters = counters;
    kit->may_splice = true;
    kit->always_splice = false;
}

void carry_kit_fini(struct carry_kit *kit)
{
    pipes_fini(&kit->pipes);
}

void flow_fini(struct flow *flow, struct carry_kit *kit)
{
    free(flow->rest);
    flow->rest = NULL;
    if (flow->pipe)
        pipes_return(&kit->pipes, flow->pipe);
    flow->pipe = NULL;
}

static struct flow_rest *new_rest(struct flow *flow, size_t length)
{
    assert(!flow->rest);
    struct flow_rest *rest = malloc(sizeof(*rest) + length);
    if (!rest)
        return NULL;
    rest->start = 0;
    rest->length = (uint32_t)length;
    rest->ours = 0;
    flow->rest = rest;
    return rest;
}

int flow_put(struct flow *flow, struct span bytes, size_t ours)
{
    struct flow_rest *rest = new_rest(flow, bytes.length);
    if (!rest)
        return -ENOMEM;
    rest->ours = (uint32_t)ours;
    memcpy(rest->bytes, bytes.data, bytes.length);
    return 0;
}

/* The kernel says EPIPE for a reset that follows an end (in TCP's state CLOSE-WAIT), ECONNRESET for any other. */
static enum flow_answer write_failed(ssize_t error)
{
    return error == -EAGAIN ? FLOW_WAIT : error == -EPIPE ? FLOW_TO_LEFT : FLOW_TO_BROKE;
}

/* Sends the rest. FLOW_AGAIN when it is gone. */
enum flow_answer flow_send_rest(struct flow *flow, struct stream *to)
{
    struct flow_rest *rest = flow->rest;
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
static enum flow_answer send_pipe(struct flow *flow, struct stream *to)
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

static enum flow_answer read_failed(struct flow *flow, ssize_t got)
{
    if (got == 0)
        flow->ended = true;
    return got == 0 ? FLOW_AGAIN : got == -EAGAIN ? FLOW_WAIT : FLOW_FROM_BROKE;
}

static size_t at_most(uint64_t left, size_t most)
{
    return left < most ? (size_t)left : most;
}

/* One read and one write. */
static enum flow_answer copy(struct flow *flow, struct carry_kit *kit, const struct way *way)
{
    struct stream *to = way->to;
    ssize_t got = stream_read(way->from, kit->scratch, at_most(*way->left, sizeof(kit->scratch)));
    if (got <= 0)
        return read_failed(flow, got);
    *way->left -= (uint64_t)got;
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
    return flow_put(flow, span_of(kit->scratch + sent, (size_t)got - sent), 0) == 0 ? FLOW_WAIT : FLOW_NO_MEMORY;
}

/* Nobody takes what the sender says; unread, it would end in a reset of him. */
static enum flow_answer drop(struct flow *flow, struct carry_kit *kit, const struct way *way)
{
    ssize_t got = stream_read(way->from, kit->scratch, at_most(*way->left, sizeof(kit->scratch)));
    if (got <= 0)
        return read_failed(flow, got);
    *way->left -= (uint64_t)got;
    return FLOW_AGAIN;
}

/* One run through a pipe. */
static enum flow_answer splice_through(struct flow *flow, struct carry_kit *kit, const struct way *way)
{
    ssize_t got = stream_splice_to_pipe(way->from, flow->pipe->write_end, at_most(*way->left, SPLICE_MOST));
    if (got == 0)
        return copy(flow, kit, way);
    if (got < 0)
        return read_failed(flow, got);
    *way->left -= (uint64_t)got;
    counter_add(kit->counters, COUNTER_SPLICES, 1);
    flow->pipe->filled = (size_t)got;
    return send_pipe(flow, way->to);
}

static bool wants_splice(const struct flow *flow, const struct carry_kit *kit, const struct stream *from)
{
    return kit->may_splice && !from->held && !from->urgent && (flow->long_run || kit->always_splice);
}

/* The sender has nothing more for us. */
static bool is_at_end(const struct flow *flow, const struct way *way)
{
    return flow->ended || *way->left == 0;
}

static bool has_more(const struct stream *from)
{
    return from->readable || stream_holds(from);
}

/* One step: what is held goes first, then whatever the sender has. */
static enum flow_answer step(struct flow *flow, struct carry_kit *kit, const struct way *way)
{
    if (flow->rest)
        return flow_send_rest(flow, way->to);
    if (flow->pipe && flow->pipe->filled > 0)
        return send_pipe(flow, way->to);
    if (is_at_end(flow, way))
        return FLOW_DONE;
    if (!has_more(way->from))
        return FLOW_WAIT;
    if (flow->unheard)
        return drop(flow, kit, way);
    if (!flow->pipe && wants_splice(flow, kit, way->from))
        flow->pipe = pipes_take(&kit->pipes);
    if (flow->pipe && !way->from->urgent)
        return splice_through(flow, kit, way);
    return copy(flow, kit, way);
}

void flow_go_unheard(struct flow *flow, struct carry_kit *kit)
{
    flow_fini(flow, kit);
    flow->unheard = true;
}

bool flow_holds_bytes(const struct flow *flow)
{
    return flow->rest || (flow->pipe && flow->pipe->filled > 0);
}

bool flow_is_whole(const struct flow *flow)
{
    return flow->ended && !flow->unheard && !flow_holds_bytes(flow);
}

/* Nothing more can be done now, though the last step went well. */
static enum flow_answer settled(const struct flow *flow, const struct way *way)
{
    if (flow_holds_bytes(flow))
        return FLOW_AGAIN;
    return is_at_end(flow, way) ? FLOW_DONE : has_more(way->from) ? FLOW_AGAIN : FLOW_WAIT;
}

enum flow_answer flow_run(struct flow *flow, struct carry_kit *kit, struct stream *from, struct stream *to,
                          uint64_t *left)
{
    const struct way way = {.from = from, .to = to, .left = left};
    enum flow_answer answer = FLOW_AGAIN;
    uint64_t before = flow->moved;
    for (int steps = 0; answer == FLOW_AGAIN && flow->moved < before + TURN_MOST && steps < STEPS_MOST; steps++) {
        /* A receiver that is known to be full is not asked again, and nothing is read for it. */
        answer = to->writable || (!flow_holds_bytes(flow) && is_at_end(flow, &way)) ? step(flow, kit, &way) : FLOW_WAIT;
        if (answer == FLOW_AGAIN)
            answer = settled(flow, &way);
    }
    /* Who said all that he had will say about as much the next time. */
    if (flow->moved > before && !from->readable)
        flow->long_run = flow->moved - before >= LONG_RUN;
    if (flow->pipe && flow->pipe->filled == 0 && answer != FLOW_AGAIN) { /* idle flows hold no pipe */
        pipes_return(&kit->pipes, flow->pipe);
        flow->pipe = NULL;
    }
    return answer;
}

/* ---- for those that write what they have read otherwise ---------------------------------------------------------------- */

static size_t length_of(const struct span *pieces, size_t count)
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += pieces[i].length;
    return length;
}

/* Keeps what stands behind the first `sent` bytes. */
static enum flow_answer keep_pieces(struct flow *flow, const struct span *pieces, size_t count, size_t sent,
                                    size_t ours)
{
    struct flow_rest *rest = new_rest(flow, length_of(pieces, count) - sent);
    if (!rest)
        return FLOW_NO_MEMORY;
    rest->ours = ours > sent ? (uint32_t)(ours - sent) : 0;
    uint8_t *at = rest->bytes;
    for (size_t i = 0; i < count; i++) {
        size_t skipped = sent < pieces[i].length ? sent : pieces[i].length;
        sent -= skipped;
        if (pieces[i].length > skipped)
            memcpy(at, pieces[i].data + skipped, pieces[i].length - skipped);
        at += pieces[i].length - skipped;
    }
    return FLOW_WAIT;
}

enum flow_answer flow_append(struct flow *flow, const struct span *pieces, size_t count)
{
    struct flow_rest *before = flow->rest;
    assert(before);
    size_t length = length_of(pieces, count);
    flow->rest = NULL;
    struct flow_rest *rest = new_rest(flow, before->length + length);
    if (!rest) {
        flow->rest = before;
        return FLOW_NO_MEMORY;
    }
    rest->ours = before->ours;
    memcpy(rest->bytes, before->bytes + before->start, before->length);
    uint8_t *at = rest->bytes + before->length;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].length > 0)
            memcpy(at, pieces[i].data, pieces[i].length);
        at += pieces[i].length;
    }
    free(before);
    return FLOW_WAIT;
}

enum flow_answer flow_send(struct flow *flow, struct stream *to, const struct span *pieces, size_t count, size_t ours)
{
    size_t length = length_of(pieces, count);
    ssize_t put = 0;
    if (to->writable) {
        put = count == 1 ? stream_write(to, pieces[0].data, length) : stream_write_pieces(to, pieces, count);
        if (put < 0 && put != -EAGAIN)
            return write_failed(put);
    }
    size_t sent = put > 0 ? (size_t)put : 0;
    flow->moved += sent > ours ? sent - ours : 0;
    return sent == length ? FLOW_AGAIN : keep_pieces(flow, pieces, count, sent, ours);
}
