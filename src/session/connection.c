#include "session/connection.h"

#include "session/step.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what wakes it ------------------------------------------------------------------------------------------------- */

static void client_ready(struct loop_source *source, uint32_t events)
{
    struct connection *c = container_of(source, struct connection, client.source);
    stream_notice(&c->client, events);
    connection_walk(c);
}

void connection_server_ready(struct loop_source *source, uint32_t events)
{
    struct connection *c = container_of(source, struct connection, server.source);
    stream_notice(&c->server, events);
    connection_walk(c);
}

static void deadline_came(struct timer *timer)
{
    connection_walk(container_of(timer, struct connection, timer));
}

int connection_watch(struct connection *c)
{
    int failure = c->watched ? 0 : loop_add(&c->context->loop, &c->client.source, LOOP_BOTH);
    c->watched = !failure;
    return failure;
}

enum step connection_wait(struct connection *c, micros deadline)
{
    if (timer_set(&c->context->loop.timers, &c->timer, deadline) == 0)
        return STEP_WAIT;
    return connection_end(c, REASON_NO_MEMORY);
}

/* ---- its end ------------------------------------------------------------------------------------------------------- */

static void write_log(struct connection *c)
{
    if (!c->context->share->access)
        return;
    char buffer[VISIT_LINE_SIZE];
    struct text line;
    text_init(&line, buffer, sizeof(buffer));
    visit_line(&c->visit, &connection_plan(c)->log, c->relay.in.moved, c->relay.out.moved, &line);
    context_log(c->context, line.data, line.length);
}

enum step connection_end(struct connection *c, enum reason reason)
{
    assert(c->visit.reason == REASON_NONE);
    c->visit.reason = (uint8_t)reason;
    counter_ended(c->context->counters, reason);
    write_log(c);
    visit_fini(&c->visit);
    return STEP_OVER;
}

enum step connection_part(struct connection *c, struct stream *hearer, enum reason reason, const char *words)
{
    connection_end(c, reason);
    c->server_hears = hearer == &c->server;
    farewell_start(&c->farewell, hearer, words);
    if (connection_watch(c) != 0)
        return STEP_OVER;
    int failure = timer_set(&c->context->loop.timers, &c->timer, connection_now(c) + FAREWELL_PATIENCE);
    return failure ? STEP_OVER : STEP_FAREWELL;
}

void connection_drop_peek(struct connection *c)
{
    if (!c->peek)
        return;
    peek_fini(c->peek);
    free(c->peek);
    c->peek = NULL;
}

/* Who spoke so lately may be in the middle of something. */
#define LATELY SECOND_IN_MICROS

static bool waits_for(const struct flow *flow, const struct stream *to)
{
    return flow_holds_bytes(flow) || stream_unsent(to) > 0;
}

/* What was cut short must not look complete: if a side broke before its end, or if we end a relay on which something is
 * under way. What was complete is delivered in order, and who has nothing to say is parted from in order. */
static bool is_cut_short(const struct connection *c, const struct flow *flow, const struct stream *to)
{
    if (flow_is_whole(flow))
        return false;
    switch ((enum reason)c->visit.reason) {
    case REASON_CLIENT_RESET:
    case REASON_SERVER_RESET:
        return true;
    case REASON_IDLE:
        return waits_for(flow, to);
    case REASON_STOPPED:
    case REASON_NO_MEMORY:
        return c->step == STEP_CARRY && flow->moved > 0 &&
               (connection_now(c) < c->last_move + LATELY || waits_for(flow, to));
    default:
        return false;
    }
}

static void close_streams(struct connection *c)
{
    bool reset_server = is_cut_short(c, &c->relay.in, &c->server);
    bool reset_client = is_cut_short(c, &c->relay.out, &c->client);
    stream_close(&c->server, reset_server);
    stream_close(&c->client, reset_client);
}

static void bury(struct loop_grave *grave)
{
    free(container_of(grave, struct connection, member.grave));
}

static void release(struct connection *c)
{
    struct context *context = c->context;
    timer_clear(&context->loop.timers, &c->timer);
    connection_drop_peek(c);
    connection_drop_homing(c);
    connection_abandon_handover(c);
    list_remove(&c->waiter.link);
    greeting_free(c->greeting);
    close_streams(c);
    relay_fini(&c->relay, &context->kit);
    if (c->tunnel)
        server_count_requests(context->share->states, c->visit.server->number, -1);
    else if (c->carrying && c->visit.server->slot == 0)
        server_count_live(context->share->states, c->visit.server->number, -1);
    if (c->counted)
        limits_leave_client(context->share->limits, &c->visit.client);
    if (!c->taken_over)
        limits_leave(context->share->limits, c->listener);
    context_leave(context, &c->member, c->carrying);
    loop_bury(&context->loop, &c->member.grave, bury);
}

/* ---- the walk ------------------------------------------------------------------------------------------------------ */

static enum step (*const steps[STEP_COUNT])(struct connection *) = {
    [STEP_GUARD] = step_guard, [STEP_PEEK] = step_peek,         [STEP_STICK] = step_stick, [STEP_PICK] = step_pick,
    [STEP_TRY] = step_try,     [STEP_CONNECT] = step_connect,   [STEP_HAND] = step_hand,   [STEP_PARK] = step_park,
    [STEP_CARRY] = step_carry, [STEP_FAREWELL] = step_farewell,
};

void connection_walk(struct connection *c)
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

static void stop(struct member *member, enum reason reason)
{
    struct connection *c = container_of(member, struct connection, member);
    bool trying = c->step == STEP_TRY || c->step == STEP_CONNECT || c->step == STEP_HAND;
    if (c->visit.reason == REASON_NONE) {
        if (trying)
            server_untried(c->context->share->states, c->visit.server->number);
        connection_end(c, reason);
    }
    release(c);
}

static void wake(struct waiter *waiter)
{
    connection_walk(container_of(waiter, struct connection, waiter));
}

static const struct member_kind connections = {.stop = stop};

static void begin_upgraded(struct connection *c, const struct connection_upgrade *upgrade)
{
    c->visit = *upgrade->visit;
    upgrade->visit->passed = NULL;
    upgrade->visit->request = NULL;
    upgrade->visit->plain_key = NULL;
    c->pick = *upgrade->pick;
    c->relay.out = *upgrade->out;
    *upgrade->out = (struct flow){0};
    c->relay.in.moved = upgrade->bytes_in;
    c->listener = upgrade->listener;
    c->counted = upgrade->counted;
    c->watched = c->carrying = c->tunnel = true;
    c->step = STEP_CARRY;
    c->last_move = connection_now(c);
    c->unsent = UINT32_MAX;
}

int connection_upgrade(struct context *context, const struct connection_upgrade *upgrade)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->context = context;
    c->waiter.wake = wake;
    list_init(&c->waiter.link);
    timer_init(&c->timer, deadline_came);
    begin_upgraded(c, upgrade);
    int failure = stream_move(&context->loop, upgrade->client, &c->client, true, client_ready);
    int another = stream_move(&context->loop, upgrade->server, &c->server, true, connection_server_ready);
    c->client.readable = c->server.readable = true; /* both may hold bytes, and nobody has looked since */
    context_enter(context, &c->member, &connections);
    context_decided(context);
    if (failure || another) {
        connection_end(c, REASON_NO_MEMORY);
        release(c);
    } else {
        loop_again(&context->loop, &c->client.source);
    }
    return 0;
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
    c->pick.door = point->door;
    c->waiter.wake = wake;
    list_init(&c->waiter.link);
    c->visit = (struct visit){
        .accepted = context->loop.now, .peer = *peer, .client = *peer, .listener = point->listener, .source = -1};
    timer_init(&c->timer, deadline_came);
    stream_init(&c->client, fd, point->is_unix, client_ready);
    c->server.source.fd = -1;
    context_enter(context, &c->member, &connections);
    c->client.readable = true; /* who knows? */
    connection_walk(c);
}
