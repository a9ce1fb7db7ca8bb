#include "pins/room.h"

#include "proto/memcached.h"

#include <stdlib.h>
#include <string.h>

/* A pin of a server that we do not know may come from a frontend that has the newer configuration: for so long it is left to
 * it. */
#define STRANGER_SECONDS 300

/* A session that has ended has no client who might come back with it; other frontends need not hear of it for longer. */
#define ENDED_SECONDS 60

/* Commands for a query, at most: two keys of 39 bytes, numbers, and a sealed value. */
#define COMMANDS_MOST 1024

/* ---- commands -------------------------------------------------------------------------------------------------------- */

/* That a key was unpinned is remembered as long as a pin of it: a frontend at which its client was long ago must not bring the
 * old one back. */
static uint32_t lifetime_of(const struct query *query)
{
    uint32_t whole = room_seconds(query->lifetime);
    if (query->kind == QUERY_END && query->round > 0)
        return ENDED_SECONDS;
    return whole < 1 ? 1 : whole > MEMCACHED_SECONDS_MOST ? MEMCACHED_SECONDS_MOST : whole;
}

/* Nobody came: it may not shorten what another frontend, where the client was later, has given to the pin. */
static bool is_of_sweep(const struct room_link *link, const struct query *query)
{
    return query->owner == link;
}

struct commands {
    struct text text;
    unsigned replies;
    char bytes[COMMANDS_MOST];
};

static void add_get(struct commands *commands, struct room_link *link, const struct query *query)
{
    char key[PINS_KEY_SIZE];
    size_t length = pins_key_text(query->mark, key);
    uint32_t opaque = link->link.opaque + ++commands->replies;
    uint32_t seconds = is_of_sweep(link, query) ? 0 : lifetime_of(query);
    memcached_write_get(&commands->text, span_of(key, length), seconds, opaque);
}

/* False if the name of the server is too long for a pin. */
static bool add_store(struct commands *commands, struct room_link *link, const struct query *query,
                      enum memcached_mode mode, uint64_t number)
{
    char key[PINS_KEY_SIZE];
    uint8_t value[SEALED_MOST];
    size_t length = pins_key_text(query->mark, key);
    struct pin_scope scope = {.pool = span_text(query->pool->name), .key = span_of(key, length)};
    struct sealed_content content = {.time = query->kind == QUERY_SEAL ? query->made : clock_wall()};
    struct memcached_store store = {.mode = mode, .number = number, .seconds = lifetime_of(query)};
    if (query->kind != QUERY_UNPIN && query->kind != QUERY_END) {
        const char *name = query->pool->servers[query->server].name;
        if (strlen(name) > SEALED_SERVER_MOST)
            return false;
        content.server_length = (uint8_t)strlen(name);
        memcpy(content.server, name, content.server_length);
    }
    if (pin_seal(&link->room->shared->keys, &scope, &content, value, &store.value.length) != 0)
        return false;
    store.value.data = value;
    store.opaque = link->link.opaque + ++commands->replies;
    memcached_write_store(&commands->text, scope.key, &store);
    return true;
}

static bool dispatch(struct room_link *link, struct query *query, struct commands *commands)
{
    counter_add(link->room->counters, COUNTER_PIN_QUERIES, 1);
    return memcached_link_send(&link->link, query, span_of(commands->text.data, commands->text.length),
                               commands->replies);
}

/* The first commands of a query. */
static bool begin(struct room_link *link, struct query *query)
{
    struct commands commands = {.replies = 0};
    bool fits = true;
    text_init(&commands.text, commands.bytes, sizeof(commands.bytes));
    if (query->kind == QUERY_CLAIM)
        fits = add_store(&commands, link, query, MEMCACHED_ADD, 0);
    else if (query->kind == QUERY_SEAL)
        fits = add_store(&commands, link, query, MEMCACHED_REPLACE, query->number);
    else if (query_only_stores(query))
        fits = add_store(&commands, link, query, MEMCACHED_SET, 0);
    if (!query_only_stores(query))
        add_get(&commands, link, query);
    return fits && dispatch(link, query, &commands);
}

/* In place of what is there (`number`), or of nothing (0). */
static bool replace(struct room_link *link, struct query *query, uint64_t number)
{
    struct commands commands = {.replies = 0};
    text_init(&commands.text, commands.bytes, sizeof(commands.bytes));
    query->round++;
    if (!add_store(&commands, link, query, number ? MEMCACHED_REPLACE : MEMCACHED_ADD, number))
        return false;
    add_get(&commands, link, query);
    return dispatch(link, query, &commands);
}

/* ---- replies --------------------------------------------------------------------------------------------------------- */

static void finish(struct room_link *link, struct query *query, enum query_outcome outcome, uint32_t server)
{
    bool of_sweep = is_of_sweep(link, query);
    if (outcome == QUERY_FAILED)
        counter_add(link->room->counters, COUNTER_PIN_FAILURES, 1);
    if (query->answered)
        query->answered(query->owner, outcome, server);
    free(query);
    if (of_sweep && --link->sweeping == 0)
        room_sweep_on(link);
}

/* What stands in memcached, as far as we can read it. */
enum content_kind { CONTENT_SERVER, CONTENT_NOBODY, CONTENT_STRANGER, CONTENT_JUNK };

struct reading {
    uint32_t server; /* CONTENT_SERVER */
    micros made;     /* wall clock */
    bool is_old;     /* it was sealed with another key than ours would be */
};

static enum content_kind read_content(const struct room_link *link, const struct query *query, struct span value,
                                      struct reading *reading)
{
    const struct pins_shared *shared = link->room->shared;
    char key[PINS_KEY_SIZE];
    size_t length = pins_key_text(query->mark, key);
    struct pin_scope scope = {.pool = span_text(query->pool->name), .key = span_of(key, length)};
    struct sealed_content content;
    if (!pin_open(&shared->keys, &scope, value, &content))
        return CONTENT_JUNK;
    reading->made = content.time;
    reading->is_old = content.key != 0;
    if (content.server_length == 0)
        return CONTENT_NOBODY;
    struct span name = span_of(content.server, content.server_length);
    for (uint32_t i = 0; i < query->pool->server_count; i++)
        if (span_equal(span_text(query->pool->servers[i].name), name)) {
            reading->server = i;
            return room_is_void(shared, query->pool, i, room_seconds(content.time)) ? CONTENT_NOBODY : CONTENT_SERVER;
        }
    return content.time > clock_wall() - STRANGER_SECONDS * (micros)SECOND_IN_MICROS ? CONTENT_STRANGER : CONTENT_JUNK;
}

/* Whether this query may put its server in the place of what is there. A pin that is known here from before it was unpinned
 * elsewhere is the one that was meant. */
static bool may_replace(const struct query *query, enum content_kind kind, const struct reading *reading)
{
    uint32_t server = reading->server;
    if (query->kind == QUERY_FIND || query->round > 1)
        return false;
    if (query->kind == QUERY_END)
        return query->round == 0 && kind == CONTENT_SERVER && server == query->was;
    if (kind == CONTENT_JUNK)
        return true;
    if (kind == CONTENT_NOBODY)
        return query->kind == QUERY_MOVE ||
               (query->kind == QUERY_CLAIM && (query->made == 0 || query->made > reading->made));
    return query->kind == QUERY_MOVE && query->round == 0 && kind == CONTENT_SERVER &&
           (query->was == PIN_NO_SERVER || query->was == server) && query->server != server;
}

/* A pin that is seen again and again never runs out. So that the older key can go one day, it is sealed anew. */
static void seal_anew(struct room_link *link, const struct query *query, const struct reading *reading, uint64_t number)
{
    struct query anew = {
        .kind = QUERY_SEAL,
        .mark = query->mark,
        .pool = query->pool,
        .server = reading->server,
        .was = PIN_NO_SERVER,
        .made = reading->made,
        .number = number,
        .lifetime = query->lifetime,
    };
    if (!room_ask(link->room, &anew))
        counter_add(link->room->counters, COUNTER_PIN_FAILURES, 1);
}

/* `stored`: so was what is read now, by this very query. */
static void take_value(struct room_link *link, struct query *query, bool stored, const struct memcached_reply *reply)
{
    struct reading reading = {.server = PIN_NO_SERVER};
    enum content_kind kind = read_content(link, query, reply->value, &reading);
    uint32_t server = reading.server;
    if (kind == CONTENT_JUNK || kind == CONTENT_STRANGER)
        counter_add(link->room->counters, COUNTER_PINS_STRANGE, 1);
    if (may_replace(query, kind, &reading) && reply->number != 0 && replace(link, query, reply->number))
        return;
    if (kind == CONTENT_SERVER) {
        if (query->server != PIN_NO_SERVER && server != query->server)
            counter_add(link->room->counters, COUNTER_PINS_OBEYED, 1);
        room_remember(link, query, server, reading.made);
        if (reading.is_old && reply->number != 0 && !is_of_sweep(link, query))
            seal_anew(link, query, &reading, reply->number);
        finish(link, query, stored && server == query->server ? QUERY_CLAIMED : QUERY_PINNED, server);
    } else if (kind == CONTENT_NOBODY) {
        pin_table_forget(link->room->shared->table, query->mark);
        finish(link, query, QUERY_UNPINNED, PIN_NO_SERVER);
    } else {
        finish(link, query, QUERY_STRANGE, PIN_NO_SERVER);
    }
}

static void replied(struct memcached_link *memcached, struct query *query, enum memcached_word first,
                    const struct memcached_reply *reply)
{
    struct room_link *link = container_of(memcached, struct room_link, link);
    if (first == MEMCACHED_STORED && query->kind == QUERY_CLAIM && query->round == 0)
        counter_add(link->room->counters, COUNTER_PINS_CLAIMED, 1);
    if (query->kind == QUERY_SET && reply->word == MEMCACHED_STORED)
        room_remember(link, query, query->server, clock_wall());
    if (query_only_stores(query)) {
        finish(link, query, QUERY_FREE, PIN_NO_SERVER);
        return;
    }
    if (reply->word == MEMCACHED_VALUE) {
        take_value(link, query, first == MEMCACHED_STORED, reply);
        return;
    }
    bool may_add = query->kind == QUERY_CONFIRM || query->kind == QUERY_MOVE;
    if (may_add && query->round == 0 && replace(link, query, 0))
        return;
    finish(link, query, QUERY_FREE, PIN_NO_SERVER);
}

static void failed(struct memcached_link *memcached, struct query *query)
{
    struct room_link *link = container_of(memcached, struct room_link, link);
    link->sweep_at = SIZE_MAX; /* it begins anew when memcached is back */
    finish(link, query, QUERY_FAILED, PIN_NO_SERVER);
}

static void reached(struct memcached_link *memcached)
{
    room_sweep(container_of(memcached, struct room_link, link));
}

const struct memcached_calls room_calls = {.replied = replied, .failed = failed, .reached = reached};

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

struct query *room_ask(struct pins_room *room, const struct query *wanted)
{
    struct room_link *link = room_link_for(room, wanted->mark);
    if (!breaker_lets(link->link.breaker))
        return NULL;
    struct query *query = malloc(sizeof(*query));
    if (!query)
        return NULL;
    *query = *wanted;
    list_init(&query->link);
    if (query->deadline == 0)
        query->deadline = room_now(room) + room->shared->plan->timeouts.memcached;
    if (begin(link, query))
        return query;
    free(query);
    return NULL;
}
