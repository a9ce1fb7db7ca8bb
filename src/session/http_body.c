#include "session/exchange.h"

#include <errno.h>

/* Reads of a chunked body in one turn. */
#define STEPS_MOST 16

bool http_body_is_too_large(const struct http_client *client)
{
    const struct exchange *e = client->exchange;
    return e->in.kind == BODY_CHUNKED && chunks_exceed(&e->in.chunks, http_plan(client)->limits.body);
}

static enum flow_answer chunk(struct http_client *client, struct http_body *body, struct stream *from,
                              struct stream *to, const char **why)
{
    struct http_room *room = http_room_of(client);
    struct span seen = {0};
    ssize_t got = -EAGAIN;
    if (from->readable || stream_holds(from))
        got = stream_fetch(from, room->in, sizeof(room->in), sizeof(room->in), &seen);
    if (got < 0 && got != -EAGAIN)
        return FLOW_FROM_BROKE;
    struct chunks_result result = chunks_pass(&body->chunks, seen, room->out);
    body->done = result.verdict == CHUNKS_DONE;
    *why = result.verdict == CHUNKS_BAD ? result.why : NULL;
    if (stream_keep(from, seen, result.used) != 0)
        return FLOW_NO_MEMORY;
    body->flow.ended |= got == 0 && !body->done;
    /* Its end must not reach the server, which would take it for whole. */
    if (body == &client->exchange->in && http_body_is_too_large(client))
        return FLOW_WAIT;
    enum flow_answer answer = FLOW_AGAIN;
    if (result.out.length > 0)
        answer = flow_send(&body->flow, to, &result.out, 1, 0);
    if (answer != FLOW_AGAIN || *why)
        return answer;
    return body->done || body->flow.ended ? FLOW_DONE : got < 0 ? FLOW_WAIT : FLOW_AGAIN;
}

static enum flow_answer run_chunks(struct http_client *client, struct http_body *body, struct stream *from,
                                   struct stream *to, const char **why)
{
    enum flow_answer answer = FLOW_AGAIN;
    for (int steps = 0; answer == FLOW_AGAIN && !*why && steps < STEPS_MOST; steps++) {
        if (!to->writable)
            return FLOW_WAIT;
        if (flow_holds_bytes(&body->flow))
            answer = flow_send_rest(&body->flow, to);
        else if (body->done || body->flow.ended)
            answer = FLOW_DONE;
        else
            answer = chunk(client, body, from, to, why);
    }
    return answer;
}

/* What is left of one that is read to its end. */
static enum flow_answer send_rest(struct http_body *body, struct stream *to)
{
    if (!flow_holds_bytes(&body->flow))
        return FLOW_DONE;
    enum flow_answer answer = to->writable ? flow_send_rest(&body->flow, to) : FLOW_WAIT;
    return answer == FLOW_AGAIN ? FLOW_DONE : answer;
}

enum flow_answer http_body_run(struct http_client *client, struct http_body *body, struct stream *from,
                               struct stream *to, const char **why)
{
    enum flow_answer answer = FLOW_DONE;
    *why = NULL;
    if (body->done)
        return send_rest(body, to);
    switch ((enum body_kind)body->kind) {
    case BODY_NONE:
        return send_rest(body, to);
    case BODY_CHUNKED:
        return run_chunks(client, body, from, to, why);
    case BODY_LENGTH:
    case BODY_UNTIL_END:
        answer = flow_run(&body->flow, &client->context->kit, from, to, &body->left);
        body->done = answer == FLOW_DONE && (body->left == 0 || body->kind == BODY_UNTIL_END);
        break;
    }
    return answer;
}
