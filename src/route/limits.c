#include "route/limits.h"

#include "algo/rank.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Buckets share locks; 4,096 chains keep a chain short up to some ten thousand clients. */
#define BUCKETS 4096
#define LOCKS 16

struct client {
    struct client *next;
    uint8_t ip[16];
    uint32_t count;
};

struct limits {
    uint32_t most;
    uint32_t count; /* atomic */
    uint32_t per_client;
    const struct plan *plan;
    struct rank_seed seed; /* so that nobody can aim at one chain */
    pthread_mutex_t locks[LOCKS];
    struct client *buckets[BUCKETS];
    uint32_t listener_counts[]; /* atomic */
};

struct limits *limits_new(const struct plan *plan, uint32_t connections)
{
    struct limits *limits = calloc(1, sizeof(*limits) + plan->listener_count * sizeof(uint32_t));
    if (!limits)
        return NULL;
    limits->plan = plan;
    limits->most = connections;
    limits->per_client = plan->limits.per_client;
    uint8_t chance[16];
    if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        memset(chance, 0, sizeof(chance));
    rank_seed_derive(&limits->seed, span_of(chance, sizeof(chance)));
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&limits->locks[i], NULL);
    return limits;
}

void limits_free(struct limits *limits)
{
    if (!limits)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct client *client = limits->buckets[i], *next; client; client = next) {
            next = client->next;
            free(client);
        }
    }
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&limits->locks[i]);
    free(limits);
}

/* Adds one unless that makes more than `most`. A plain counter that is read and compared: the cap is kept exactly. */
static bool count_up(uint32_t *count, uint32_t most)
{
    if (__atomic_add_fetch(count, 1, __ATOMIC_RELAXED) <= most)
        return true;
    __atomic_sub_fetch(count, 1, __ATOMIC_RELAXED);
    return false;
}

bool limits_enter(struct limits *limits, size_t listener)
{
    assert(listener < limits->plan->listener_count);
    uint32_t most = limits->plan->listeners[listener].connection_limit;
    if (!count_up(&limits->count, limits->most))
        return false;
    if (count_up(&limits->listener_counts[listener], most ? most : UINT32_MAX))
        return true;
    __atomic_sub_fetch(&limits->count, 1, __ATOMIC_RELAXED);
    return false;
}

void limits_leave(struct limits *limits, size_t listener)
{
    __atomic_sub_fetch(&limits->listener_counts[listener], 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&limits->count, 1, __ATOMIC_RELAXED);
}

/* The counted address and its bucket. False if this client is not counted at all. */
static bool locate(const struct limits *limits, const struct endpoint *client, uint8_t ip[16], size_t *bucket)
{
    if (limits->per_client == 0 || client->kind != ENDPOINT_IP)
        return false;
    memcpy(ip, client->ip, 16);
    if (!endpoint_is_ip4(client))
        ip_mask(ip, 64);
    *bucket = rank_key_hash(&limits->seed, KEY_TAG_ADDRESS, span_of(ip, 16)) % BUCKETS;
    return true;
}

/* Where the chain points to this client, or to its end. */
static struct client **find(struct limits *limits, size_t bucket, const uint8_t ip[16])
{
    struct client **place = &limits->buckets[bucket];
    while (*place && memcmp((*place)->ip, ip, 16) != 0)
        place = &(*place)->next;
    return place;
}

static bool enter_locked(struct limits *limits, size_t bucket, const uint8_t ip[16])
{
    struct client **place = find(limits, bucket, ip);
    if (!*place) {
        *place = calloc(1, sizeof(struct client));
        if (!*place)
            return true;
        memcpy((*place)->ip, ip, 16);
    }
    if ((*place)->count >= limits->per_client)
        return false;
    (*place)->count++;
    return true;
}

bool limits_enter_client(struct limits *limits, const struct endpoint *client)
{
    uint8_t ip[16];
    size_t bucket;
    if (!locate(limits, client, ip, &bucket))
        return true;
    pthread_mutex_t *lock = &limits->locks[bucket % LOCKS];
    pthread_mutex_lock(lock);
    bool welcome = enter_locked(limits, bucket, ip);
    pthread_mutex_unlock(lock);
    return welcome;
}

void limits_leave_client(struct limits *limits, const struct endpoint *client)
{
    uint8_t ip[16];
    size_t bucket;
    if (!locate(limits, client, ip, &bucket))
        return;
    pthread_mutex_t *lock = &limits->locks[bucket % LOCKS];
    pthread_mutex_lock(lock);
    struct client **place = find(limits, bucket, ip);
    /* Not there if it came in while there was no memory to count it. */
    if (*place && --(*place)->count == 0) {
        struct client *gone = *place;
        *place = gone->next;
        free(gone);
    }
    pthread_mutex_unlock(lock);
}

uint32_t limits_connections(const struct limits *limits)
{
    return __atomic_load_n(&limits->count, __ATOMIC_RELAXED);
}
