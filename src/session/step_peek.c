#include "session/http.h"
#include "session/step.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Counts the client once it is known who he is. */
static bool count_client(struct connection *c, const struct endpoint *client)
{
    assert(!c->counted);
    c->visit.client = *client;
    c->counted = limits_enter_client(c->context->share->limits, client);
    return c->counted;
}

static enum step refuse(struct connection *c)
{
    counter_add(c->context->counters, COUNTER_CONNECTIONS_REFUSED, 1);
    return connection_end(c, REASON_PER_CLIENT);
}

/* Where nobody reads requests yet. */
static enum step part_with_answer(struct connection *c, enum reason reason, const char *status, const char *rest)
{
    char words[320];
    struct text text;
    text_init(&text, words, sizeof(words));
    text_add_format(&text, "HTTP/1.1 %s\r\nDate: %s\r\n%s", status, clock_date(&c->context->date, clock_wall()), rest);
    return connection_part(c, &c->client, reason, words);
}

static const char bad_request[] =
    "Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\nBad request\n";

static enum step cannot_decide(struct connection *c, const struct facts *facts, const struct decision *decision)
{
    c->visit.pool = decision->pool;
    c->visit.detail = decision->why;
    if (!c->counted)
        c->visit.client = facts->client_known == KNOWN_PRESENT ? facts->client : facts->source;
    if (decision->answer_400)
        return part_with_answer(c, decision->reason, "400 Bad Request", bad_request);
    return connection_end(c, decision->reason);
}

/* A peer that is its own key may be a proxy that somebody forgot to trust, or that sends another field than the one that
 * counts. */
static void watch_crowd(struct connection *c, const struct facts *facts, const struct decision *decision)
{
    if (decision->source < 0 || c->visit.listener->client_from == CLIENT_FROM_NONE)
        return;
    enum key_kind kind = decision->pool->keys[decision->source].kind;
    bool client_key = kind == KEY_CLIENT || kind == KEY_CLIENT_NETWORK;
    bool own_address = client_key && endpoint_equal(&facts->client, &facts->source);
    if (own_address || (kind == KEY_PEER && !facts->source_trusted))
        c->sample = crowd_note(&c->context->crowds[c->listener], &facts->source);
}

static const char too_many[] = "Content-Type: text/plain\r\nContent-Length: 21\r\n"
                               "Retry-After: 1\r\nConnection: close\r\n\r\nToo many connections\n";

/* Each of its requests will be decided by itself. Whoever is not trusted speaks for himself, so he is counted before he is
 * waited for; the clients of others are counted with their requests. */
static enum step go_on_in_http(struct connection *c, const struct facts *facts)
{
    if (!c->counted && !facts->source_trusted && !count_client(c, &facts->source)) {
        counter_add(c->context->counters, COUNTER_CONNECTIONS_REFUSED, 1);
        return part_with_answer(c, REASON_PER_CLIENT, "429 Too Many Requests", too_many);
    }
    if (http_take_over(c, facts) != 0)
        return connection_end(c, REASON_NO_MEMORY);
    c->taken_over = true;
    return STEP_OVER;
}

/* The decision is made: takes from it what the rest of the walk needs; it is gone after this. */
static enum step accept_decision(struct connection *c, const struct facts *facts)
{
    const struct decision *decision = &c->context->decision;
    const struct share *share = c->context->share;
    if (decision->verdict == DECIDE_END)
        return cannot_decide(c, facts, decision);
    if (decision->verdict == DECIDE_HTTP)
        return go_on_in_http(c, facts);

    if (!c->counted && !count_client(c, facts->client_known == KNOWN_PRESENT ? &facts->client : &facts->source))
        return refuse(c);
    c->visit.decided = connection_now(c);
    c->worker_by = connection_now(c) + connection_plan(c)->timeouts.worker;
    c->visit.detail = decision->why;
    c->visit.pool = decision->pool;
    c->visit.source = (int16_t)decision->source;
    c->visit.key_hash = rank_log_hash(&share->ranking->seed, decision->tag, decision->key);
    c->tls = facts->source_tls;
    visit_note_key(&c->visit, &connection_plan(c)->log, decision);
    watch_crowd(c, facts, decision);
    uint8_t door = c->pick.door;
    pick_init(&c->pick, decision->pool, rank_key_hash(&share->ranking->seed, decision->tag, decision->key));
    c->pick.door = door;
    if (greeting_make(decision->pool, facts, c->client.source.fd, &c->greeting) != 0)
        return connection_end(c, REASON_NO_MEMORY);
    return decision->pool->stick_count > 0 ? connection_remember(c, decision) : STEP_PICK;
}

static enum step begin_waiting(struct connection *c)
{
    c->peek = malloc(sizeof(*c->peek));
    if (!c->peek)
        return connection_end(c, REASON_NO_MEMORY);
    *c->peek = c->context->first_look;
    peek_start_waiting(c->peek, &connection_plan(c)->timeouts, connection_now(c));
    return STEP_PEEK;
}

/* Null: that takes more bytes to know. */
static const struct endpoint *client_without_bytes(const struct facts *facts)
{
    if (facts->client_known == KNOWN_PRESENT)
        return &facts->client;
    return facts->stage == FACTS_CONTENT && !facts->source_trusted ? &facts->source : NULL;
}

/* What can be known without any byte. Most connections are decided by it; who has to wait is counted before he does. */
enum step step_guard(struct connection *c)
{
    struct context *context = c->context;
    struct peek *first = &context->first_look;
    peek_init(first, connection_plan(c), c->visit.listener, &c->visit.peer);
    first->serial = ++context->serial;
    if (peek_at_once(first, &context->decision) == PEEK_DECIDED)
        return accept_decision(c, &first->facts);
    const struct endpoint *client = client_without_bytes(&first->facts);
    if (client && !count_client(c, client))
        return refuse(c);
    return begin_waiting(c);
}

static enum step look(struct connection *c)
{
    switch (peek_look(c->peek, &c->context->decision, &c->client, c->context->scratch, connection_now(c))) {
    case PEEK_DECIDED:
        c->readable = (uint32_t)c->peek->seen;
        return accept_decision(c, &c->peek->facts);
    case PEEK_GONE:
        return connection_end(c, REASON_CLIENT_GONE);
    case PEEK_WAIT:
        break;
    }
    if (connection_watch(c) != 0)
        return connection_end(c, REASON_NO_MEMORY);
    return connection_wait(c, peek_deadline(c->peek));
}

enum step step_peek(struct connection *c)
{
    if (!c->client.readable && connection_now(c) < peek_deadline(c->peek))
        return connection_wait(c, peek_deadline(c->peek));
    enum step next = look(c);
    if (next != STEP_WAIT)
        connection_drop_peek(c);
    return next;
}
