#include "route/connect.h"
#include "route/stick.h"
#include "session/exchange.h"
#include "session/handover.h"

#include <errno.h>
#include <unistd.h>

static const struct plan_server *server_of(const struct exchange *e)
{
    return e->visit.server;
}

static uint32_t generation_of(const struct exchange *e)
{
    return server_generation(e->client->context->share->states, server_of(e)->number);
}

static void untried(struct exchange *e)
{
    struct search search = http_search(e);
    search_untried(&search);
}

static enum http_step no_memory(struct http_client *client)
{
    return http_refuse(client, REASON_NO_MEMORY, 503, NULL);
}

static enum http_step client_left(struct http_client *client)
{
    http_end_visit(client->exchange, REASON_CLIENT_GONE);
    return HTTP_OVER;
}

/* Whom these steps wait for is let go; the caller has said, or says, what became of the try. */
static void let_go(struct exchange *e)
{
    handover_abandon(e->handover);
    e->handover = NULL;
    if (e->pair >= 0)
        close(e->pair);
    e->pair = -1;
    list_remove(&e->waiter.link);
}

void http_give_up_reaching(struct exchange *e)
{
    uint8_t step = e->client->step;
    homing_give_up(&e->homing);
    homing_drop_news(&e->news);
    if (step != HTTP_TRY && step != HTTP_CONNECT && step != HTTP_HAND && step != HTTP_PARK)
        return;
    if (step != HTTP_PARK && e->visit.server && !e->live)
        untried(e);
    let_go(e);
    http_close_link(e, true);
}

/* ---- the choice ------------------------------------------------------------------------------------------------------ */

/* Somebody remembers where the client was. */
static bool take_known(struct exchange *e)
{
    struct search search = http_search(e);
    uint32_t known = e->homing.known;
    e->homing.known = STICK_NOBODY;
    return known != STICK_NOBODY && search_known(&search, known, visit_choice_of((enum stick_kind)e->homing.kind));
}

/* Sending begins with a link that is there. */
static enum http_step go_on_with(struct http_client *client, struct link *link)
{
    struct exchange *e = client->exchange;
    struct search search = http_search(e);
    e->link = link;
    search_found(&search);
    homing_arrived(&e->homing, (uint32_t)(server_of(e) - e->visit.pool->servers));
    server_count_requests(client->context->share->states, server_of(e)->number, 1);
    e->live = true;
    e->reused = link->uses > 0;
    if (e->reused)
        counter_add(client->context->counters, COUNTER_SERVER_REUSES, 1);
    link->uses++;
    e->visit.connected = http_now(client);
    return HTTP_CARRY;
}

static enum http_step begin_to_reach(struct http_client *client)
{
    struct exchange *e = client->exchange;
    e->connect_by = http_now(client) + http_plan(client)->timeouts.connect;
    e->retries = 0;
    if (server_of(e)->slot != 0)
        return HTTP_HAND;
    return HTTP_TRY;
}

/* One that rested for want of descriptors is not announced when it may be tried again. */
#define PARK_LOOK (250 * (micros)MILLIS_IN_MICROS)

static enum http_step park(struct http_client *client)
{
    struct exchange *e = client->exchange;
    micros look = http_now(client) + PARK_LOOK;
    if (http_wait(client, look < e->worker_by ? look : e->worker_by) != HTTP_WAIT)
        return HTTP_OVER;
    list_append(&client->context->waiters, &e->waiter.link);
    return HTTP_PARK;
}

static enum http_step nobody_left(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct search search = http_search(e);
    if (e->visit.pool->workers && http_now(client) < e->worker_by)
        return park(client);
    if (e->retried) /* somebody was there, and broke off */
        return http_refuse(client, REASON_SERVER_GONE, 502, "the server ended the connection before it answered");
    search_in_vain(&search);
    return http_refuse(client, REASON_NO_SERVER, 503, NULL);
}

/* What tells of one client, or is tried again, goes on a connection of its own; and so does the trial of a server that rests: an
 * old one proves nothing. */
static bool may_reuse(const struct exchange *e)
{
    const struct server_states *states = e->client->context->share->states;
    return !e->link_closes && !e->retried &&
           server_condition(states, server_of(e)->number, http_now(e->client)) == SERVER_UP;
}

/* With what cannot be sent again it is worth a call to see whether the server has ended it meanwhile. */
static struct link *take_link(struct exchange *e)
{
    unsigned door = server_of(e)->slot != 0 ? e->pick.door : 0;
    bool once = !e->idempotent || !e->kept_whole;
    return links_take(&http_room_of(e->client)->links, (uint32_t)server_of(e)->number, door, generation_of(e), once,
                      &e->user);
}

/* For as long as memcached may take, or a worker's report, which is not for ever. */
enum http_step http_step_stick(struct http_client *client)
{
    if (client->stream.broken)
        return client_left(client);
    return homing_waits(&client->exchange->homing) ? HTTP_WAIT : HTTP_PICK;
}

enum http_step http_step_pick(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct search search = http_search(e);
    if (!take_known(e) && !search_next(&search))
        return nobody_left(client);
    struct link *link = may_reuse(e) ? take_link(e) : NULL;
    return link ? go_on_with(client, link) : begin_to_reach(client);
}

/* ---- to an address --------------------------------------------------------------------------------------------------- */

static enum http_step begin_to_connect(struct http_client *client, int fd, bool connected)
{
    struct exchange *e = client->exchange;
    uint32_t generation = generation_of(e);
    struct link *link = link_new(&http_room_of(client)->links, (uint32_t)server_of(e)->number, fd,
                                 address_is_unix(&server_of(e)->address), &e->user);
    if (!link)
        return no_memory(client);
    link->generation = generation;
    link->stream.writable = connected;
    e->link = link;
    if (http_wait(client, e->connect_by) == HTTP_WAIT)
        return HTTP_CONNECT;
    http_close_link(e, true);
    return no_memory(client);
}

static enum http_step refused(struct http_client *client, int error)
{
    struct search search = http_search(client->exchange);
    http_close_link(client->exchange, true); /* who met itself would go on holding the server's port */
    search_refused(&search, error);
    return HTTP_PICK;
}

/* A Unix server whose backlog is full is busy, not dead: it is asked again after 1, 2, 4 ... 64 ms. */
static enum http_step try_again_soon(struct http_client *client, int error)
{
    struct exchange *e = client->exchange;
    if (http_now(client) >= e->connect_by)
        return refused(client, error);
    micros pause = (micros)MILLIS_IN_MICROS << e->retries;
    if (e->retries < 6)
        e->retries++;
    return http_wait(client, http_now(client) + pause) == HTTP_WAIT ? HTTP_WAIT : no_memory(client);
}

enum http_step http_step_try(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct search search = http_search(e);
    int fd;
    int error;
    if (client->stream.broken)
        return client_left(client);
    if (e->retries > 0 && timer_is_set(&client->timer))
        return HTTP_WAIT;
    counter_add(client->context->counters, COUNTER_CONNECTS, 1);
    switch (connect_start(&server_of(e)->address, &fd, &error)) {
    case CONNECT_DONE:
        return begin_to_connect(client, fd, true);
    case CONNECT_WAITING:
        return begin_to_connect(client, fd, false);
    case CONNECT_FAILED:
        return refused(client, error);
    case CONNECT_FULL:
        return try_again_soon(client, error);
    case CONNECT_NO_PORT:
        search_hindered(&search, error);
        return HTTP_PICK;
    case CONNECT_LOCAL:
        if (links_shed(&http_room_of(client)->links))
            return HTTP_TRY;
        break;
    }
    search_hindered(&search, error);
    e->visit.server = NULL;
    e->visit.choice = VISIT_NOWHERE;
    return http_refuse(client, REASON_NO_MEMORY, 503, "no connection can be opened from here");
}

enum http_step http_step_connect(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct link *link = e->link;
    if (client->stream.broken)
        return client_left(client);
    if (!link->stream.writable)
        return http_now(client) >= e->connect_by ? refused(client, ETIMEDOUT) : HTTP_WAIT;
    /* Only a socket that hung up can hold an error; asking the others would be a system call for nothing. */
    int error = link->stream.hung_up ? -stream_error(&link->stream) : 0;
    if (!error && connect_met_itself(link->stream.source.fd, &server_of(e)->address))
        error = ECONNREFUSED;
    return error ? refused(client, error) : go_on_with(client, link);
}

/* ---- to a worker ----------------------------------------------------------------------------------------------------- */

static void answered(void *owner)
{
    http_walk(((struct exchange *)owner)->client);
}

static int begin_to_hand(struct http_client *client)
{
    struct exchange *e = client->exchange;
    struct delivery delivery = {
        .client = e->visit.client,
        .peer = e->visit.peer,
        .key = e->pick.key_hash,
        .server = server_of(e)->number,
        .door = e->pick.door,
        .tls = e->secure,
        .pair = true,
        .requests = true,
        .fd = handover_pair(&e->pair),
    };
    if (delivery.fd < 0)
        return delivery.fd;
    e->handover = handover_begin(client->context, &delivery, answered, e);
    if (e->handover)
        return 0;
    close(delivery.fd);
    return -ENOMEM;
}

static enum http_step taken(struct http_client *client)
{
    struct exchange *e = client->exchange;
    uint32_t generation = generation_of(e);
    int fd = e->pair;
    e->pair = -1;
    counter_add(client->context->counters, COUNTER_HANDED_OVER, 1);
    struct link *link = link_new(&http_room_of(client)->links, (uint32_t)server_of(e)->number, fd, true, &e->user);
    if (!link)
        return no_memory(client);
    link->generation = generation;
    link->door = e->pick.door;
    link->stream.writable = true;
    return go_on_with(client, link);
}

static enum http_step not_taken(struct http_client *client, enum delivery_answer answer)
{
    struct exchange *e = client->exchange;
    struct search search = http_search(e);
    close(e->pair);
    e->pair = -1;
    search_declined(&search, answer == DELIVERY_LOST ? SEARCH_WORKER_FULL : SEARCH_WORKER_DECLINED,
                    handover_error(answer));
    return HTTP_PICK;
}

static enum http_step wait_for_worker(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (client->stream.broken)
        return client_left(client);
    if (http_now(client) < e->worker_by)
        return http_wait(client, e->worker_by);
    handover_cut(e->handover);
    return http_refuse(client, REASON_WORKER_TIMEOUT, 503, NULL);
}

enum http_step http_step_hand(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (!e->handover && begin_to_hand(client) != 0)
        return http_refuse(client, REASON_NO_MEMORY, 503, NULL);
    enum delivery_answer answer = handover_answer(e->handover);
    if (answer == DELIVERY_NONE)
        return wait_for_worker(client);
    handover_finish(e->handover);
    e->handover = NULL;
    return answer == DELIVERY_TAKEN ? taken(client) : not_taken(client, answer);
}

enum http_step http_step_park(struct http_client *client)
{
    struct exchange *e = client->exchange;
    if (client->stream.broken)
        return client_left(client);
    if (!list_is_empty(&e->waiter.link) && timer_is_set(&client->timer))
        return HTTP_WAIT;
    list_remove(&e->waiter.link);
    e->pick.tried_count = 0;
    e->pick.last_resort = false;
    return HTTP_PICK;
}
