#include "base/log.h"
#include "route/connect.h"
#include "session/step.h"

#include <errno.h>
#include <string.h>

static void leave_untried(struct connection *c)
{
    server_untried(c->context->share->states, c->visit.server->number);
}

/* The server could not be reached. A message only when it was up until now: its next failures tell nothing new. */
static void server_refused(struct connection *c, int error)
{
    const struct plan_server *server = c->visit.server;
    counter_add(c->context->counters, COUNTER_CONNECT_FAILURES, 1);
    visit_pass(&c->visit, connection_server_index(c), error);
    if (server_failed(c->context->share->states, server->number, connection_now(c)))
        log_warning("pool %s: server %s is down: connect to %s: %s; its clients go to their next-ranked",
                    c->visit.pool->name, server->name, server->address.text, strerror(error));
}

/* This machine could not even try; that is not the server's fault. */
static void could_not_try(struct connection *c, int error)
{
    static struct log_limit limit;
    unsigned long skipped;
    counter_add(c->context->counters, COUNTER_CONNECT_FAILURES, 1);
    visit_pass(&c->visit, connection_server_index(c), error);
    leave_untried(c);
    if (log_limit_pass(&limit, 60, &skipped))
        log_warning("no connection to server %s can be opened from here: %s", c->visit.server->name, strerror(error));
}

static void server_answered(struct connection *c)
{
    const struct plan_server *server = c->visit.server;
    if (c->visit.choice == VISIT_NEXT_RANKED)
        counter_add(c->context->counters, COUNTER_NEXT_RANKED, 1);
    if (server_succeeded(c->context->share->states, server->number))
        log_notice("pool %s: server %s is up again: its clients come home", c->visit.pool->name, server->name);
}

static bool was_passed(const struct visit_passed *passed, uint32_t server)
{
    for (size_t i = 0; passed && i < passed->count; i++)
        if (passed->servers[i] == server)
            return true;
    return false;
}

/* Those ranked before the choice (PICK_NOBODY: all) that were not tried are resting. */
static void note_resting(struct connection *c, uint32_t choice)
{
    uint32_t before[VISIT_PASSED_MOST + 1]; /* one more than is told: then it is told that there are more */
    size_t count = pick_before(&c->pick, c->context->share->ranking, choice, before, VISIT_PASSED_MOST + 1);
    for (size_t i = 0; i < count; i++)
        if (!was_passed(c->visit.passed, before[i]))
            visit_pass(&c->visit, before[i], 0);
}

/* Why is this server the choice? */
static void note_choice(struct connection *c, uint32_t index)
{
    struct visit *visit = &c->visit;
    visit->server = &visit->pool->servers[index];
    visit->choice = VISIT_HOME;
    if (index != c->pick.home) {
        visit->choice = VISIT_NEXT_RANKED;
        note_resting(c, index);
    }
    if (c->pick.last_resort)
        visit->choice = VISIT_LAST_RESORT;
}

static enum step go_nowhere(struct connection *c, enum reason reason)
{
    c->visit.server = NULL;
    c->visit.choice = VISIT_NOWHERE;
    return connection_part(c, &c->client, reason, "");
}

static enum step nobody_left(struct connection *c)
{
    if (c->visit.pool->workers && connection_now(c) < c->worker_by)
        return connection_park(c);
    static struct log_limit limit;
    unsigned long skipped;
    if (c->pick.tried_count < PICK_TRIES_MAX)
        note_resting(c, PICK_NOBODY);
    if (log_limit_pass(&limit, 1, &skipped))
        log_error("pool %s: no server can be reached; visits end with %s", c->visit.pool->name,
                  reason_text(REASON_NO_SERVER));
    return go_nowhere(c, REASON_NO_SERVER);
}

enum step step_pick(struct connection *c)
{
    const struct share *share = c->context->share;
    uint32_t index;
    if (pick_next(&c->pick, share->ranking, share->states, connection_now(c), &index) == PICK_NONE_LEFT)
        return nobody_left(c);
    note_choice(c, index);
    c->connect_by = connection_now(c) + connection_plan(c)->timeouts.connect;
    c->retries = 0;
    timer_clear(&c->context->loop.timers, &c->timer);
    if (c->visit.server->slot != 0)
        return STEP_HAND;
    if (connection_watch(c) == 0)
        return STEP_TRY;
    leave_untried(c);
    return connection_end(c, REASON_NO_MEMORY);
}

/* A socket is there, connected or connecting. */
static enum step begin_to_connect(struct connection *c, int fd, bool connected)
{
    stream_init(&c->server, fd, address_is_unix(&c->visit.server->address), connection_server_ready);
    c->server.writable = connected;
    if (loop_add(&c->context->loop, &c->server.source, LOOP_BOTH) != 0 ||
        timer_set(&c->context->loop.timers, &c->timer, c->connect_by) != 0) {
        leave_untried(c);
        return connection_end(c, REASON_NO_MEMORY);
    }
    return STEP_CONNECT;
}

/* A Unix server whose backlog is full is busy, not dead: it is asked again after 1, 2, 4 ... 64 ms until the time for
 * connecting is over. TCP does the same in the kernel. */
static enum step try_again_soon(struct connection *c, int error)
{
    if (connection_now(c) >= c->connect_by) {
        server_refused(c, error);
        return STEP_PICK;
    }
    micros pause = (micros)MILLIS_IN_MICROS << c->retries;
    if (c->retries < 6)
        c->retries++;
    if (timer_set(&c->context->loop.timers, &c->timer, connection_now(c) + pause) == 0)
        return STEP_WAIT;
    leave_untried(c);
    return connection_end(c, REASON_NO_MEMORY);
}

static enum step client_left(struct connection *c)
{
    leave_untried(c);
    return connection_end(c, REASON_CLIENT_GONE);
}

enum step step_try(struct connection *c)
{
    if (c->client.broken)
        return client_left(c);
    if (!connection_is_late(c))
        return STEP_WAIT;
    int fd;
    int error;
    counter_add(c->context->counters, COUNTER_CONNECTS, 1);
    switch (connect_start(&c->visit.server->address, &fd, &error)) {
    case CONNECT_DONE:
        return begin_to_connect(c, fd, true);
    case CONNECT_WAITING:
        return begin_to_connect(c, fd, false);
    case CONNECT_FAILED:
        server_refused(c, error);
        return STEP_PICK;
    case CONNECT_FULL:
        return try_again_soon(c, error);
    case CONNECT_NO_PORT:
        could_not_try(c, error);
        return STEP_PICK;
    case CONNECT_LOCAL:
        break;
    }
    could_not_try(c, error);
    return go_nowhere(c, REASON_NO_MEMORY);
}

static enum step connect_failed(struct connection *c, int error)
{
    server_refused(c, error);
    stream_close(&c->server, true); /* who met itself would go on holding the server's port */
    return STEP_PICK;
}

enum step connection_carry(struct connection *c)
{
    c->carrying = true;
    context_decided(c->context);
    if (c->visit.server->slot == 0)
        server_count_live(c->context->share->states, c->visit.server->number, 1);
    c->last_move = connection_now(c);
    c->unsent = UINT32_MAX;
    relay_init(&c->relay);
    int failure = 0;
    if (c->greeting && c->visit.server->slot == 0)
        failure = relay_put_first(&c->relay, c->greeting->bytes, c->greeting->length);
    greeting_free(c->greeting);
    c->greeting = NULL;
    if (failure)
        return connection_end(c, REASON_NO_MEMORY);
    return STEP_CARRY;
}

static enum step begin_to_carry(struct connection *c)
{
    server_answered(c);
    c->visit.connected = connection_now(c);
    return connection_carry(c);
}

enum step step_connect(struct connection *c)
{
    if (c->client.broken)
        return client_left(c);
    if (c->server.writable) {
        /* Only a socket that hung up can hold an error; asking the others would be a system call for nothing. */
        int error = c->server.hung_up ? -stream_error(&c->server) : 0;
        if (!error && connect_met_itself(c->server.source.fd, &c->visit.server->address))
            error = ECONNREFUSED;
        return error ? connect_failed(c, error) : begin_to_carry(c);
    }
    if (connection_is_late(c))
        return connect_failed(c, ETIMEDOUT);
    return STEP_WAIT;
}
