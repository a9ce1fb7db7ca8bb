#include "route/pin_table.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64 /* of a shard, in pins */

/* Pins are named by their place in the shard, so that they stay where they are when it grows. */
#define NOWHERE UINT32_MAX

/* A pin's `seen` is the name of its queue. */
enum queue_name {
    QUEUE_NEW,  /* pins that nobody came back for yet */
    QUEUE_USED, /* those that somebody did */
    QUEUE_COUNT
};

/* What is private to this engine, one for each slot. */
struct thread_of_slot {
    uint32_t chain; /* the next with the same bucket, or the next free one */
    uint32_t older, newer;
};

struct queue {
    uint32_t oldest, newest;
    uint32_t count;
};

struct shard {
    pthread_mutex_t lock;
    struct pin_head *head;
    struct pin *slots; /* `most` of them */
    struct thread_of_slot *threads;
    uint32_t *buckets; /* as many as `room`, a power of two */
    uint32_t room;     /* of threads and buckets */
    uint32_t most;
    uint32_t used; /* as in the head, but nobody else can change it */
    uint32_t free; /* the first of those given back */
    struct queue queues[QUEUE_COUNT];
};

struct pin_table {
    struct shard shards[PIN_SHARDS];
};

static void set_used(struct shard *shard, uint32_t used)
{
    shard->used = used;
    __atomic_store_n(&shard->head->used, used, __ATOMIC_RELAXED);
}

/* 2^32 seconds are 136 years. */
static uint32_t seconds(micros time)
{
    micros whole = time / SECOND_IN_MICROS;
    return whole < UINT32_MAX ? (uint32_t)whole : UINT32_MAX;
}

static void tell_count(struct shard *shard)
{
    uint32_t count = shard->queues[QUEUE_NEW].count + shard->queues[QUEUE_USED].count;
    __atomic_store_n(&shard->head->pins, count, __ATOMIC_RELAXED);
}

/* ---- queues and chains ----------------------------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct shard *shard, struct mark mark)
{
    return &shard->buckets[mark.high & (shard->room - 1)];
}

static void queue_add(struct shard *shard, enum queue_name name, uint32_t at)
{
    struct queue *queue = &shard->queues[name];
    struct thread_of_slot *thread = &shard->threads[at];
    shard->slots[at].seen = name;
    thread->older = queue->newest;
    thread->newer = NOWHERE;
    if (queue->newest != NOWHERE)
        shard->threads[queue->newest].newer = at;
    else
        queue->oldest = at;
    queue->newest = at;
    queue->count++;
}

static void queue_remove(struct shard *shard, uint32_t at)
{
    struct thread_of_slot *thread = &shard->threads[at];
    struct queue *queue = &shard->queues[shard->slots[at].seen];
    if (thread->older != NOWHERE)
        shard->threads[thread->older].newer = thread->newer;
    else
        queue->oldest = thread->newer;
    if (thread->newer != NOWHERE)
        shard->threads[thread->newer].older = thread->older;
    else
        queue->newest = thread->older;
    queue->count--;
}

/* Where the chain points to this mark, or to its end. Null while the shard has no room at all. */
static uint32_t *find(struct shard *shard, struct mark mark)
{
    if (shard->room == 0)
        return NULL;
    uint32_t *place = bucket_of(shard, mark);
    while (*place != NOWHERE && !mark_equal(shard->slots[*place].mark, mark))
        place = &shard->threads[*place].chain;
    return place;
}

/* `place` points to the slot. */
static void drop(struct shard *shard, uint32_t *place)
{
    uint32_t at = *place;
    *place = shard->threads[at].chain;
    queue_remove(shard, at);
    pin_clear(&shard->slots[at]);
    shard->threads[at].chain = shard->free;
    shard->free = at;
    tell_count(shard);
}

static void drop_oldest(struct shard *shard, enum queue_name name)
{
    drop(shard, find(shard, shard->slots[shard->queues[name].oldest].mark));
}

static bool oldest_ran_out(const struct shard *shard, enum queue_name name, uint32_t now)
{
    uint32_t oldest = shard->queues[name].oldest;
    return oldest != NOWHERE && shard->slots[oldest].until < now;
}

static void chain_in(struct shard *shard, uint32_t at)
{
    uint32_t *bucket = bucket_of(shard, shard->slots[at].mark);
    shard->threads[at].chain = *bucket;
    *bucket = at;
}

/* Twice the room. What was there finds its bucket again. */
static bool grow(struct shard *shard)
{
    uint32_t room = shard->room == 0 ? FIRST_ROOM : shard->room * 2;
    struct thread_of_slot *threads = realloc(shard->threads, room * sizeof(*threads));
    if (threads)
        shard->threads = threads;
    uint32_t *buckets = malloc(room * sizeof(*buckets));
    if (!threads || !buckets) {
        free(buckets);
        return false;
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->room = room;
    memset(buckets, 0xff, room * sizeof(*buckets));
    for (uint32_t at = 0; at < shard->used; at++)
        if (shard->slots[at].server != PIN_TABLE_NOBODY)
            chain_in(shard, at);
    return true;
}

/* A place for one more: one whose time has run out, an empty one, or the one that is missed least. False without memory. */
static bool make_place(struct shard *shard, uint32_t now)
{
    if (shard->free != NOWHERE)
        return true;
    for (enum queue_name name = 0; name < QUEUE_COUNT; name++)
        if (oldest_ran_out(shard, name, now)) {
            drop_oldest(shard, name);
            return true;
        }
    if (shard->used < shard->most && (shard->used < shard->room || grow(shard)))
        return true;
    if (shard->used == 0)
        return false;
    drop_oldest(shard, shard->queues[QUEUE_NEW].count > 0 ? QUEUE_NEW : QUEUE_USED);
    return true;
}

static uint32_t take_place(struct shard *shard)
{
    uint32_t at = shard->free;
    if (at != NOWHERE)
        shard->free = shard->threads[at].chain;
    else
        set_used(shard, (at = shard->used) + 1);
    return at;
}

/* A quarter of the room stays with those who are new: they would else push out each other before anybody comes back for them. */
static void keep_room_for_new(struct shard *shard)
{
    struct queue *used = &shard->queues[QUEUE_USED];
    if (used->count <= shard->most - shard->most / 4)
        return;
    uint32_t oldest = used->oldest;
    queue_remove(shard, oldest);
    queue_add(shard, QUEUE_NEW, oldest);
    pin_sign(&shard->slots[oldest]);
}

/* Somebody came back for it. */
static void use(struct shard *shard, uint32_t at)
{
    queue_remove(shard, at);
    queue_add(shard, QUEUE_USED, at);
    keep_room_for_new(shard);
}

static bool put(struct shard *shard, const struct pin *pin, uint32_t now)
{
    uint32_t *place = find(shard, pin->mark);
    if (place && *place != NOWHERE) {
        struct pin *known = &shard->slots[*place];
        enum queue_name queue = (enum queue_name)known->seen;
        queue_remove(shard, *place);
        *known = *pin;
        queue_add(shard, queue, *place);
        pin_sign(known);
        return true;
    }
    if (!make_place(shard, now))
        return false;
    uint32_t at = take_place(shard);
    shard->slots[at] = *pin;
    chain_in(shard, at);
    queue_add(shard, pin->seen ? QUEUE_USED : QUEUE_NEW, at);
    keep_room_for_new(shard);
    pin_sign(&shard->slots[at]);
    tell_count(shard);
    return true;
}

/* ---- what an earlier engine has left --------------------------------------------------------------------------------- */

struct heir {
    uint32_t at;
    uint32_t until;
};

static int by_until(const void *left, const void *right)
{
    const struct heir *a = left, *b = right;
    return a->until < b->until ? -1 : a->until > b->until;
}

/* Those that will run out last were seen last. */
static void inherit_in_order(struct shard *shard, struct heir *heirs, uint32_t count)
{
    qsort(heirs, count, sizeof(*heirs), by_until);
    for (uint32_t i = 0; i < count; i++)
        queue_add(shard, (enum queue_name)shard->slots[heirs[i].at].seen, heirs[i].at);
}

/* Of two pins of one mark, which only a broken memory can hold, the first stays. */
static bool is_double(struct shard *shard, struct mark mark, uint32_t at)
{
    uint32_t *place = find(shard, mark);
    return *place != NOWHERE && *place != at;
}

static bool inherit(struct shard *shard, size_t number, uint32_t now)
{
    uint32_t last = pin_head_count(&shard->head->used, shard->most);
    while (shard->room < last)
        if (!grow(shard))
            return false;
    struct heir *heirs = malloc((last + 1) * sizeof(*heirs));
    if (!heirs)
        return false;
    uint32_t count = 0;
    for (uint32_t at = 0; at < last; at++) {
        struct pin *slot = &shard->slots[at];
        if (pin_is_whole(slot, number) && slot->until >= now && !is_double(shard, slot->mark, at)) {
            chain_in(shard, at);
            heirs[count++] = (struct heir){at, slot->until};
            continue;
        }
        pin_clear(slot);
        shard->threads[at].chain = shard->free;
        shard->free = at;
    }
    set_used(shard, last);
    inherit_in_order(shard, heirs, count);
    tell_count(shard);
    free(heirs);
    return true;
}

struct pin_table *pin_table_new(void *memory, size_t most, micros now)
{
    assert(most >= PLAN_PINS_LEAST && most <= PLAN_PINS_MOST);
    struct pin_table *table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    bool whole = true;
    for (size_t i = 0; i < PIN_SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->most = pin_shard_most(most);
        shard->head = pin_shard_head(memory, i);
        shard->slots = pin_shard_slots(memory, most, i);
        shard->free = NOWHERE;
        for (size_t q = 0; q < QUEUE_COUNT; q++)
            shard->queues[q] = (struct queue){.oldest = NOWHERE, .newest = NOWHERE};
        whole = whole && inherit(shard, i, seconds(now));
    }
    if (whole)
        return table;
    pin_table_free(table);
    return NULL;
}

void pin_table_free(struct pin_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < PIN_SHARDS; i++) {
        free(table->shards[i].threads);
        free(table->shards[i].buckets);
        pthread_mutex_destroy(&table->shards[i].lock);
    }
    free(table);
}

/* ---- one look each --------------------------------------------------------------------------------------------------- */

static struct shard *lock(struct pin_table *table, struct mark mark)
{
    struct shard *shard = &table->shards[pin_shard_of(mark)];
    pthread_mutex_lock(&shard->lock);
    return shard;
}

static void unlock(struct shard *shard)
{
    pthread_mutex_unlock(&shard->lock);
}

/* The slot of a pin that counts still, or null. */
static struct pin *look(struct shard *shard, struct mark mark, uint32_t now, uint32_t *at)
{
    uint32_t *place = find(shard, mark);
    if (!place || *place == NOWHERE)
        return NULL;
    *at = *place;
    if (shard->slots[*at].until >= now)
        return &shard->slots[*at];
    drop(shard, place);
    return NULL;
}

bool pin_table_look(struct pin_table *table, struct mark mark, micros lifetime, micros now, struct pin *found)
{
    uint32_t at;
    struct shard *shard = lock(table, mark);
    struct pin *slot = look(shard, mark, seconds(now), &at);
    if (slot) {
        slot->until = seconds(now + lifetime);
        use(shard, at);
        pin_sign(slot);
        *found = *slot;
    }
    unlock(shard);
    return slot != NULL;
}

bool pin_table_claim(struct pin_table *table, struct pin *pin, uint64_t not_of, micros now)
{
    uint32_t at;
    struct shard *shard = lock(table, pin->mark);
    struct pin *slot = look(shard, pin->mark, seconds(now), &at);
    bool done = true;
    if (slot && (not_of == PIN_TABLE_NOBODY || slot->server != not_of)) {
        slot->until = pin->until;
        pin_sign(slot);
        *pin = *slot;
    } else {
        done = put(shard, pin, seconds(now));
    }
    unlock(shard);
    return done;
}

bool pin_table_put(struct pin_table *table, const struct pin *pin, micros now)
{
    struct shard *shard = lock(table, pin->mark);
    bool done = put(shard, pin, seconds(now));
    unlock(shard);
    return done;
}

void pin_table_forget(struct pin_table *table, struct mark mark)
{
    struct shard *shard = lock(table, mark);
    uint32_t *place = find(shard, mark);
    if (place && *place != NOWHERE)
        drop(shard, place);
    unlock(shard);
}

bool pin_table_forget_of(struct pin_table *table, struct mark mark, uint64_t server)
{
    struct shard *shard = lock(table, mark);
    uint32_t *place = find(shard, mark);
    bool is_of = place && *place != NOWHERE && shard->slots[*place].server == server;
    if (is_of)
        drop(shard, place);
    unlock(shard);
    return is_of;
}

/* ---- all of them ----------------------------------------------------------------------------------------------------- */

size_t pin_table_forget_server(struct pin_table *table, uint64_t server)
{
    size_t count = 0;
    for (size_t i = 0; i < PIN_SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->lock);
        for (uint32_t at = 0; at < shard->used; at++)
            if (shard->slots[at].server == server && server != PIN_TABLE_NOBODY) {
                drop(shard, find(shard, shard->slots[at].mark));
                count++;
            }
        unlock(shard);
    }
    return count;
}

size_t pin_table_count(struct pin_table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < PIN_SHARDS; i++) {
        struct shard *shard = &table->shards[i];
        pthread_mutex_lock(&shard->lock);
        count += shard->queues[QUEUE_NEW].count + shard->queues[QUEUE_USED].count;
        unlock(shard);
    }
    return count;
}

size_t pin_table_list(struct pin_table *table, size_t *cursor, struct pin *list, size_t most)
{
    size_t count = 0;
    uint32_t per_shard = table->shards[0].most;
    while (count < most && *cursor < (size_t)per_shard * PIN_SHARDS) {
        struct shard *shard = &table->shards[*cursor / per_shard];
        uint32_t at = (uint32_t)(*cursor % per_shard);
        pthread_mutex_lock(&shard->lock);
        for (; at < shard->used && count < most; at++)
            if (shard->slots[at].server != PIN_TABLE_NOBODY)
                list[count++] = shard->slots[at];
        bool over = at >= shard->used;
        unlock(shard);
        *cursor = over ? (*cursor / per_shard + 1) * per_shard : *cursor / per_shard * per_shard + at;
    }
    return count;
}
