#include "session/connection.h"

#include "base/log.h"
#include "carry/farewell.h"
#include "carry/relay.h"
#include "front/crowd.h"
#include "front/peek.h"
#include "route/connect.h"
#include "route/pick.h"
#include "session/context.h"
#include "session/greeting.h"
#include "session/visit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum step {
    STEP_GUARD,
    STEP_PEEK,
    STEP_PICK,
    STEP_CONNECT,
    STEP_CARRY,
    STEP_FAREWELL,
    STEP_COUNT,
    STEP_WAIT,
    STEP_OVER
};

/* An idle relay is all of this and nothing else: its size is what an idle pair costs. */
struct connection {
    struct list link; /* in context->connections */
    struct loop_grave grave;
    struct context *context;
    struct stream client;
    struct stream server;
    struct timer timer; /* the present step's deadline */
    micros last_move;   /* of a byte, while carrying */
    uint16_t listener;
    uint8_t step;
    bool counted; /* among the connections of its client */
    bool sample;  /* its first bytes are to be looked at for a forwarding field */
    struct pick pick;
    struct peek *peek;         /* only while peeking and waiting */
    struct greeting *greeting; /* what the server is told first; null: nothing */
    struct relay relay;
    struct farewell farewell;
    struct visit visit;
};

_Static_assert(sizeof(struct connection) <= 512 - 2 * sizeof(void *), "an idle pair costs half a kilobyte at most");

static void walk(struct connection *c);

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

static void client_ready(struct loop_source *source, uint32_t events)
{
    struct connection *c = container_of(source, struct connection, client.source);
    stream_notice(&c->client, events);
    walk(c);
}

static void server_ready(struct loop_source *source, uint32_t events)
{
    struct connection *c = container_of(source, struct connection, server.source);
    stream_notice(&c->server, events);
    walk(c);
}

static void deadline_came(struct timer *timer)
{
    walk(container_of(timer, struct connection, timer));
}

static micros now_of(const struct connection *c)
{
    return c->context->loop.now;
}

/* The deadline of this step has come: its timer has fired and is not set any more. */
static bool is_late(const struct connection *c)
{
    return c->timer.deadline == TIMER_NEVER;
}

static const struct plan *plan_of(const struct connection *c)
{
    return c->context->share->plan;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

static void bury(struct loop_grave *grave)
{
    free(container_of(grave, struct connection, grave));
}

static void write_log(struct connection *c)
{
    if (!c->context->share->access)
        return;
    char buffer[VISIT_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    visit_line(&c->visit, &plan_of(c)->log, c->relay.in.moved, c->relay.out.moved, &line);
    context_log(c->context, line.data, line.length);
}

/* The visit's single end: its reason is set here, its line is written here. */
static void end_visit(struct connection *c, enum reason reason)
{
    assert(c->visit.reason == REASON_NONE);
    c->visit.reason = (uint8_t)reason;
    write_log(c);
    free(c->visit.plain_key);
    c->visit.plain_key = NULL;
}

static void drop_peek(struct connection *c)
{
    if (!c->peek)
        return;
    peek_fini(c->peek);
    free(c->peek);
    c->peek = NULL;
}

/* What broke on one side is passed on to the other as what it is: a reset, never an orderly end. */
static void close_streams(struct connection *c)
{
    bool broke = c->visit.reason == REASON_CLIENT_RESET || c->visit.reason == REASON_SERVER_RESET;
    stream_close(&c->server, broke);
    stream_close(&c->client, broke);
}

static void release(struct connection *c)
{
    struct context *context = c->context;
    timer_clear(&context->loop.timers, &c->timer);
    drop_peek(c);
    greeting_free(c->greeting);
    relay_fini(&c->relay, &context->kit);
    close_streams(c);
    if (c->counted)
        limits_leave_client(context->share->limits, &c->visit.client);
    limits_leave(context->share->limits, c->listener);
    context_leave(context, &c->link);
    loop_bury(&context->loop, &c->grave, bury);
}

static enum step end(struct connection *c, enum reason reason)
{
    end_visit(c, reason);
    return STEP_OVER;
}

/* Ends the visit, but lets the client hear it. */
static enum step part(struct connection *c, enum reason reason, const char *words)
{
    end_visit(c, reason);
    farewell_start(&c->farewell, &c->client, words);
    return timer_set(&c->context->loop.timers, &c->timer, now_of(c) + FAREWELL_PATIENCE) == 0 ? STEP_FAREWELL
                                                                                              : STEP_OVER;
}

static enum step wait_until(struct connection *c, micros deadline)
{
    if (timer_set(&c->context->loop.timers, &c->timer, deadline) == 0)
        return STEP_WAIT;
    return end(c, REASON_NO_MEMORY);
}

/* ---- guard and peek ------------------------------------------------------------------------------------------------ */

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
    counter_add(&c->context->counters, COUNTER_CONNECTIONS_REFUSED, 1);
    return end(c, REASON_PER_CLIENT);
}

static const char bad_request[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
                                  "Connection: close\r\n\r\nBad request\n";

static enum step cannot_decide(struct connection *c, const struct decision *decision)
{
    c->visit.pool = decision->pool;
    c->visit.detail = decision->why;
    if (decision->answer_400)
        return part(c, decision->reason, bad_request);
    return end(c, decision->reason);
}

static void note_plain_key(struct connection *c, const struct decision *decision)
{
    if (!plan_of(c)->log.plain_keys || decision->verdict != DECIDE_KEY)
        return;
    char buffer[VISIT_PLAIN_KEY_MOST + 1];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    if (decision->tag == KEY_TAG_ADDRESS) {
        struct endpoint address = endpoint_from_ip6(decision->key.data, 0);
        char words[ENDPOINT_TEXT_SIZE];
        endpoint_text(&address, words);
        text_add(&text, words);
    } else {
        text_add_bytes(&text, decision->key.data, decision->key.length);
    }
    c->visit.plain_key = strdup(text.data);
}

/* A peer that is not believed and is its own key may be a proxy that somebody forgot to trust. */
static void watch_crowd(struct connection *c, const struct facts *facts, const struct decision *decision)
{
    if (facts->source_trusted || decision->source < 0)
        return;
    enum key_kind kind = decision->pool->keys[decision->source].kind;
    bool own_address = kind == KEY_CLIENT || kind == KEY_CLIENT_NETWORK || kind == KEY_PEER;
    if (own_address && c->visit.listener->client_from != CLIENT_FROM_NONE)
        c->sample = crowd_note(&c->context->crowds[c->listener], &facts->source);
}

/* The decision is made: takes from it what the rest of the walk needs; it is gone after this. */
static enum step accept_decision(struct connection *c, const struct facts *facts)
{
    const struct decision *decision = &c->context->decision;
    const struct share *share = c->context->share;
    if (decision->verdict == DECIDE_END)
        return cannot_decide(c, decision);

    if (!c->counted && !count_client(c, facts->client_known == KNOWN_PRESENT ? &facts->client : &facts->source))
        return refuse(c);
    c->visit.decided = now_of(c);
    c->visit.pool = decision->pool;
    c->visit.source = (int16_t)decision->source;
    c->visit.key_hash = rank_log_hash(&share->ranking->seed, decision->tag, decision->key);
    note_plain_key(c, decision);
    watch_crowd(c, facts, decision);
    pick_init(&c->pick, decision->pool, rank_key_hash(&share->ranking->seed, decision->tag, decision->key));
    if (greeting_make(decision->pool, facts, c->client.source.fd, &c->greeting) != 0)
        return end(c, REASON_NO_MEMORY);
    return STEP_PICK;
}

static enum step begin_waiting(struct connection *c)
{
    c->peek = malloc(sizeof(*c->peek));
    if (!c->peek)
        return end(c, REASON_NO_MEMORY);
    *c->peek = c->context->first_look;
    peek_start_waiting(c->peek, &plan_of(c)->timeouts, now_of(c));
    return STEP_PEEK;
}

/* What can be known without any byte. Most connections are decided by it; who has to wait is counted before he does. */
static enum step guard(struct connection *c)
{
    struct context *context = c->context;
    struct peek *first = &context->first_look;
    peek_init(first, plan_of(c), c->visit.listener, &c->visit.peer);
    first->serial = ++context->serial;
    if (peek_at_once(first, &context->decision) == PEEK_DECIDED)
        return accept_decision(c, &first->facts);
    if (first->facts.client_known == KNOWN_PRESENT && !count_client(c, &first->facts.client))
        return refuse(c);
    return begin_waiting(c);
}

static enum step look(struct connection *c)
{
    switch (peek_look(c->peek, &c->context->decision, &c->client, c->context->scratch, now_of(c))) {
    case PEEK_DECIDED:
        return accept_decision(c, &c->peek->facts);
    case PEEK_GONE:
        return end(c, REASON_CLIENT_GONE);
    case PEEK_WAIT:
        break;
    }
    return wait_until(c, peek_deadline(c->peek));
}

static enum step peek(struct connection *c)
{
    if (!c->client.readable && now_of(c) < peek_deadline(c->peek))
        return wait_until(c, peek_deadline(c->peek));
    enum step next = look(c);
    if (next != STEP_WAIT)
        drop_peek(c);
    return next;
}

/* ---- pick and connect ---------------------------------------------------------------------------------------------- */

static void note_passed(struct visit *visit, uint32_t server, int error)
{
    assert(visit->passed_count < VISIT_PASSED_MOST);
    visit->passed[visit->passed_count++] = (struct visit_passed){.server = server, .error = error};
}

static uint32_t index_of(const struct visit *visit)
{
    return (uint32_t)(visit->server - visit->pool->servers);
}

/* The server could not be reached. A message only when it was up until now: its next failures tell nothing new. */
static void server_refused(struct connection *c, int error)
{
    const struct plan_server *server = c->visit.server;
    counter_add(&c->context->counters, COUNTER_CONNECT_FAILURES, 1);
    note_passed(&c->visit, index_of(&c->visit), error);
    if (server_failed(c->context->share->states, server->number, now_of(c)))
        log_warning("pool %s: server %s (%s) is down: connect: %s; its clients go to their next-ranked",
                    c->visit.pool->name, server->name, server->address.text, strerror(error));
}

/* This machine could not even try; that is not the server's fault. */
static void could_not_try(struct connection *c, int error)
{
    static struct log_limit limit;
    unsigned long skipped;
    counter_add(&c->context->counters, COUNTER_CONNECT_FAILURES, 1);
    note_passed(&c->visit, index_of(&c->visit), error);
    server_untried(c->context->share->states, c->visit.server->number);
    if (log_limit_pass(&limit, 1, &skipped))
        log_warning("no connection to any server can be opened here: %s", strerror(error));
}

static void server_answered(struct connection *c)
{
    const struct plan_server *server = c->visit.server;
    if (server_succeeded(c->context->share->states, server->number))
        log_notice("pool %s: server %s (%s) is up again: its clients come home", c->visit.pool->name, server->name,
                   server->address.text);
}

/* Why is this server the choice? */
static void note_choice(struct connection *c, uint32_t index)
{
    struct visit *visit = &c->visit;
    visit->server = &visit->pool->servers[index];
    visit->choice = VISIT_HOME;
    if (index != c->pick.home) {
        visit->choice = VISIT_NEXT_RANKED;
        counter_add(&c->context->counters, COUNTER_NEXT_RANKED, 1);
        if (visit->passed_count == 0)
            note_passed(visit, c->pick.home, 0);
    }
    if (c->pick.last_resort)
        visit->choice = VISIT_LAST_RESORT;
}

static enum step nobody_left(struct connection *c)
{
    static struct log_limit limit;
    unsigned long skipped;
    if (log_limit_pass(&limit, 1, &skipped))
        log_error("pool %s: no server can be reached; visits end with %s", c->visit.pool->name,
                  reason_text(REASON_NO_SERVER));
    c->visit.server = NULL;
    c->visit.choice = VISIT_NOWHERE;
    return part(c, REASON_NO_SERVER, "");
}

static enum step pick(struct connection *c)
{
    const struct share *share = c->context->share;
    uint32_t index;
    if (pick_next(&c->pick, share->ranking, share->states, now_of(c), &index) == PICK_NONE_LEFT)
        return nobody_left(c);
    note_choice(c, index);

    const struct plan_server *server = c->visit.server;
    int fd;
    int error;
    counter_add(&c->context->counters, COUNTER_CONNECTS, 1);
    enum connect_verdict verdict = connect_start(&server->address, &fd, &error);
    switch (verdict) {
    case CONNECT_FAILED:
        server_refused(c, error);
        return STEP_PICK;
    case CONNECT_LOCAL:
        could_not_try(c, error);
        return part(c, REASON_NO_MEMORY, "");
    case CONNECT_DONE:
    case CONNECT_WAITING:
        break;
    }
    stream_init(&c->server, fd, address_is_unix(&server->address), server_ready);
    c->server.writable = verdict == CONNECT_DONE;
    if (loop_add(&c->context->loop, &c->server.source, LOOP_BOTH) != 0) {
        server_untried(share->states, server->number);
        return end(c, REASON_NO_MEMORY);
    }
    if (timer_set(&c->context->loop.timers, &c->timer, now_of(c) + plan_of(c)->timeouts.connect) != 0) {
        server_untried(share->states, server->number);
        return end(c, REASON_NO_MEMORY);
    }
    return STEP_CONNECT;
}

static enum step connect_failed(struct connection *c, int error)
{
    server_refused(c, error);
    stream_close(&c->server, false);
    return STEP_PICK;
}

static enum step begin_to_carry(struct connection *c)
{
    server_answered(c);
    c->visit.connected = now_of(c);
    c->last_move = now_of(c);
    relay_init(&c->relay);
    int failure = 0;
    if (c->greeting)
        failure = relay_put_first(&c->relay, c->greeting->bytes, c->greeting->length);
    greeting_free(c->greeting);
    c->greeting = NULL;
    if (failure)
        return end(c, REASON_NO_MEMORY);
    return STEP_CARRY;
}

static enum step client_left(struct connection *c)
{
    server_untried(c->context->share->states, c->visit.server->number);
    return end(c, REASON_CLIENT_GONE);
}

static enum step wait_for_server(struct connection *c)
{
    if (c->client.broken)
        return client_left(c);
    if (c->server.writable) {
        /* Only a socket that hung up can hold an error; asking the others would be a system call for nothing. */
        int error = c->server.hung_up ? -stream_error(&c->server) : 0;
        return error ? connect_failed(c, error) : begin_to_carry(c);
    }
    if (is_late(c))
        return connect_failed(c, ETIMEDOUT);
    return STEP_WAIT;
}

/* ---- carry --------------------------------------------------------------------------------------------------------- */

static void look_at_sample(struct connection *c)
{
    struct span bytes;
    if (stream_peek(&c->client, c->context->scratch, PEEK_LIMIT, &bytes) <= 0)
        return;
    c->sample = false;
    if (decide_has_forwarding_field(bytes))
        crowd_warn(&c->context->crowds[c->listener], c->visit.listener, &c->context->share->crowd_quiet[c->listener],
                   now_of(c));
}

static enum step carry(struct connection *c)
{
    if (c->sample && c->client.readable)
        look_at_sample(c);

    struct relay_result result = relay_run(&c->relay, &c->context->kit, &c->client, &c->server);
    if (result.moved)
        c->last_move = now_of(c);
    if (result.answer == RELAY_FINISHED)
        return end(c, result.reason);
    if (result.answer == RELAY_AGAIN)
        loop_again(&c->context->loop, &c->client.source);

    micros idle_at = c->last_move + plan_of(c)->timeouts.idle;
    if (now_of(c) >= idle_at)
        return end(c, REASON_IDLE);
    return wait_until(c, idle_at);
}

/* ---- farewell ------------------------------------------------------------------------------------------------------ */

static enum step farewell(struct connection *c)
{
    if (farewell_is_over(&c->farewell, &c->client) || is_late(c))
        return STEP_OVER;
    return STEP_WAIT;
}

/* ---- the walk ------------------------------------------------------------------------------------------------------ */

static enum step (*const steps[STEP_COUNT])(struct connection *) = {
    [STEP_GUARD] = guard, [STEP_PEEK] = peek,         [STEP_PICK] = pick, [STEP_CONNECT] = wait_for_server,
    [STEP_CARRY] = carry, [STEP_FAREWELL] = farewell,
};

static void walk(struct connection *c)
{
    for (;;) {
        enum step next = steps[c->step](c);
        if (next == STEP_WAIT)
            return;
        if (next == STEP_OVER) {
            release(c);
            return;
        }
        c->step = (uint8_t)next;
    }
}

void connection_start(struct context *context, struct listen_point *point, int fd, const struct endpoint *peer)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (!c) {
        limits_leave(context->share->limits, point->number);
        close(fd);
        return;
    }
    c->context = context;
    c->listener = (uint16_t)point->number;
    c->step = STEP_GUARD;
    c->visit = (struct visit){
        .accepted = context->loop.now, .peer = *peer, .client = *peer, .listener = point->listener, .source = -1};
    timer_init(&c->timer, deadline_came);
    stream_init(&c->client, fd, point->is_unix, client_ready);
    c->server.source.fd = -1;
    context_enter(context, &c->link);
    if (loop_add(&context->loop, &c->client.source, LOOP_BOTH) != 0)
        connection_stop(c, REASON_NO_MEMORY);
    else
        walk(c);
}

void connection_stop(struct connection *c, enum reason reason)
{
    if (c->visit.reason == REASON_NONE) {
        if (c->step == STEP_CONNECT)
            server_untried(c->context->share->states, c->visit.server->number);
        end_visit(c, reason);
    }
    release(c);
}

struct connection *connection_of_link(struct list *link)
{
    return container_of(link, struct connection, link);
}
