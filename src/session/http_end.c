#include "session/exchange.h"
#include "session/handover.h"

#include <string.h>

void http_close_link(struct exchange *e, bool reset)
{
    if (!e->link)
        return;
    link_close(&http_room_of(e->client)->links, e->link, reset);
    e->link = NULL;
    if (e->live)
        server_count_requests(e->client->context->share->states, e->visit.server->number, -1);
    e->live = false;
}

/* It may serve others only if nothing of this exchange can still come. */
static void settle_link(struct exchange *e)
{
    if (!e->link)
        return;
    if (e->link_closes || !e->in.done || flow_holds_bytes(&e->in.flow) || !e->out.done || !e->answered) {
        http_close_link(e, false);
        return;
    }
    server_count_requests(e->client->context->share->states, e->visit.server->number, -1);
    e->live = false;
    link_release(&http_room_of(e->client)->links, e->link);
    e->link = NULL;
}

static void write_line(struct exchange *e)
{
    struct context *context = e->client->context;
    if (!context->share->access)
        return;
    char buffer[VISIT_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    visit_line(&e->visit, &http_plan(e->client)->log, e->bytes_in + e->in.flow.moved, e->out.flow.moved, &line);
    context_log(context, line.data, line.length);
}

static void count_bytes(struct exchange *e)
{
    struct counters *counters = e->client->context->counters;
    counter_add(counters, COUNTER_BYTES_IN, e->bytes_in + e->in.flow.moved);
    counter_add(counters, COUNTER_BYTES_OUT, e->out.flow.moved);
}

void http_end_visit(struct exchange *e, enum reason reason)
{
    struct http_client *client = e->client;
    if (e->visit.reason != REASON_NONE)
        return;
    http_give_up_reaching(e);
    settle_link(e);
    e->visit.reason = (uint8_t)reason;
    counter_ended(client->context->counters, reason);
    count_bytes(e);
    write_line(e);
    if (e->counted)
        limits_leave_client(client->context->share->limits, &e->visit.client);
    e->counted = false;
}

/* Lengths and chunks tell the client that an answer was cut short. One that lasts until the end of the connection cannot, so
 * that end has to be a reset. */
static bool could_look_complete(const struct exchange *e)
{
    return e->answered && !e->out.done && (e->out.kind == BODY_UNTIL_END || e->out.chunks.plain);
}

enum http_step http_cut(struct http_client *client, enum reason reason)
{
    struct exchange *e = client->exchange;
    bool looks_complete = could_look_complete(e);
    http_close_link(e, !e->in.done);
    http_end_visit(e, reason);
    stream_close(&client->stream, looks_complete);
    return HTTP_OVER;
}

/* Bytes of the client that nobody has read would make the kernel reset the connection, and he might lose the answer. */
static bool may_close_at_once(const struct exchange *e)
{
    const struct stream *stream = &e->client->stream;
    return e->in.done && !stream->readable && !stream_holds(stream);
}

enum http_step http_step_next(struct http_client *client)
{
    struct exchange *e = client->exchange;
    bool close = e->close, at_once = may_close_at_once(e);
    http_drop_exchange(client);
    client->since = http_now(client);
    if (!close)
        return HTTP_HEAD;
    if (at_once)
        return HTTP_OVER;
    farewell_start(&client->farewell, &client->stream, "");
    return http_wait(client, http_now(client) + FAREWELL_PATIENCE) == HTTP_WAIT ? HTTP_FAREWELL : HTTP_OVER;
}

enum http_step http_step_farewell(struct http_client *client)
{
    enum farewell_answer answer = farewell_run(&client->farewell, &client->stream);
    bool late = !timer_is_set(&client->timer);
    if (answer == FAREWELL_OVER)
        return HTTP_OVER;
    if (late && !farewell_is_heard_on(&client->farewell, &client->stream))
        return HTTP_OVER;
    if (answer == FAREWELL_AGAIN)
        loop_again(&client->context->loop, &client->stream.source);
    return late ? http_wait(client, http_now(client) + FAREWELL_PATIENCE) : HTTP_WAIT;
}
