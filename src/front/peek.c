#include "front/peek.h"

#include <errno.h>

/* A head in one or two segments, by far the most common, never waits for the timer. */
#define EAGER_LOOKS 8

/* A pause of the client is noticed after 1 ms at first; a slow one is looked at ever less often. */
#define PATIENCE_FIRST (1 * (micros)MILLIS_IN_MICROS)
#define PATIENCE_MOST (64 * (micros)MILLIS_IN_MICROS)

void peek_init(struct peek *peek, const struct plan *plan, const struct plan_listener *listener,
               const struct endpoint *peer)
{
    facts_init(&peek->facts, listener, plan->pools, peer, NULL);
    peek->serial = 0;
    peek->first_bytes = peek->proxy_header = peek->look_again = TIMER_NEVER;
    peek->patience = PATIENCE_FIRST;
    peek->looks = 0;
    peek->seen = 0;
}

void peek_fini(struct peek *peek)
{
    facts_fini(&peek->facts);
}

void peek_start_waiting(struct peek *peek, const struct plan_timeouts *timeouts, micros now)
{
    peek->first_bytes = now + timeouts->first_bytes;
    if (peek->facts.stage != FACTS_CONTENT)
        peek->proxy_header = now + timeouts->proxy_header;
}

/* PROXY header and prefix have a deadline of their own. */
static bool waits_for_wrapping(const struct peek *peek)
{
    return peek->facts.stage != FACTS_CONTENT && !peek->facts.proxy_late;
}

micros peek_deadline(const struct peek *peek)
{
    micros next = peek->first_bytes < peek->look_again ? peek->first_bytes : peek->look_again;
    if (waits_for_wrapping(peek) && peek->proxy_header < next)
        next = peek->proxy_header;
    return next;
}

enum think { THINK_DECIDED, THINK_MORE, THINK_TAKE };

/* What do these bytes say? *take is set for THINK_TAKE. */
static enum think think(struct peek *peek, struct decision *decision, struct span bytes, size_t *take)
{
    struct facts_result result = facts_read(&peek->facts, bytes);
    switch (result.step) {
    case FACTS_TAKE:
        *take = result.take;
        return THINK_TAKE;
    case FACTS_END:
        *decision = (struct decision){.verdict = DECIDE_END, .reason = result.reason, .why = result.why};
        return THINK_DECIDED;
    case FACTS_MORE:
        return THINK_MORE;
    case FACTS_READ_ON:
        break;
    }
    decide(decision, &peek->facts, bytes, peek->serial);
    return decision->verdict == DECIDE_MORE ? THINK_MORE : THINK_DECIDED;
}

enum peek_answer peek_at_once(struct peek *peek, struct decision *decision)
{
    size_t take;
    return think(peek, decision, span_of(NULL, 0), &take) == THINK_DECIDED ? PEEK_DECIDED : PEEK_WAIT;
}

/* Nothing more is to be expected: the client ended, the deadline passed, or as much as may be looked at is here. Nobody can
 * look past urgent data. */
static bool is_over(const struct peek *peek, const struct stream *stream, size_t seen, micros now)
{
    return now >= peek->first_bytes || stream->hung_up || stream->urgent || seen == PEEK_LIMIT;
}

static bool is_proxy_late(const struct peek *peek, micros now)
{
    return waits_for_wrapping(peek) && now >= peek->proxy_header;
}

/* As think(), but what will not come any more is not waited for. */
static enum think think_or_settle(struct peek *peek, struct decision *decision, const struct stream *stream,
                                  struct span bytes, size_t *take, micros now)
{
    enum think thought = think(peek, decision, bytes, take);
    if (thought == THINK_MORE && is_proxy_late(peek, now)) {
        facts_finish_proxy(&peek->facts);
        thought = think(peek, decision, bytes, take);
    }
    if (thought == THINK_MORE && is_over(peek, stream, bytes.length, now)) {
        facts_finish(&peek->facts);
        thought = think(peek, decision, bytes, take);
    }
    return thought;
}

/* The same bytes as at the last look: what was thought of them then still holds. */
static bool is_nothing_new(const struct peek *peek, const struct stream *stream, size_t seen, micros now)
{
    return seen > 0 && seen == peek->seen && !is_over(peek, stream, seen, now) && !is_proxy_late(peek, now);
}

static void wait_for_a_byte(struct peek *peek, struct stream *stream)
{
    stream->readable = false;
    if (peek->looks > EAGER_LOOKS)
        stream_want(stream, peek->seen + 1);
    peek->look_again = TIMER_NEVER;
}

static void wait_for_more(struct peek *peek, struct stream *stream, size_t seen, micros now)
{
    peek->looks++;
    bool as_wanted = seen > peek->seen + peek->seen / 4;
    peek->seen = seen;
    stream->readable = false;
    if (peek->looks <= EAGER_LOOKS || seen == 0)
        return;
    if (as_wanted)
        peek->patience = PATIENCE_FIRST;
    else if (peek->patience < PATIENCE_MOST)
        peek->patience *= 2;
    stream_want(stream, seen + seen / 4 + 1);
    peek->look_again = now + peek->patience;
}

static void settle(struct peek *peek, struct stream *stream)
{
    if (peek->looks > EAGER_LOOKS)
        stream_want(stream, 1);
    stream->readable = true; /* whatever was peeked at is still to be read */
}

static void start_over(struct peek *peek, struct stream *stream)
{
    if (peek->looks > EAGER_LOOKS)
        stream_want(stream, 1);
    peek->looks = 0;
    peek->seen = 0;
    peek->look_again = TIMER_NEVER;
}

enum peek_answer peek_look(struct peek *peek, struct decision *decision, struct stream *stream, uint8_t *scratch,
                           micros now)
{
    if (stream->broken)
        return PEEK_GONE;
    /* Each round takes something off the stream or leaves: at most a PROXY header, a prefix, the content. */
    for (;;) {
        struct span bytes;
        ssize_t seen = stream_peek(stream, scratch, PEEK_LIMIT, &bytes);
        if (seen < 0 && seen != -EAGAIN)
            return PEEK_GONE;
        if (seen == 0)
            stream->hung_up = true;
        if (is_nothing_new(peek, stream, bytes.length, now)) {
            wait_for_a_byte(peek, stream);
            return PEEK_WAIT;
        }
        size_t take = 0;
        switch (think_or_settle(peek, decision, stream, bytes, &take, now)) {
        case THINK_DECIDED:
            peek->seen = bytes.length;
            settle(peek, stream);
            return PEEK_DECIDED;
        case THINK_MORE:
            if (bytes.length > 0 && stream_hold(stream, PEEK_LIMIT))
                break;
            wait_for_more(peek, stream, bytes.length, now);
            return PEEK_WAIT;
        case THINK_TAKE:
            if (stream_take(stream, take) != 0)
                return PEEK_GONE;
            start_over(peek, stream);
            break;
        }
    }
}
