#include "route/sessions.h"

#include "algo/mark.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* So many parts with a lock each: with threads as many as CPUs, two rarely want the same one. */
#define SHARDS 64
#define FIRST_ROOM 64 /* of a shard, in entries */

/* Entries are named by their index, so that they may move when the shard grows. */
#define NOWHERE UINT32_MAX

enum queue_name {
    QUEUE_NEW,  /* nobody came with this id yet */
    QUEUE_USED, /* somebody did */
    QUEUE_COUNT
};

struct entry {
    struct mark mark;
    uint32_t server;
    uint32_t until; /* steady, in seconds */
    uint32_t chain; /* the next with the same bucket, or the next free one */
    uint32_t older, newer;
    uint32_t queue; /* enum queue_name */
};

struct queue {
    uint32_t oldest, newest;
    uint32_t count;
};

struct shard {
    pthread_mutex_t lock;
    struct entry *entries;
    uint32_t *buckets; /* as many as entries, a power of two */
    uint32_t room;
    uint32_t used; /* entries that were ever taken */
    uint32_t free; /* the first of those given back */
    struct queue queues[QUEUE_COUNT];
};

struct sessions {
    struct mark_key key;
    uint32_t shard_most;
    struct shard shards[SHARDS];
};

struct sessions *sessions_new(size_t most)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return NULL;
    assert(most >= SHARDS * 4 && most <= SESSIONS_MOST);
    mark_key_make(&sessions->key);
    sessions->shard_most = (uint32_t)(most / SHARDS);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &sessions->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->free = NOWHERE;
        for (size_t q = 0; q < QUEUE_COUNT; q++)
            shard->queues[q] = (struct queue){.oldest = NOWHERE, .newest = NOWHERE};
    }
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        free(sessions->shards[i].entries);
        free(sessions->shards[i].buckets);
        pthread_mutex_destroy(&sessions->shards[i].lock);
    }
    free(sessions);
}

/* The low half of a mark chooses the shard, the high half the bucket. */
static struct shard *shard_of(struct sessions *sessions, struct mark mark)
{
    return &sessions->shards[mark.low % SHARDS];
}

static uint32_t *bucket_of(struct shard *shard, struct mark mark)
{
    return &shard->buckets[mark.high & (shard->room - 1)];
}

static void queue_add(struct shard *shard, enum queue_name name, uint32_t at)
{
    struct queue *queue = &shard->queues[name];
    struct entry *entry = &shard->entries[at];
    entry->queue = name;
    entry->older = queue->newest;
    entry->newer = NOWHERE;
    if (queue->newest != NOWHERE)
        shard->entries[queue->newest].newer = at;
    else
        queue->oldest = at;
    queue->newest = at;
    queue->count++;
}

static void queue_remove(struct shard *shard, uint32_t at)
{
    struct entry *entry = &shard->entries[at];
    struct queue *queue = &shard->queues[entry->queue];
    if (entry->older != NOWHERE)
        shard->entries[entry->older].newer = entry->newer;
    else
        queue->oldest = entry->newer;
    if (entry->newer != NOWHERE)
        shard->entries[entry->newer].older = entry->older;
    else
        queue->newest = entry->older;
    queue->count--;
}

/* Where the chain points to this mark, or to its end. Null while the shard has no room at all. */
static uint32_t *find(struct shard *shard, struct mark mark)
{
    if (shard->room == 0)
        return NULL;
    uint32_t *place = bucket_of(shard, mark);
    while (*place != NOWHERE && !mark_equal(shard->entries[*place].mark, mark))
        place = &shard->entries[*place].chain;
    return place;
}

/* `place` points to the entry. */
static void drop(struct shard *shard, uint32_t *place)
{
    uint32_t at = *place;
    struct entry *entry = &shard->entries[at];
    *place = entry->chain;
    queue_remove(shard, at);
    entry->chain = shard->free;
    shard->free = at;
}

static void drop_oldest(struct shard *shard, enum queue_name name)
{
    drop(shard, find(shard, shard->entries[shard->queues[name].oldest].mark));
}

static bool oldest_ran_out(const struct shard *shard, enum queue_name name, uint32_t now)
{
    uint32_t oldest = shard->queues[name].oldest;
    return oldest != NOWHERE && shard->entries[oldest].until < now;
}

/* Twice the room. What was there finds its bucket again. */
static bool grow(struct shard *shard)
{
    uint32_t room = shard->room == 0 ? FIRST_ROOM : shard->room * 2;
    struct entry *entries = realloc(shard->entries, room * sizeof(*entries));
    if (entries)
        shard->entries = entries;
    uint32_t *buckets = malloc(room * sizeof(*buckets));
    if (!entries || !buckets) {
        free(buckets);
        return false;
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->room = room;
    for (uint32_t i = 0; i < room; i++)
        buckets[i] = NOWHERE;
    for (uint32_t at = 0; at < shard->used; at++) {
        uint32_t *bucket = bucket_of(shard, entries[at].mark);
        entries[at].chain = *bucket;
        *bucket = at;
    }
    return true;
}

/* A place for one more: one whose time has run out, an empty one, or the one that is missed least. False without memory. */
static bool make_place(struct shard *shard, uint32_t most, uint32_t now)
{
    if (shard->free != NOWHERE)
        return true;
    for (enum queue_name name = 0; name < QUEUE_COUNT; name++)
        if (oldest_ran_out(shard, name, now)) {
            drop_oldest(shard, name);
            return true;
        }
    if (shard->used < most && (shard->used < shard->room || grow(shard)))
        return true;
    if (shard->used == 0)
        return false;
    drop_oldest(shard, shard->queues[QUEUE_NEW].count > 0 ? QUEUE_NEW : QUEUE_USED);
    return true;
}

static bool learn_locked(struct shard *shard, uint32_t most, struct mark mark, uint32_t server, uint32_t until,
                         uint32_t now)
{
    uint32_t *place = find(shard, mark);
    if (place && *place != NOWHERE) {
        uint32_t known = *place;
        shard->entries[known].server = server;
        shard->entries[known].until = until;
        queue_remove(shard, known);
        queue_add(shard, (enum queue_name)shard->entries[known].queue, known);
        return true;
    }
    if (!make_place(shard, most, now))
        return false;
    uint32_t at = shard->free;
    if (at != NOWHERE)
        shard->free = shard->entries[at].chain;
    else
        at = shard->used++;
    uint32_t *bucket = bucket_of(shard, mark);
    shard->entries[at] = (struct entry){.mark = mark, .server = server, .until = until, .chain = *bucket};
    *bucket = at;
    queue_add(shard, QUEUE_NEW, at);
    return true;
}

/* Somebody came with it. A quarter of the room stays with those who are new: they would else push out each other before
 * they come back. */
static void use(struct shard *shard, uint32_t at, uint32_t most)
{
    queue_remove(shard, at);
    queue_add(shard, QUEUE_USED, at);
    struct queue *used = &shard->queues[QUEUE_USED];
    if (used->count <= most - most / 4)
        return;
    uint32_t oldest = used->oldest;
    queue_remove(shard, oldest);
    queue_add(shard, QUEUE_NEW, oldest);
}

static uint32_t find_locked(struct shard *shard, uint32_t most, struct mark mark, uint32_t until, uint32_t now)
{
    uint32_t *place = find(shard, mark);
    if (!place || *place == NOWHERE)
        return SESSIONS_NOBODY;
    struct entry *entry = &shard->entries[*place];
    if (entry->until < now) {
        drop(shard, place);
        return SESSIONS_NOBODY;
    }
    entry->until = until;
    use(shard, *place, most);
    return entry->server;
}

/* 2^32 seconds are 136 years. */
static uint32_t seconds(micros time)
{
    micros whole = time / SECOND_IN_MICROS;
    return whole < UINT32_MAX ? (uint32_t)whole : UINT32_MAX;
}

uint32_t sessions_find(struct sessions *sessions, struct span pool, struct span id, micros lifetime, micros now)
{
    struct mark mark;
    if (!mark_make(&sessions->key, pool, id, &mark))
        return SESSIONS_NOBODY;
    struct shard *shard = shard_of(sessions, mark);
    pthread_mutex_lock(&shard->lock);
    uint32_t server = find_locked(shard, sessions->shard_most, mark, seconds(now + lifetime), seconds(now));
    pthread_mutex_unlock(&shard->lock);
    return server;
}

bool sessions_learn(struct sessions *sessions, struct span pool, struct span id, uint32_t server, micros lifetime,
                    micros now)
{
    struct mark mark;
    if (!mark_make(&sessions->key, pool, id, &mark))
        return false;
    struct shard *shard = shard_of(sessions, mark);
    pthread_mutex_lock(&shard->lock);
    bool learnt = learn_locked(shard, sessions->shard_most, mark, server, seconds(now + lifetime), seconds(now));
    pthread_mutex_unlock(&shard->lock);
    return learnt;
}

void sessions_forget(struct sessions *sessions, struct span pool, struct span id)
{
    struct mark mark;
    if (!mark_make(&sessions->key, pool, id, &mark))
        return;
    struct shard *shard = shard_of(sessions, mark);
    pthread_mutex_lock(&shard->lock);
    uint32_t *place = find(shard, mark);
    if (place && *place != NOWHERE)
        drop(shard, place);
    pthread_mutex_unlock(&shard->lock);
}

size_t sessions_count(struct sessions *sessions)
{
    size_t count = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &sessions->shards[i];
        pthread_mutex_lock(&shard->lock);
        count += shard->queues[QUEUE_NEW].count + shard->queues[QUEUE_USED].count;
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}
