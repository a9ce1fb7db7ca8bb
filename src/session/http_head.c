#include "session/exchange.h"

#include <errno.h>

micros http_idle_until(const struct http_client *client)
{
    micros idle = http_plan(client)->timeouts.idle;
    if (client->context->draining && idle > HTTP_DRAIN_PATIENCE)
        idle = HTTP_DRAIN_PATIENCE;
    return client->since + idle;
}

/* Nobody who is between two requests owes us anything: he goes without a word. */
static enum http_step stay_idle(struct http_client *client, ssize_t got)
{
    micros deadline = http_idle_until(client);
    if (got != -EAGAIN || client->stream.broken || http_now(client) >= deadline)
        return HTTP_OVER;
    return http_wait(client, deadline);
}

static enum http_step client_left(struct http_client *client)
{
    http_end_visit(client->exchange, REASON_CLIENT_GONE);
    return HTTP_OVER;
}

/* The request line may be the one that is too long. */
static enum http_step too_long(struct http_client *client)
{
    uint32_t line = client->exchange->head.fields_start;
    if (line == 0 || line > http_plan(client)->limits.head)
        return http_refuse(client, REASON_TARGET_TOO_LONG, 414, "the request line is too long");
    return http_refuse(client, REASON_HEAD_TOO_LARGE, 431, "the head of the request is too long");
}

static enum http_step wait_for_more(struct http_client *client, struct span seen, ssize_t got)
{
    micros deadline = client->exchange->visit.accepted + http_plan(client)->timeouts.head;
    if (got <= 0 && got != -EAGAIN)
        return client_left(client);
    if (seen.length >= http_plan(client)->limits.head)
        return too_long(client);
    if (http_now(client) >= deadline)
        return http_refuse(client, REASON_SLOW_HEAD, 408, "the head of the request was not complete in time");
    if (stream_keep(&client->stream, seen, 0) != 0)
        return client_left(client);
    return client->stream.readable ? HTTP_HEAD : http_wait(client, deadline);
}

static enum http_step bad_head(struct http_client *client, const char *why)
{
    if (client->exchange->head.field_count == HEAD_FIELDS_MAX)
        return http_refuse(client, REASON_HEAD_TOO_LARGE, 431, why);
    return http_refuse(client, REASON_BAD_HEAD, 400, why ? why : "this is no HTTP/1 request");
}

enum http_step http_step_head(struct http_client *client)
{
    struct http_room *room = http_room_of(client);
    struct span seen = {0};
    ssize_t got = -EAGAIN;
    if (client->stream.readable || stream_holds(&client->stream))
        got = stream_fetch(&client->stream, room->in, sizeof(room->in), http_plan(client)->limits.head, &seen);
    if (seen.length == 0 && !client->exchange)
        return stay_idle(client, got);
    if (!client->exchange && !http_new_exchange(client))
        return HTTP_OVER;

    struct parse_result result = head_read(&client->exchange->head, seen);
    switch (result.verdict) {
    case PARSE_MORE:
        return wait_for_more(client, seen, got);
    case PARSE_DONE:
        if (client->exchange->head.length > http_plan(client)->limits.head) /* it came in one piece */
            return too_long(client);
        return http_begin(client, seen);
    case PARSE_NONE:
    case PARSE_BAD:
        break;
    }
    return bad_head(client, result.why);
}
