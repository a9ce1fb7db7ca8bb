#include "control/pins_view.h"

#include "base/clock.h"
#include "base/endpoint.h"
#include "pins/pins.h"
#include "route/pin_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pins are taken from the table so many at a time. */
#define BATCH 256

int pins_view_init(struct pins_view *view, const struct plan *plan, const struct server_states *states,
                   const void *memory)
{
    *view = (struct pins_view){.plan = plan, .states = states, .memory = memory, .ranking = ranking_new(plan)};
    return view->ranking ? 0 : -ENOMEM;
}

void pins_view_fini(struct pins_view *view)
{
    ranking_free(view->ranking);
    *view = (struct pins_view){.plan = NULL};
}

/* ---- what a key may mean --------------------------------------------------------------------------------------------- */

/* The first of this kind, or null. */
static const struct plan_stick *stick_of(const struct plan_pool *pool, enum stick_kind kind)
{
    for (size_t i = 0; i < pool->stick_count; i++)
        if (pool->sticks[i].kind == kind)
            return &pool->sticks[i];
    return NULL;
}

bool pins_view_is_kept(const struct plan_pool *pool)
{
    return stick_of(pool, STICK_TABLE) || stick_of(pool, STICK_SESSION);
}

struct meanings {
    struct mark_key key;
    const struct plan_pool *pool;
    struct pin_meaning *list;
    size_t count;
};

static void add(struct meanings *meanings, const struct plan_stick *stick, struct mark mark)
{
    for (size_t i = 0; i < meanings->count; i++)
        if (mark_equal(meanings->list[i].mark, mark))
            return;
    if (meanings->count < PIN_MEANINGS_MOST)
        meanings->list[meanings->count++] = (struct pin_meaning){mark, stick};
}

static void add_key(struct meanings *meanings, const struct plan_stick *stick, enum key_tag tag, struct span bytes)
{
    struct mark mark;
    if (pins_mark_key(&meanings->key, meanings->pool, tag, bytes, &mark))
        add(meanings, stick, mark);
}

/* An address of the client or of the peer, as each source of the pool would take it. */
static void add_address(struct meanings *meanings, const struct plan_stick *stick, struct span key)
{
    struct endpoint address;
    if (!endpoint_parse(key, &address) || address.port != 0)
        return;
    add_key(meanings, stick, KEY_TAG_ADDRESS, span_of(address.ip, sizeof(address.ip)));
    for (size_t i = 0; i < meanings->pool->key_count; i++) {
        const struct plan_key *source = &meanings->pool->keys[i];
        struct endpoint group = address;
        if (source->kind != KEY_CLIENT_NETWORK)
            continue;
        ip_mask(group.ip, endpoint_is_ip4(&address) ? 96u + source->ip4_bits : source->ip6_bits);
        add_key(meanings, stick, KEY_TAG_ADDRESS, span_of(group.ip, sizeof(group.ip)));
    }
}

size_t pins_view_meanings(const struct pins_view *view, const struct plan_pool *pool, struct span key,
                          struct pin_meaning list[PIN_MEANINGS_MOST])
{
    struct meanings meanings = {.pool = pool, .list = list};
    const struct plan_stick *table = stick_of(pool, STICK_TABLE), *session = stick_of(pool, STICK_SESSION);
    struct mark mark;
    memcpy(meanings.key.bytes, view->ranking->seed.pin_key, sizeof(meanings.key.bytes));
    if (table) {
        add_key(&meanings, table, KEY_TAG_TEXT, key);
        add_address(&meanings, table, key);
    }
    if (session && pins_mark_session(&meanings.key, pool, key, &mark))
        add(&meanings, session, mark);
    return meanings.count;
}

/* ---- looking --------------------------------------------------------------------------------------------------------- */

static uint32_t seconds(micros time)
{
    return (uint32_t)(time / SECOND_IN_MICROS);
}

static bool counts(const struct pins_view *view, const struct plan_server *server, const struct pin *pin, uint32_t now)
{
    uint32_t unpinned = server_unpinned(view->states, server->number);
    return pin->until >= now && (unpinned == 0 || pin->claimed > unpinned);
}

bool pins_view_find(const struct pins_view *view, const struct plan_pool *pool, struct mark mark, struct pin_seen *seen)
{
    struct pin pin;
    uint32_t now = seconds(clock_steady()), wall = seconds(clock_wall());
    if (!view->memory || !pin_memory_find(view->memory, view->plan->pins.most, mark, &pin))
        return false;
    for (size_t i = 0; i < pool->server_count; i++) {
        const struct plan_server *server = &pool->servers[i];
        if (view->ranking->identities[server->number] != pin.server || !counts(view, server, &pin, now))
            continue;
        *seen = (struct pin_seen){
            .server = server,
            .made = wall > pin.claimed ? wall - pin.claimed : 0,
            .left = pin.until - now,
        };
        return true;
    }
    return false;
}

/* ---- counting -------------------------------------------------------------------------------------------------------- */

/* The servers of a pool by identity, which is a hash already: twice the room that they need, and the next place if one is
 * taken. A search in a sorted list takes twice as long as everything else here. */
struct homes {
    size_t mask;
    struct home {
        uint64_t identity;
        const struct plan_server *server; /* null: nobody is here */
    } all[];
};

static struct homes *homes_new(const struct pins_view *view, const struct plan_pool *pool)
{
    size_t room = 2;
    while (room < 2 * pool->server_count)
        room *= 2;
    struct homes *homes = calloc(1, sizeof(*homes) + room * sizeof(homes->all[0]));
    if (!homes)
        return NULL;
    homes->mask = room - 1;
    for (size_t i = 0; i < pool->server_count; i++) {
        uint64_t identity = view->ranking->identities[pool->servers[i].number];
        size_t at = identity & homes->mask;
        while (homes->all[at].server)
            at = (at + 1) & homes->mask;
        homes->all[at] = (struct home){identity, &pool->servers[i]};
    }
    return homes;
}

/* Null: none of the pool. */
static const struct plan_server *find_home(const struct homes *homes, uint64_t identity)
{
    size_t at = identity & homes->mask;
    while (homes->all[at].server && homes->all[at].identity != identity)
        at = (at + 1) & homes->mask;
    return homes->all[at].server;
}

int pins_view_count(const struct pins_view *view, const struct plan_pool *pool, size_t *numbers)
{
    struct pin list[BATCH];
    size_t cursor = 0, count;
    uint32_t now = seconds(clock_steady());
    memset(numbers, 0, pool->server_count * sizeof(*numbers));
    struct homes *homes = homes_new(view, pool);
    if (!homes)
        return -ENOMEM;
    while (view->memory &&
           (count = pin_memory_list(view->memory, view->plan->pins.most, &cursor, list, ARRAY_LENGTH(list))) > 0)
        for (size_t i = 0; i < count; i++) {
            const struct plan_server *server = find_home(homes, list[i].server);
            if (server && counts(view, server, &list[i], now))
                numbers[server - pool->servers]++;
        }
    free(homes);
    return 0;
}
