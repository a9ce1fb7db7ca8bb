#include "base/log.h"
#include "session/exchange.h"
#include "session/handover.h"
#include "session/http.h"
#include "session/step.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Exchanges that wait to be used again; more of them are freed. */
#define SPARE_MOST 256

/* ... and so do their buffers, but for large ones. */
#define WORDS_SPARE_MOST 4096

/* A head may grow by what is told of the client and what routes add. */
#define OUT_MORE 32768

/* ---- what a thread's clients share ----------------------------------------------------------------------------------- */

static bool is_wanted(const struct plan *plan)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        if (plan->listeners[i].mode != MODE_TCP)
            return true;
    return false;
}

static void make_names(struct http_room *room)
{
    uint64_t random[2] = {0};
    if (getrandom(random, sizeof(random), 0) < 0)
        random[0] = (uint64_t)clock_wall();
    snprintf(room->id, sizeof(room->id), "%016llx%016llx", (unsigned long long)(random[0] ^ room->context->serial),
             0ULL);
    snprintf(room->via, sizeof(room->via), REFUSAL_VIA_NAME "%08x", room->context->share->via);
}

int http_room_new(struct context *context, struct http_room **room)
{
    const struct plan *plan = context->share->plan;
    *room = NULL;
    if (!is_wanted(plan))
        return 0;
    struct http_room *new = calloc(1, sizeof(*new));
    if (!new)
        return -ENOMEM;
    new->context = context;
    list_init(&new->spare);
    make_names(new);
    new->out_size = 2 * plan->limits.head + OUT_MORE;
    new->out = malloc(new->out_size);
    if (new->out && links_init(&new->links, &context->loop, plan->server_count) == 0) {
        *room = new;
        return 0;
    }
    free(new->out);
    free(new);
    return -ENOMEM;
}

void http_room_free(struct http_room *room)
{
    if (!room)
        return;
    struct list *next;
    for (struct list *link = room->spare.next; link != &room->spare; link = next) {
        struct exchange *e = container_of(link, struct exchange, spare);
        next = link->next;
        free(e->words);
        free(e);
    }
    links_fini(&room->links);
    free(room->out);
    free(room);
}

/* ---- exchanges ------------------------------------------------------------------------------------------------------- */

static void link_ready(struct link_user *user)
{
    http_walk(container_of(user, struct exchange, user)->client);
}

static void worker_came(struct waiter *waiter)
{
    http_walk(container_of(waiter, struct exchange, waiter)->client);
}

/* Everything but the buffer, which the next one can use, too. */
static void clear(struct exchange *e)
{
    struct http_words *words = e->words;
    memset(e, 0, offsetof(struct exchange, homing));
    e->words = words;
}

struct exchange *http_new_exchange(struct http_client *client)
{
    struct http_room *room = http_room_of(client);
    struct exchange *e;
    if (list_is_empty(&room->spare)) {
        e = calloc(1, sizeof(*e));
        if (!e)
            return NULL;
    } else {
        e = container_of(room->spare.previous, struct exchange, spare);
        list_remove(&e->spare);
        room->spare_count--;
        clear(e);
    }
    list_init(&e->spare);
    list_init(&e->waiter.link);
    homing_none(&e->homing);
    e->client = client;
    e->user.ready = link_ready;
    e->waiter.wake = worker_came;
    e->pair = -1;
    e->head.target_wins = true;
    e->visit = (struct visit){.accepted = http_now(client),
                              .peer = client->origin.peer,
                              .client = client->origin.source,
                              .listener = client->listener,
                              .source = -1};
    client->exchange = e;
    return e;
}

void http_drop_exchange(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct http_room *room = http_room_of(client);
    if (!e)
        return;
    assert(!e->link && !e->handover);
    flow_fini(&e->in.flow, &client->context->kit);
    flow_fini(&e->out.flow, &client->context->kit);
    visit_fini(&e->visit);
    client->exchange = NULL;
    if (e->words && e->words->capacity > WORDS_SPARE_MOST) {
        free(e->words);
        e->words = NULL;
    }
    if (room->spare_count >= SPARE_MOST) {
        free(e->words);
        free(e);
        return;
    }
    list_append(&room->spare, &e->spare);
    room->spare_count++;
}

/* ---- what wakes it --------------------------------------------------------------------------------------------------- */

static void client_ready(struct loop_source *source, uint32_t events)
{
    struct http_client *client = container_of(source, struct http_client, stream.source);
    stream_notice(&client->stream, events);
    http_walk(client);
}

static void deadline_came(struct timer *timer)
{
    http_walk(container_of(timer, struct http_client, timer));
}

enum http_step http_wait(struct http_client *client, micros deadline)
{
    bool set = timer_set(&client->context->loop.timers, &client->timer, deadline) == 0;
    return set ? HTTP_WAIT : HTTP_OVER;
}

/* ---- the walk -------------------------------------------------------------------------------------------------------- */

static enum http_step (*const steps[HTTP_STEP_COUNT])(struct http_client *) = {
    [HTTP_HEAD] = http_step_head, [HTTP_STICK] = http_step_stick,       [HTTP_PICK] = http_step_pick,
    [HTTP_TRY] = http_step_try,   [HTTP_CONNECT] = http_step_connect,   [HTTP_HAND] = http_step_hand,
    [HTTP_PARK] = http_step_park, [HTTP_CARRY] = http_step_carry,       [HTTP_OWN] = http_step_own,
    [HTTP_NEXT] = http_step_next, [HTTP_FAREWELL] = http_step_farewell,
};

static void bury(struct loop_grave *grave)
{
    free(container_of(grave, struct http_client, member.grave));
}

static void release(struct http_client *client)
{
    struct context *context = client->context;
    if (client->exchange) {
        http_end_visit(client->exchange, REASON_NO_MEMORY); /* if nothing else has ended it */
        http_drop_exchange(client);
    }
    timer_clear(&context->loop.timers, &client->timer);
    stream_close(&client->stream, false);
    if (client->counted)
        limits_leave_client(context->share->limits, &client->origin.source);
    if (client->listener)
        limits_leave(context->share->limits, client->number);
    free((void *)client->origin.unwrapped);
    context_leave(context, &client->member, false);
    loop_bury(&context->loop, &client->member.grave, bury);
}

/* Who asks much that we answer ourselves, one request right behind the other, waits like everybody else. */
#define STEPS_MOST 128

static enum http_step rest(struct http_client *client)
{
    loop_again(&client->context->loop, &client->stream.source);
    return HTTP_WAIT;
}

void http_walk(struct http_client *client)
{
    if (client->walking)
        return;
    client->walking = true;
    for (int taken = 0;; taken++) {
        enum http_step next = taken < STEPS_MOST ? steps[client->step](client) : rest(client);
        if (next == HTTP_WAIT)
            break;
        if (next == HTTP_OVER) {
            release(client);
            break;
        }
        client->step = (uint8_t)next;
    }
    client->walking = false;
}

static void stop(struct member *member, enum reason reason)
{
    struct http_client *client = container_of(member, struct http_client, member);
    if (client->exchange) {
        (void)http_cut(client, reason);
    }
    release(client);
}

static void drain(struct member *member)
{
    struct http_client *client = container_of(member, struct http_client, member);
    if (client->exchange || client->step != HTTP_HEAD)
        return;
    client->since = http_now(client);
    if (timer_set(&client->context->loop.timers, &client->timer, http_idle_until(client)) != 0)
        log_debug("no timer for a client that drains");
}

static const struct member_kind http_clients = {.stop = stop, .drain = drain};

/* ---- how it begins --------------------------------------------------------------------------------------------------- */

static int take_unwrapped(struct http_client *client)
{
    uint8_t *own = NULL;
    if (client->origin.unwrapped_length > 0) {
        own = malloc(client->origin.unwrapped_length);
        if (!own)
            return -ENOMEM;
        memcpy(own, client->origin.unwrapped, client->origin.unwrapped_length);
    }
    client->origin.unwrapped = own;
    return 0;
}

static struct http_client *make(struct connection *c, const struct facts *facts)
{
    struct http_client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->context = c->context;
    client->listener = c->visit.listener;
    client->number = c->listener;
    client->door = c->pick.door;
    client->step = HTTP_HEAD;
    client->since = connection_now(c);
    timer_init(&client->timer, deadline_came);
    facts_origin_of(facts, &client->origin);
    if (take_unwrapped(client) == 0)
        return client;
    free(client);
    return NULL;
}

int http_take_over(struct connection *c, const struct facts *facts)
{
    struct http_client *client = make(c, facts);
    if (!client)
        return -ENOMEM;
    struct context *context = c->context;
    bool watched = c->watched;
    int failure = stream_move(&context->loop, &c->client, &client->stream, watched, client_ready);
    if (!failure && !watched)
        failure = loop_add(&context->loop, &client->stream.source, LOOP_BOTH);
    client->stream.readable = true; /* whatever was looked at is still there */
    client->stream.writable = true;
    client->counted = c->counted;
    c->counted = false;
    context_enter(context, &client->member, &http_clients);
    if (failure)
        release(client);
    else
        http_walk(client);
    return 0;
}
