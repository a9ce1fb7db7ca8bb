#include "route/connect.h"
#include "session/search.h"
#include "session/step.h"

#include <errno.h>

static struct search search_of(struct connection *c)
{
    return (struct search){.context = c->context, .visit = &c->visit, .pick = &c->pick};
}

static void leave_untried(struct connection *c)
{
    struct search search = search_of(c);
    search_untried(&search);
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
    struct search search = search_of(c);
    search_in_vain(&search);
    return go_nowhere(c, REASON_NO_SERVER);
}

/* Somebody remembers where the client was. */
static bool take_known(struct connection *c, const struct search *search)
{
    struct homing *homing = c->homing;
    uint32_t known = homing ? homing->known : STICK_NOBODY;
    if (known == STICK_NOBODY)
        return false;
    homing->known = STICK_NOBODY;
    return search_known(search, known, visit_choice_of((enum stick_kind)homing->kind));
}

enum step step_pick(struct connection *c)
{
    struct search search = search_of(c);
    if (!take_known(c, &search) && !search_next(&search))
        return nobody_left(c);
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
    struct search search = search_of(c);
    if (connection_now(c) >= c->connect_by) {
        search_refused(&search, error);
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
    struct search search = search_of(c);
    counter_add(c->context->counters, COUNTER_CONNECTS, 1);
    switch (connect_start(&c->visit.server->address, &fd, &error)) {
    case CONNECT_DONE:
        return begin_to_connect(c, fd, true);
    case CONNECT_WAITING:
        return begin_to_connect(c, fd, false);
    case CONNECT_FAILED:
        search_refused(&search, error);
        return STEP_PICK;
    case CONNECT_FULL:
        return try_again_soon(c, error);
    case CONNECT_NO_PORT:
        search_hindered(&search, error);
        return STEP_PICK;
    case CONNECT_LOCAL:
        break;
    }
    search_hindered(&search, error);
    return go_nowhere(c, REASON_NO_MEMORY);
}

static enum step connect_failed(struct connection *c, int error)
{
    struct search search = search_of(c);
    search_refused(&search, error);
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
    struct search search = search_of(c);
    search_found(&search);
    connection_arrived(c);
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
