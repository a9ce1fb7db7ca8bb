#include "carry/answer.h"
#include "proto/head_lookup.h"
#include "proto/target.h"
#include "session/exchange.h"

#include <string.h>

/* How long a client is asked to wait when no server is to be had. */
#define RETRY_AFTER 1

static const struct plan_changes no_changes;

static const struct plan_page *page_of(const struct plan *plan, unsigned status)
{
    for (size_t i = 0; i < plan->page_count; i++)
        if (plan->pages[i].status == status)
            return &plan->pages[i];
    return NULL;
}

static void count_status(struct http_client *client, unsigned status)
{
    static const enum counter counters[] = {COUNTER_ANSWERS_1XX, COUNTER_ANSWERS_2XX, COUNTER_ANSWERS_3XX,
                                            COUNTER_ANSWERS_4XX, COUNTER_ANSWERS_5XX};
    if (status >= 100 && status < 600)
        counter_add(client->context->counters, counters[status / 100 - 1], 1);
}

void http_note_status(struct http_client *client, unsigned status)
{
    struct exchange *e = client->exchange;
    count_status(client, status);
    if (e->visit.request)
        e->visit.request->status = (uint16_t)status;
}

/* Writes it and begins to send it. */
static enum http_step send_own(struct http_client *client, struct answer_own *own, enum reason reason)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    struct text text;
    own->date = clock_date(&client->context->date, clock_wall());
    own->without_body = e->to_head;
    own->telling.http10 = e->http10;
    own->telling.close = e->close;
    own->telling.keep_alive = !e->close;
    text_init(&text, (char *)room->out, room->out_size);
    answer_write_own(&text, own);
    http_note_status(client, own->status);
    e->answered = true;
    e->own_reason = (uint8_t)reason;
    struct span piece = span_of(text.data, text.length);
    enum flow_answer answer = flow_holds_bytes(&e->out.flow) /* an interim answer that was not taken yet */
                                  ? flow_append(&e->out.flow, &piece, 1)
                                  : flow_send(&e->out.flow, &client->stream, &piece, 1, 0);
    if (text.cut || (answer != FLOW_AGAIN && answer != FLOW_WAIT))
        return http_cut(client, answer == FLOW_NO_MEMORY ? REASON_NO_MEMORY : REASON_CLIENT_GONE);
    e->last_move = http_now(client);
    return HTTP_OWN;
}

/* One that could not be read has a line in the log all the same, with the status that it was answered. */
static void note_refused(struct http_client *client)
{
    struct exchange *e = client->exchange;
    const struct span nothing = span_of("", 0);
    if (client->context->share->access && !e->visit.request)
        e->visit.request = visit_request_new(nothing, nothing, nothing);
}

enum http_step http_refuse(struct http_client *client, enum reason reason, unsigned status, const char *why)
{
    struct exchange *e = client->exchange;
    const struct plan_page *page = page_of(http_plan(client), status);
    char words[256];
    struct text text;
    http_give_up_reaching(e);
    http_close_link(e, false);
    text_init(&text, words, sizeof(words));
    answer_page(&text, status);
    if (why)
        e->visit.detail = why;
    if (status < 500)
        counter_add(client->context->counters, COUNTER_REQUESTS_REFUSED, 1);
    /* What is wrong with the request leaves unknown where the next one begins; and so does a body that was not read. */
    bool servers_fault = reason != REASON_NO_MEMORY && status >= 502 && status <= 504;
    e->close |= !servers_fault || !e->in.done;
    note_refused(client);
    struct answer_own own = {
        .status = status,
        .type = "text/html",
        .body = page ? page->body : span_of(text.data, text.length),
        .retry_after = status == 503 || status == 429 ? RETRY_AFTER : 0,
        .telling = {.changes = &no_changes},
    };
    return send_own(client, &own, reason);
}

enum http_step http_refuse_as(struct http_client *client, struct refusal refusal)
{
    return http_refuse(client, refusal.reason, refusal.status, refusal.why);
}

/* ---- what a route answers -------------------------------------------------------------------------------------------- */

/* The same URL with https, or the route's own, with the request's path and query if it has none. */
static void write_location(struct http_client *client, struct span seen, struct text *text)
{
    struct exchange *e = client->exchange;
    const struct plan_route *route = http_route(e);
    struct span host = head_host(&e->head, seen), path = head_path(&e->head, seen);
    struct span query = head_query(&e->head, seen);
    if (route->location) {
        text_add(text, route->location);
    } else {
        struct span bare = host_without_port(host);
        text_add(text, "https://");
        text_add_bytes(text, bare.data, bare.length);
    }
    if (route->location && !route->location_is_origin)
        return;
    if (path.data)
        text_add_bytes(text, path.data, path.length);
    if (query.data) {
        text_add_char(text, '?');
        text_add_bytes(text, query.data, query.length);
    }
}

enum http_step http_answer_route(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    const struct plan_route *route = http_route(e);
    char location[REFUSAL_TARGET_MOST + 1024];
    struct text text;
    text_init(&text, location, sizeof(location));
    e->visit.choice = VISIT_ANSWERED;
    struct answer_own own = {
        .status = route->status, .type = route->type, .body = route->body, .telling = {.changes = &route->response}};
    if (route->action == ROUTE_REDIRECT) {
        write_location(client, seen, &text);
        own.location = location;
    }
    e->bytes_in += e->head.length;
    e->close |= !e->in.done;
    if (stream_keep(&client->stream, seen, e->head.length) != 0)
        return http_refuse(client, REASON_NO_MEMORY, 503, NULL);
    return send_own(client, &own, REASON_ANSWERED);
}

enum http_step http_answer_options(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    struct answer_own own = {.status = 200, .allow = true, .body = span_of("", 0), .telling = {.changes = &no_changes}};
    e->visit.choice = VISIT_ANSWERED;
    e->bytes_in += e->head.length;
    e->close |= !e->in.done;
    if (stream_keep(&client->stream, seen, e->head.length) != 0)
        return http_refuse(client, REASON_NO_MEMORY, 503, NULL);
    return send_own(client, &own, REASON_ANSWERED);
}

enum http_step http_step_own(struct http_client *client)
{
    struct exchange *e = client->exchange;
    micros idle = http_plan(client)->timeouts.idle;
    if (client->stream.broken)
        return http_cut(client, REASON_CLIENT_GONE);
    if (flow_holds_bytes(&e->out.flow) && client->stream.writable) {
        enum flow_answer answer = flow_send_rest(&e->out.flow, &client->stream);
        if (answer != FLOW_AGAIN && answer != FLOW_WAIT)
            return http_cut(client, REASON_CLIENT_GONE);
        e->last_move = http_now(client);
    }
    if (flow_holds_bytes(&e->out.flow)) {
        if (http_now(client) >= e->last_move + idle && !http_somebody_reads(client))
            return http_cut(client, REASON_IDLE);
        return http_wait(client, e->last_move + idle);
    }
    http_end_visit(e, (enum reason)e->own_reason);
    return HTTP_NEXT;
}
