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

static enum http_step wait_for_more(struct http_client *client, struct span seen)
{
    micros deadline = client->exchange->visit.accepted + http_plan(client)->timeouts.head;
    if (http_now(client) >= deadline)
        return http_refuse_as(client, refusal_of_late_head);
    if (stream_keep(&client->stream, seen, 0) != 0)
        return client_left(client);
    return client->stream.readable ? HTTP_HEAD : http_wait(client, deadline);
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
    if (result.verdict == PARSE_MORE && got <= 0 && got != -EAGAIN)
        return client_left(client);
    struct refusal refusal =
        refusal_of_head(&client->exchange->head, &result, seen.length, http_plan(client)->limits.head);
    if (refusal.status != 0)
        return http_refuse_as(client, refusal);
    return result.verdict == PARSE_MORE ? wait_for_more(client, seen) : http_begin(client, seen);
}
