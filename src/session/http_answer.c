#include "carry/answer.h"
#include "route/stick.h"
#include "session/exchange.h"

#include <errno.h>
#include <string.h>

/* Of an upgrade: is it what the client asked for? */
static bool is_the_upgrade(const struct exchange *e, const struct message *message)
{
    return e->upgrades && message->upgrade.data && message_lists(message->upgrade, e->upgrade);
}

/* ---- the cookie ------------------------------------------------------------------------------------------------------ */

/* A client that came with a good cookie for this very server needs no other. */
static bool wants_cookie(const struct exchange *e)
{
    return stick_cookie(e->visit.pool) && (e->visit.choice != VISIT_COOKIE || e->homing.renew);
}

static struct span make_cookie(struct http_client *client, char *buffer, size_t size)
{
    struct exchange *e = client->exchange;
    struct text text;
    if (!wants_cookie(e))
        return span_of(NULL, 0);
    text_init(&text, buffer, size);
    stick_issue(client->context->share->sticks, e->visit.pool, e->visit.server, &e->visit.client, e->secure,
                clock_wall(), &text);
    if (text.length > 0)
        counter_add(client->context->counters, COUNTER_COOKIES_ISSUED, 1);
    return span_of(text.data, text.length);
}

static bool learn_field(struct http_client *client, const struct message_field *field, uint32_t index)
{
    const struct plan_pool *pool = client->exchange->visit.pool;
    struct stick_gift gifts[PLAN_STICKS_MOST];
    size_t count = 0;
    if (field->kind == FIELD_SET_COOKIE)
        count = stick_gifts(pool, field->value, gifts);
    else if (field->kind == FIELD_OTHER)
        count = stick_gifts_in_field(pool, span_of(field->line.data, field->name_length), field->value, gifts);
    return homing_learn(client->context, pool, gifts, count, index, &client->exchange->news);
}

static void told(struct homing_news *news)
{
    http_walk(container_of(news, struct exchange, news)->client);
}

static void learn(struct http_client *client)
{
    struct exchange *e = client->exchange;
    e->learnt = true;
    e->news.told = told;
    const struct message *message = &http_room_of(client)->message;
    uint32_t index = (uint32_t)(e->visit.server - e->visit.pool->servers);
    for (size_t i = 0; e->visit.pool->stick_count > 0 && i < message->count; i++)
        if (learn_field(client, &message->fields[i], index))
            counter_add(client->context->counters, COUNTER_SESSIONS_LEARNT, 1);
}

/* ---- a head that is complete ----------------------------------------------------------------------------------------- */

static enum http_answer of_flow(enum flow_answer answer)
{
    switch (answer) {
    case FLOW_AGAIN:
    case FLOW_WAIT:
    case FLOW_DONE:
        return HTTP_ANSWER_BEGUN;
    case FLOW_NO_MEMORY:
        return HTTP_ANSWER_NO_MEMORY;
    case FLOW_FROM_BROKE:
    case FLOW_TO_BROKE:
    case FLOW_TO_LEFT:
        break;
    }
    return HTTP_ANSWER_CLIENT_GONE;
}

static void write_head(struct http_client *client, struct span seen, struct text *text)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    char cookie[1024];
    bool interim = e->head.status < 200 && e->head.status != 101;
    struct answer_telling telling = {
        .http10 = e->http10,
        .close = e->close && !interim && e->head.status != 101,
        .keep_alive = !e->close && !interim,
        .upgraded = e->head.status == 101,
        .upgrade = span_text(e->upgrade),
        .changes = &http_route(e)->response,
    };
    if (!interim)
        telling.cookie = make_cookie(client, cookie, sizeof(cookie));
    text_init(text, (char *)room->out, room->out_size);
    answer_write(text, &e->head, seen, &room->message, &telling);
}

/* Interim answers go on to whoever can understand them (RFC 9110 section 15.2). */
static enum http_answer pass_interim(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    enum flow_answer answer = FLOW_AGAIN;
    struct text text;
    if (e->head.status == 100)
        e->expects = false;
    if (++e->interim > HTTP_INTERIM_MOST)
        return HTTP_ANSWER_BAD;
    if (!e->http10 && !flow_holds_bytes(&e->out.flow)) {
        write_head(client, seen, &text);
        if (text.cut)
            return HTTP_ANSWER_BAD;
        struct span piece = span_of(text.data, text.length);
        counter_add(client->context->counters, COUNTER_ANSWERS_1XX, 1);
        answer = flow_send(&e->out.flow, &client->stream, &piece, 1, 0);
    }
    size_t used = e->head.length;
    e->head = (struct head){0};
    if (stream_keep(&e->link->stream, seen, used) != 0)
        return HTTP_ANSWER_NO_MEMORY;
    enum http_answer result = of_flow(answer);
    return result == HTTP_ANSWER_BEGUN ? HTTP_ANSWER_MORE : result;
}

/* "Keep-Alive: timeout=5": the server ends the connection after so many idle seconds. We are quicker by one. */
static void note_patience(struct link *link, const struct message *message)
{
    for (size_t i = 0; i < message->count; i++) {
        const struct message_field *field = &message->fields[i];
        struct span name = span_of(field->line.data, field->name_length);
        if (field->kind != FIELD_HOP || !span_equal_nocase(name, span_text("keep-alive")))
            continue;
        struct span value = field->value, word = span_text("timeout=");
        if (value.length <= word.length || !span_equal_nocase(span_part(value, 0, word.length), word))
            return;
        unsigned seconds = 0;
        for (size_t at = word.length; at < value.length && seconds < 1000; at++) {
            if (value.data[at] < '0' || value.data[at] > '9')
                break;
            seconds = 10 * seconds + value.data[at] - '0';
        }
        micros patience = (micros)seconds * SECOND_IN_MICROS - SECOND_IN_MICROS;
        link->patience = patience < 0 ? 0 : patience < LINKS_IDLE_MOST ? patience : LINKS_IDLE_MOST;
        return;
    }
}

static void note_answer(struct http_client *client)
{
    struct exchange *e = client->exchange;
    const struct message *message = &http_room_of(client)->message;
    note_patience(e->link, message);
    bool lasts = e->head.version_minor > 0 ? !message->close : message->keep_alive && !message->close;
    e->link_closes |= !lasts || message->body == BODY_UNTIL_END;
    e->out.kind = (uint8_t)message->body;
    e->out.left = message->body == BODY_UNTIL_END ? FLOW_UNTIL_END : message->length;
    e->out.done = message->body == BODY_NONE;
    e->out.chunks.plain = e->http10;
    /* Who answers before he has heard all will not hear the rest; and the client may be in the middle of it. */
    e->close |= !e->in.done || client->context->draining || message->body == BODY_UNTIL_END ||
                (e->http10 && message->body == BODY_CHUNKED);
}

/* As much of the body as came with the head. *used counts it. Null: nothing is wrong with it. */
static const char *begin_body(struct http_client *client, struct span rest, uint8_t *space, struct span *piece,
                              size_t *used)
{
    struct exchange *e = client->exchange;
    *piece = span_of(NULL, 0);
    if (e->out.done)
        return NULL;
    if (e->out.kind == BODY_CHUNKED) {
        struct chunks_result result = chunks_pass(&e->out.chunks, rest, space);
        *piece = result.out;
        *used += result.used;
        e->out.done = result.verdict == CHUNKS_DONE;
        return result.verdict == CHUNKS_BAD ? result.why : NULL;
    }
    *piece = rest;
    if (piece->length > e->out.left)
        piece->length = e->out.left;
    e->out.left -= piece->length;
    e->out.done = e->out.left == 0;
    *used += piece->length;
    return NULL;
}

static enum http_answer send_begin(struct http_client *client, struct span seen, struct text *text)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    size_t used = e->head.length;
    struct span rest = span_part(seen, used, seen.length - used);
    struct span pieces[2];
    if (text->cut || room->out_size - text->length < rest.length + CHUNKS_ROOM)
        return HTTP_ANSWER_BAD;
    const char *why = begin_body(client, rest, room->out + text->length + 1, &pieces[1], &used);
    e->visit.detail = why ? why : e->visit.detail;
    if (why)
        return HTTP_ANSWER_BAD;
    pieces[0] = span_of(text->data, text->length);
    enum flow_answer answer =
        flow_holds_bytes(&e->out.flow)
            ? flow_append(&e->out.flow, pieces, 2) /* an interim answer that the client has not taken yet */
            : flow_send(&e->out.flow, &client->stream, pieces, pieces[1].length > 0 ? 2 : 1, 0);
    if (stream_keep(&e->link->stream, seen, used) != 0)
        return HTTP_ANSWER_NO_MEMORY;
    return of_flow(answer);
}

/* All of it is read once more when memcached knows what it gives out. */
static enum http_answer hold(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    e->head = (struct head){0};
    return stream_keep(&e->link->stream, seen, 0) == 0 ? HTTP_ANSWER_MORE : HTTP_ANSWER_NO_MEMORY;
}

/* False: it is held until memcached knows what it gives out. */
static bool may_go_out(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (!e->learnt)
        learn(client);
    return e->news.waiting == 0;
}

static enum http_answer begin_answer(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    struct text text;
    if (!may_go_out(client))
        return hold(client, seen);
    note_answer(client);
    if (e->visit.request)
        e->visit.request->answered = http_now(client);
    write_head(client, seen, &text);
    enum http_answer begun = send_begin(client, seen, &text);
    if (begun == HTTP_ANSWER_BAD)
        return begun;
    e->answered = true;
    http_note_status(client, e->head.status);
    return begun;
}

static enum http_answer change_protocol(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    struct text text;
    size_t used = e->head.length;
    if (!is_the_upgrade(e, &http_room_of(client)->message) || flow_holds_bytes(&e->in.flow)) {
        e->visit.detail = "101 that nobody asked for";
        return HTTP_ANSWER_BAD;
    }
    if (!may_go_out(client))
        return hold(client, seen);
    if (e->visit.request)
        e->visit.request->answered = http_now(client);
    write_head(client, seen, &text);
    if (text.cut)
        return HTTP_ANSWER_BAD;
    struct span piece = span_of(text.data, text.length);
    enum flow_answer answer = flow_holds_bytes(&e->out.flow) ? flow_append(&e->out.flow, &piece, 1)
                                                             : flow_send(&e->out.flow, &client->stream, &piece, 1, 0);
    if (stream_keep(&e->link->stream, seen, used) != 0)
        return HTTP_ANSWER_NO_MEMORY;
    e->answered = true;
    http_note_status(client, 101);
    enum http_answer result = of_flow(answer);
    return result == HTTP_ANSWER_BEGUN ? HTTP_ANSWER_UPGRADE : result;
}

static enum http_answer understand(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    struct message_verdict verdict = message_read_answer(&http_room_of(client)->message, &e->head, seen, e->to_head);
    if (verdict.status != 0) {
        e->visit.detail = verdict.why;
        return HTTP_ANSWER_BAD;
    }
    if (e->head.status == 101)
        return change_protocol(client, seen);
    return e->head.status < 200 ? pass_interim(client, seen) : begin_answer(client, seen);
}

/* A worker that was told to finish ends its connections, and may do so before it has read a request that is on its way. The
 * kernel tells: on a Unix socket that was closed with bytes unread it says so, and else that it ended (unix(7)). Not of others:
 * who reads in small pieces, and dies, may have read half of it, and done what it says. */
static bool was_not_read(const struct exchange *e, ssize_t got)
{
    const struct plan_server *server = e->visit.server;
    return server->slot != 0 && got == -ECONNRESET &&
           server_generation(e->client->context->share->states, server->number) != e->link->generation;
}

enum http_answer http_read_answer(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    struct stream *stream = &e->link->stream;
    struct span seen = {0};
    uint64_t most = http_plan(client)->limits.head;
    ssize_t got = -EAGAIN;
    if (stream->readable || stream_holds(stream))
        got = stream_fetch(stream, room->in, sizeof(room->in), most, &seen);
    struct parse_result result = head_read_answer(&e->head, seen);
    switch (result.verdict) {
    case PARSE_DONE:
        if (e->head.length > most)
            break;
        return understand(client, seen);
    case PARSE_MORE:
        if (got <= 0 && got != -EAGAIN) {
            e->unsent |= was_not_read(e, got);
            return HTTP_ANSWER_LOST;
        }
        if (seen.length >= most || stream_keep(stream, seen, 0) != 0)
            break;
        return HTTP_ANSWER_MORE;
    case PARSE_NONE:
    case PARSE_BAD:
        break;
    }
    e->visit.detail = result.why ? result.why : "the head of the answer is too long";
    return HTTP_ANSWER_BAD;
}
