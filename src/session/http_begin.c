#include "carry/request.h"
#include "proto/head_lookup.h"
#include "proto/target.h"
#include "route/decide.h"
#include "route/stick.h"
#include "session/exchange.h"
#include "session/greeting.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Told apart by length: one compare each. */
static bool method_is(struct span method, const char *word)
{
    return span_equal(method, span_text(word));
}

static bool is_idempotent(struct span method)
{
    static const char *const words[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
        if (method_is(method, words[i]))
            return true;
    return false;
}

/* ---- what is known of it --------------------------------------------------------------------------------------------- */

static void note_message(struct http_client *client, struct span method)
{
    struct exchange *e = client->exchange;
    const struct message *message = &http_room_of(client)->message;
    e->http10 = e->head.version_minor == 0;
    e->to_head = method_is(method, "HEAD");
    e->idempotent = is_idempotent(method);
    e->close = e->http10 ? !message->keep_alive || message->close : message->close;
    e->close |= client->context->draining;
    e->expects = message->expects;
    e->in.kind = (uint8_t)message->body;
    e->in.left = message->body == BODY_LENGTH ? message->length : 0;
    e->in.done = message->body == BODY_NONE;
}

/* 32 hexadecimal digits that no other request has; a trusted peer's own is gone on with. */
static struct span make_id(struct http_client *client)
{
    struct http_room *room = http_room_of(client);
    const struct message *message = &room->message;
    for (size_t i = 0; client->origin.source_trusted && i < message->count; i++) {
        struct span value = message->fields[i].value;
        if (message->fields[i].kind == FIELD_X_REQUEST_ID && value.length > 0 && value.length < VISIT_ID_SIZE)
            return value;
    }
    /* The one before, counted on: nearly always one digit. */
    char *digit = &room->id[HTTP_ID_LENGTH - 1];
    for (; *digit == 'f' && digit > room->id; digit--)
        *digit = '0';
    *digit = *digit == '9' ? 'a' : (char)(*digit + 1);
    return span_of(room->id, HTTP_ID_LENGTH);
}

static void note_for_log(struct http_client *client, struct span seen, struct span id)
{
    struct exchange *e = client->exchange;
    if (!client->context->share->access || e->visit.request)
        return;
    e->visit.request =
        visit_request_new(head_method(&e->head, seen), head_host(&e->head, seen), head_path(&e->head, seen));
    if (!e->visit.request)
        return;
    memcpy(e->visit.request->id, id.data, id.length);
    e->visit.request->id[id.length] = '\0';
}

/* Somebody who is trusted speaks for many: each of them is counted while a request of his is under way. Whoever is not was
 * counted when he came. */
static bool count_client(struct http_client *client)
{
    struct exchange *e = client->exchange;
    e->counted = !client->counted && limits_enter_client(client->context->share->limits, &e->visit.client);
    return client->counted || e->counted;
}

/* ---- the decision ---------------------------------------------------------------------------------------------------- */

static void note_decision(struct http_client *client, const struct decision *decision)
{
    struct exchange *e = client->exchange;
    const struct share *share = client->context->share;
    e->route = (uint16_t)(decision->route < 0 ? 0 : decision->route);
    e->visit.pool = decision->pool;
    e->visit.detail = decision->why;
    if (decision->verdict != DECIDE_KEY && decision->verdict != DECIDE_SPREAD)
        return;
    e->visit.decided = http_now(client);
    e->visit.source = (int16_t)decision->source;
    e->visit.key_hash = rank_log_hash(&share->ranking->seed, decision->tag, decision->key);
    visit_note_key(&e->visit, &http_plan(client)->log, decision);
    pick_init(&e->pick, decision->pool, rank_key_hash(&share->ranking->seed, decision->tag, decision->key));
    e->pick.door = client->door;
}

static void woken(struct homing *homing)
{
    http_walk(container_of(homing, struct exchange, homing)->client);
}

/* HTTP_PICK, or HTTP_STICK if somebody has to be asked where the client was before. */
static enum http_step find_known(struct http_client *client)
{
    struct exchange *e = client->exchange;
    const struct decision *decision = &http_room_of(client)->decision;
    if (e->visit.pool->stick_count == 0)
        return HTTP_PICK;
    bool done = homing_begin(&e->homing, client->context, decision, &e->visit.client, &e->pick, woken) == HOMING_DONE;
    return done ? HTTP_PICK : HTTP_STICK;
}

/* ---- the words for the server ---------------------------------------------------------------------------------------- */

static void note_upgrade(struct http_client *client, struct request_telling *telling)
{
    struct exchange *e = client->exchange;
    const struct plan_listener *listener = client->listener;
    struct span wanted = http_room_of(client)->message.upgrade;
    for (size_t i = 0; wanted.data && i < listener->upgrade_count; i++) {
        size_t length = strlen(listener->upgrades[i]);
        if (length >= sizeof(e->upgrade) || !message_lists(wanted, listener->upgrades[i]))
            continue;
        memcpy(e->upgrade, listener->upgrades[i], length + 1);
        e->upgrades = true;
        telling->upgrade = span_of(e->upgrade, length);
        return;
    }
}

/* Where the client connected to, for HTTP/1.0 without a Host (RFC 9112 section 3.3). */
static struct span local_of(struct http_client *client, char text[ENDPOINT_TEXT_SIZE])
{
    struct endpoint local = client->origin.local;
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    if (local.kind == ENDPOINT_NONE && getsockname(client->stream.source.fd, (struct sockaddr *)&own, &length) == 0)
        local = endpoint_from_sockaddr((const struct sockaddr *)&own);
    if (local.kind != ENDPOINT_IP)
        return span_text("localhost");
    endpoint_text(&local, text);
    return span_text(text);
}

/* Keeps what was written for as long as it may have to be sent again. */
static bool keep_words(struct exchange *e, const struct text *text, struct span body)
{
    size_t length = text->length + body.length;
    if (!e->words || e->words->capacity < length) {
        size_t capacity = length < 1024 ? 1024 : length;
        struct http_words *words = realloc(e->words, sizeof(*words) + capacity);
        if (!words)
            return false;
        words->capacity = (uint32_t)capacity;
        e->words = words;
    }
    memcpy(e->words->bytes, text->data, text->length);
    if (body.length > 0)
        memcpy(e->words->bytes + text->length, body.data, body.length);
    e->words->length = (uint32_t)length;
    return true;
}

static bool add_greeting(struct http_client *client, struct text *text)
{
    struct greeting *greeting;
    struct exchange *e = client->exchange;
    if (greeting_make(e->visit.pool, &http_room_of(client)->facts, client->stream.source.fd, &greeting) != 0)
        return false;
    if (greeting) {
        text_add_bytes(text, greeting->bytes, greeting->length);
        e->link_closes = true; /* it tells of one client */
    }
    greeting_free(greeting);
    return true;
}

/* As head_host(), but every field was looked at already. */
static struct span host_of(const struct http_client *client, struct span seen)
{
    const struct message *message = &http_room_of(client)->message;
    struct span host = target_host(head_target(&client->exchange->head, seen));
    for (size_t i = 0; !host.data && i < message->count; i++)
        if (message->fields[i].kind == FIELD_HOST)
            host = message->fields[i].value;
    return host;
}

static void write_words(struct http_client *client, struct span seen, struct span id, struct text *text)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    char local[ENDPOINT_TEXT_SIZE];
    struct request_telling telling = {
        .source = &client->origin.source,
        .trusted = client->origin.source_trusted,
        .tls = client->origin.source_tls,
        .host = host_of(client, seen),
        .id = id,
        .via = client->listener->via ? span_text(room->via) : span_of(NULL, 0),
        .client_header = client->listener->client_from == CLIENT_FROM_HEADER
                             ? span_text(client->listener->client_header)
                             : span_of(NULL, 0),
        .hides_cookies = stick_cookie(e->visit.pool) != NULL,
        .pool = e->visit.pool,
        .changes = &http_route(e)->request,
    };
    if (telling.host.length == 0)
        telling.local = local_of(client, local);
    note_upgrade(client, &telling);
    e->secure = request_is_https(&room->message, telling.trusted, telling.tls);
    request_write(text, &e->head, seen, &room->message, &telling);
}

/* A short body that came with the head goes with it. */
static struct span body_in(struct exchange *e, struct span seen)
{
    struct span rest = span_part(seen, e->head.length, seen.length - e->head.length);
    if (e->in.kind != BODY_LENGTH || e->in.left > HTTP_KEPT_BODY || rest.length == 0)
        return span_of(NULL, 0);
    if (rest.length > e->in.left)
        rest.length = e->in.left;
    e->in.left -= rest.length;
    e->in.done = e->in.left == 0;
    return rest;
}

/* HTTP_WAIT: nothing is in the way of the request. */
static enum http_step prepare(struct http_client *client, struct span seen, struct span id)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    struct text text;
    text_init(&text, (char *)room->out, room->out_size);
    if (!add_greeting(client, &text))
        return http_refuse(client, REASON_NO_MEMORY, 503, NULL);
    write_words(client, seen, id, &text);
    if (text.cut)
        return http_refuse(client, REASON_HEAD_TOO_LARGE, 431, "the head of the request is too long");
    struct span body = body_in(e, seen);
    size_t used = e->head.length + body.length;
    e->bytes_in += used;
    e->kept_whole = e->in.done;
    if (!keep_words(e, &text, body) || stream_keep(&client->stream, seen, used) != 0)
        return http_refuse(client, REASON_NO_MEMORY, 503, NULL);
    e->worker_by = http_now(client) + http_plan(client)->timeouts.worker;
    return HTTP_WAIT;
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

static enum http_step decided(struct http_client *client, struct span seen, struct span id)
{
    const struct decision *decision = &http_room_of(client)->decision;
    note_decision(client, decision);
    switch (decision->verdict) {
    case DECIDE_ANSWER:
        return http_answer_route(client, seen);
    case DECIDE_END:
        return http_refuse_as(client, refusal_of_decision(decision));
    case DECIDE_KEY:
    case DECIDE_SPREAD:
    case DECIDE_MORE:
    case DECIDE_HTTP:
        break;
    }
    if (!count_client(client)) {
        counter_add(client->context->counters, COUNTER_CONNECTIONS_REFUSED, 1);
        return http_refuse(client, REASON_PER_CLIENT, 429, NULL);
    }
    enum http_step next = find_known(client);
    enum http_step refused = prepare(client, seen, id);
    return refused == HTTP_WAIT ? next : refused;
}

enum http_step http_begin(struct http_client *client, struct span seen)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    struct span method = head_method(&e->head, seen);
    counter_add(client->context->counters, COUNTER_REQUESTS, 1);
    struct span via = client->listener->via ? span_text(room->via) : span_of(NULL, 0);
    struct refusal refusal = refusal_of_request(&room->message, &e->head, seen, via, http_plan(client)->limits.body);
    struct span id = make_id(client);
    note_for_log(client, seen, id);
    note_message(client, method);
    e->in.done &= refusal.status == 0; /* who knows what follows? */
    if (refusal.status != 0)
        return http_refuse_as(client, refusal);
    if (refusal_answers_options(&room->message, method))
        return http_answer_options(client, seen);
    facts_request(&room->facts, client->listener, http_plan(client)->pools, &client->origin, &e->head);
    decide_request(&room->decision, &room->facts, seen, ++client->context->serial);
    if (room->facts.client_known == KNOWN_PRESENT)
        e->visit.client = room->facts.client;
    return decided(client, seen, id);
}
