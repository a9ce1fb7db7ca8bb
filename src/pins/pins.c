#include "pins/pins.h"

#include "base/text.h"
#include "pins/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A pin that is used is shown to memcached so often, and at least four times in its life: so it lives on there, too, and a move
 * that another frontend made is heard of. */
#define CONFIRM_EVERY 10

/* ---- names ----------------------------------------------------------------------------------------------------------- */

/* Keys and ids are told apart by their first byte; the tags of keys are 1 and 2. */
#define TAG_SESSION 3

static bool make_mark(const struct mark_key *key, const struct plan_pool *pool, uint8_t tag, struct span bytes,
                      struct mark *mark)
{
    uint8_t thing[MARK_MOST];
    if (bytes.length + 1 > sizeof(thing))
        return false;
    thing[0] = tag;
    if (bytes.length > 0)
        memcpy(thing + 1, bytes.data, bytes.length);
    return mark_make(key, span_text(pool->name), span_of(thing, bytes.length + 1), mark);
}

bool pins_mark_key(const struct mark_key *key, const struct plan_pool *pool, enum key_tag tag, struct span bytes,
                   struct mark *mark)
{
    return make_mark(key, pool, (uint8_t)tag, bytes, mark);
}

bool pins_mark_session(const struct mark_key *key, const struct plan_pool *pool, struct span id, struct mark *mark)
{
    return make_mark(key, pool, TAG_SESSION, id, mark);
}

size_t pins_key_text(struct mark mark, char text[PINS_KEY_SIZE])
{
    struct text t;
    text_init(&t, text, PINS_KEY_SIZE);
    text_add(&t, "limpet:");
    text_add_hex(&t, &mark, sizeof(mark));
    return t.length;
}

size_t pins_memcached_of(const struct pins_shared *shared, struct mark mark)
{
    size_t best = 0;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; shared->plan->memcached_count > 1 && i < shared->plan->memcached_count; i++) {
        uint64_t distance = rank_distance(&shared->ranking->seed, mark.low, shared->memcached[i]);
        if (distance < least) {
            best = i;
            least = distance;
        }
    }
    return best;
}

static uint64_t identity_of(const struct pins_shared *shared, const struct plan_pool *pool, uint32_t server)
{
    return shared->ranking->identities[pool->servers[server].number];
}

/* ---- what the threads share ------------------------------------------------------------------------------------------ */

static int by_identity(const void *left, const void *right)
{
    const struct pin_home *a = left, *b = right;
    return a->identity < b->identity ? -1 : a->identity > b->identity;
}

static int list_homes(struct pins_shared *shared)
{
    const struct plan *plan = shared->plan;
    struct pin_home *home = shared->homes = calloc(plan->server_count + 1, sizeof(*shared->homes));
    if (!home)
        return -ENOMEM;
    for (uint32_t p = 0; p < plan->pool_count; p++)
        for (uint32_t s = 0; s < plan->pools[p].server_count; s++)
            *home++ = (struct pin_home){identity_of(shared, &plan->pools[p], s), p, s};
    qsort(shared->homes, plan->server_count, sizeof(*shared->homes), by_identity);
    return 0;
}

/* Null: no server of ours. */
const struct pin_home *room_home_of(const struct pins_shared *shared, uint64_t identity)
{
    const struct pin_home wanted = {.identity = identity};
    return bsearch(&wanted, shared->homes, shared->plan->server_count, sizeof(wanted), by_identity);
}

bool pins_are_wanted(const struct plan *plan)
{
    for (size_t i = 0; i < plan->pool_count; i++)
        for (size_t j = 0; j < plan->pools[i].stick_count; j++)
            if (plan->pools[i].sticks[j].kind != STICK_COOKIE)
                return true;
    return false;
}

void pins_names_init(struct pins_shared *shared, const struct plan *plan, const struct ranking *ranking)
{
    *shared = (struct pins_shared){.plan = plan, .ranking = ranking};
    memcpy(shared->mark_key.bytes, ranking->seed.pin_key, sizeof(shared->mark_key.bytes));
    pin_keys_make(&shared->keys, plan->secret);
    for (size_t i = 0; i < plan->memcached_count; i++)
        shared->memcached[i] = rank_identity(&ranking->seed, span_text(""), span_text(plan->memcached[i].text));
}

int pins_shared_init(struct pins_shared *shared, const struct plan *plan, const struct ranking *ranking, void *memory,
                     struct breaker *breakers)
{
    pins_names_init(shared, plan, ranking);
    shared->breakers = breakers;
    for (size_t i = 0; i < plan->memcached_count; i++)
        breaker_begin(&breakers[i]);
    shared->table = pin_table_new(memory, plan->pins.most, clock_steady());
    return shared->table ? list_homes(shared) : -ENOMEM;
}

void pins_shared_fini(struct pins_shared *shared)
{
    pin_table_free(shared->table);
    free(shared->homes);
    *shared = (struct pins_shared){0};
}

/* ---- the table ------------------------------------------------------------------------------------------------------- */

static struct pin make_pin(const struct pins_room *room, const struct query *query, uint32_t server, micros claimed)
{
    const struct pins_shared *shared = room->shared;
    return (struct pin){
        .mark = query->mark,
        .server = identity_of(shared, query->pool, server),
        .until = room_seconds(room_now(room) + query->lifetime),
        .claimed = room_seconds(claimed),
        .asked = room_seconds(room_now(room)),
    };
}

/* What memcached has said counts, whatever was here. */
void room_remember(struct room_link *link, const struct query *query, uint32_t server, micros claimed)
{
    struct pins_room *room = link->room;
    struct pin pin = make_pin(room, query, server, claimed);
    pin.confirmed = breaker_era(link->link.breaker);
    if (!pin_table_put(room->shared->table, &pin, room_now(room)))
        counter_add(room->counters, COUNTER_PINS_LOST, 1);
}

/* Pins that were unpinned since they were made. */
bool room_is_void(const struct pins_shared *shared, const struct plan_pool *pool, uint32_t server, uint32_t claimed)
{
    uint32_t unpinned = shared->states ? server_unpinned(shared->states, pool->servers[server].number) : 0;
    return unpinned != 0 && claimed <= unpinned;
}

/* Index in the pool of the server that a pin names, or PIN_NO_SERVER. */
static uint32_t server_of(const struct pins_shared *shared, const struct plan_pool *pool, const struct pin *pin)
{
    for (uint32_t i = 0; i < pool->server_count; i++)
        if (identity_of(shared, pool, i) == pin->server)
            return room_is_void(shared, pool, i, pin->claimed) ? PIN_NO_SERVER : i;
    return PIN_NO_SERVER;
}

struct room_link *room_link_for(struct pins_room *room, struct mark mark)
{
    return &room->links[pins_memcached_of(room->shared, mark)];
}

struct query room_query(const struct pin_question *question, enum query_kind kind, uint32_t server)
{
    return (struct query){
        .kind = kind,
        .mark = question->mark,
        .pool = question->pool,
        .server = server,
        .was = PIN_NO_SERVER,
        .lifetime = question->stick->lifetime,
        .deadline = question->deadline,
    };
}

/* When it was pinned to this server, if that is known here: else it is new, 0. */
static micros made_here(const struct pins_room *room, const struct pin_question *question, uint32_t server)
{
    struct pin pin;
    if (server == PIN_NO_SERVER ||
        !pin_table_look(room->shared->table, question->mark, question->stick->lifetime, room_now(room), &pin) ||
        server_of(room->shared, question->pool, &pin) != server)
        return 0;
    return (micros)pin.claimed * SECOND_IN_MICROS;
}

struct query *pins_ask(struct pins_room *room, enum query_kind kind, const struct pin_question *question,
                       uint32_t server, void (*answered)(void *owner, enum query_outcome outcome, uint32_t server),
                       void *owner)
{
    struct query query = room_query(question, kind, server);
    query.made = made_here(room, question, server);
    query.answered = answered;
    query.owner = owner;
    return room_ask(room, &query);
}

void pins_await(struct query *query, void (*answered)(void *owner, enum query_outcome outcome, uint32_t server),
                void *owner)
{
    query->answered = answered;
    query->owner = owner;
}

void pins_cancel(struct query *query)
{
    query->answered = NULL;
    query->owner = NULL;
}

/* Nobody waits for it, unless the caller says so; if it cannot be asked (null), the pin is claimed again when it can. */
static struct query *tell(struct pins_room *room, const struct pin_question *question, struct query query)
{
    struct query *told = question->stick->shared ? room_ask(room, &query) : NULL;
    if (question->stick->shared && !told)
        counter_add(room->counters, COUNTER_PIN_FAILURES, 1);
    return told;
}

/* ---- what visits want to know ---------------------------------------------------------------------------------------- */

static uint32_t confirm_every(const struct plan_stick *stick)
{
    uint32_t quarter = room_seconds(stick->lifetime) / 4;
    return quarter < CONFIRM_EVERY ? quarter : CONFIRM_EVERY;
}

static void confirm_now_and_then(struct pins_room *room, const struct pin_question *question, struct pin *pin,
                                 uint32_t server)
{
    uint32_t second = room_seconds(room_now(room));
    if (second - pin->asked < confirm_every(question->stick) || second == pin->asked)
        return;
    if (question->stick->shared && !breaker_lets(room_link_for(room, question->mark)->link.breaker))
        return;
    pin->asked = second;
    if (pin_table_put(room->shared->table, pin, room_now(room)))
        tell(room, question, room_query(question, QUERY_CONFIRM, server));
}

/* Its server did not fail since memcached was last asked: while it did, another frontend may have moved the pin. */
static bool is_steady(const struct pins_shared *shared, const struct plan_pool *pool, const struct pin *pin,
                      uint32_t server)
{
    uint32_t failed = shared->states ? server_last_failed(shared->states, pool->servers[server].number) : 0;
    return failed == 0 || pin->asked > failed;
}

enum pins_answer pins_find(struct pins_room *room, const struct pin_question *question, uint32_t *server)
{
    const struct pins_shared *shared = room->shared;
    struct pin pin;
    *server = PIN_NO_SERVER;
    if (pin_table_look(shared->table, question->mark, question->stick->lifetime, room_now(room), &pin))
        *server = server_of(shared, question->pool, &pin);
    if (!question->stick->shared)
        return *server == PIN_NO_SERVER ? PINS_UNKNOWN : PINS_KNOWN;
    const struct breaker *breaker = room_link_for(room, question->mark)->link.breaker;
    bool is_sure = *server != PIN_NO_SERVER && pin.confirmed == breaker_era(breaker) &&
                   is_steady(shared, question->pool, &pin, *server);
    if (!is_sure && breaker_lets(breaker))
        return PINS_ASK;
    if (*server == PIN_NO_SERVER)
        return PINS_UNKNOWN;
    confirm_now_and_then(room, question, &pin, *server);
    return PINS_KNOWN;
}

uint32_t pins_claim_here(struct pins_room *room, const struct pin_question *question, uint32_t server)
{
    const struct pins_shared *shared = room->shared;
    struct query query = room_query(question, QUERY_CLAIM, server);
    struct pin pin = make_pin(room, &query, server, clock_wall());
    counter_add(room->counters, COUNTER_PINS_CLAIMED, 1);
    if (!pin_table_claim(shared->table, &pin, PIN_TABLE_NOBODY, room_now(room)))
        return server;
    uint32_t winner = server_of(shared, question->pool, &pin);
    if (winner != PIN_NO_SERVER)
        return winner;
    /* It was of a server that is gone, or was unpinned. */
    pin = make_pin(room, &query, server, clock_wall());
    if (!pin_table_put(shared->table, &pin, room_now(room)))
        counter_add(room->counters, COUNTER_PINS_LOST, 1);
    return server;
}

static void put_here(struct pins_room *room, const struct query *query)
{
    struct pin pin = make_pin(room, query, query->server, clock_wall());
    if (!pin_table_put(room->shared->table, &pin, room_now(room)))
        counter_add(room->counters, COUNTER_PINS_LOST, 1);
}

void pins_move(struct pins_room *room, const struct pin_question *question, uint32_t was, uint32_t server)
{
    struct query query = room_query(question, QUERY_MOVE, server);
    query.was = was;
    counter_add(room->counters, COUNTER_PINS_MOVED, 1);
    put_here(room, &query);
    tell(room, question, query);
}

struct query *pins_set(struct pins_room *room, const struct pin_question *question, uint32_t server)
{
    struct query query = room_query(question, QUERY_SET, server);
    put_here(room, &query);
    return tell(room, question, query);
}

/* What it gave out it still has: a process that has died took its sessions with it, and nobody has to report their end. */
static bool has_still(const struct pins_shared *shared, const struct plan_pool *pool, uint32_t server, uint32_t claimed)
{
    size_t number = pool->servers[server].number;
    return server_is_there(shared->states, number) && claimed >= server_began(shared->states, number);
}

bool pins_report(struct pins_room *room, const struct pin_question *question, uint32_t server)
{
    const struct pins_shared *shared = room->shared;
    struct query query = room_query(question, QUERY_CLAIM, server);
    struct pin pin = make_pin(room, &query, server, clock_wall());
    if (!pin_table_claim(shared->table, &pin, PIN_TABLE_NOBODY, room_now(room)))
        counter_add(room->counters, COUNTER_PINS_LOST, 1);
    uint32_t home = server_of(shared, question->pool, &pin);
    if (home == server)
        tell(room, question, query);
    else if (home != PIN_NO_SERVER && has_still(shared, question->pool, home, pin.claimed))
        return false;
    else
        pins_move(room, question, home, server);
    return true;
}

void pins_end(struct pins_room *room, const struct pin_question *question, uint32_t server)
{
    struct query query = room_query(question, QUERY_END, PIN_NO_SERVER);
    query.was = server;
    if (pin_table_forget_of(room->shared->table, question->mark, identity_of(room->shared, question->pool, server)))
        tell(room, question, query);
}

void pins_unpin(struct pins_room *room, const struct pin_question *question)
{
    pin_table_forget(room->shared->table, question->mark);
    tell(room, question, room_query(question, QUERY_UNPIN, PIN_NO_SERVER));
}

/* ---- the room -------------------------------------------------------------------------------------------------------- */

int pins_room_new(struct loop *loop, struct pins_shared *shared, struct counters *counters, bool first,
                  struct pins_room **out)
{
    size_t count = shared->plan->memcached_count;
    struct pins_room *room = calloc(1, sizeof(*room) + count * sizeof(room->links[0]));
    *out = room;
    if (!room)
        return -ENOMEM;
    room->loop = loop;
    room->shared = shared;
    room->counters = counters;
    room->count = count;
    for (size_t i = 0; i < count; i++) {
        struct room_link *link = &room->links[i];
        link->room = room;
        link->sweep_at = SIZE_MAX;
        timer_init(&link->sweep_later, room_sweep_later);
        link->link = (struct memcached_link){
            .loop = loop,
            .address = &shared->plan->memcached[i],
            .patience = shared->plan->timeouts.memcached,
            .breaker = &shared->breakers[i],
            .calls = &room_calls,
            .scratch = room->scratch,
        };
        memcached_link_open(&link->link);
        if (first)
            room_sweep(link); /* an engine before us may have decided alone */
    }
    return 0;
}

void pins_room_close(struct pins_room *room)
{
    for (size_t i = 0; room && i < room->count; i++) {
        room->links[i].sweep_at = SIZE_MAX;
        timer_clear(&room->loop->timers, &room->links[i].sweep_later);
        memcached_link_close(&room->links[i].link);
    }
}

void pins_room_free(struct pins_room *room)
{
    pins_room_close(room);
    free(room);
}
