#ifndef LIMPET_ROUTE_PIN_MEMORY_H
#define LIMPET_ROUTE_PIN_MEMORY_H

/* Pins as they lie in memory that the keeper shares with one engine after another: a flat array in parts, each with a head that
 * tells how far it was ever used. The engine's table (route/pin_table) alone writes; whoever else has the memory may look, without
 * locks, and believes only what is whole: an engine may have died while it wrote, or have been broken into. */

#include "algo/mark.h"
#include "base/attr.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No identity of a server: SipHash gives every number, but this one to nobody who would notice. */
#define PIN_TABLE_NOBODY 0

/* A pin that no memcached server has confirmed since it was last reached. */
#define PIN_TABLE_UNCONFIRMED 0

struct pin {
    struct mark mark;
    uint64_t server;  /* identity */
    uint32_t until;   /* steady clock, whole seconds */
    uint32_t claimed; /* wall clock, whole seconds: when it was made or moved */
    uint32_t
        confirmed; /* the era of its memcached server (pins/breaker.h) in which that said so, or PIN_TABLE_UNCONFIRMED */
    uint32_t asked; /* steady, whole seconds: when memcached was last asked */
    uint32_t
        seen; /* 1: somebody came back for it. The table knows that itself, and reads it only of a pin that is new to it */
    uint32_t sum; /* the table's own */
};

/* Bytes for a table of so many pins. All zeros is an empty table. What was never needed is never looked at either, so that memory
 * of which nothing is there yet (memfd_create(2)) comes as pins come. */
size_t pin_memory_size(size_t most);

/* ---- for whoever looks ----------------------------------------------------------------------------------------------- */

/* From place *cursor on (0 at first), at most `most` pins, for whoever goes through all; 0: that was all. Pins that change at this
 * very moment are left out. */
size_t pin_memory_list(const void *memory, size_t table_most, size_t *cursor, struct pin *list, size_t most);

/* The pin of one mark. False: there is none; whether it ran out is not asked. Looks through 1/64 of them. */
bool pin_memory_find(const void *memory, size_t table_most, struct mark mark, struct pin *found);

/* How many there are, those that ran out but were not looked at since among them. */
size_t pin_memory_count(const void *memory, size_t table_most);

/* ---- for the table --------------------------------------------------------------------------------------------------- */

/* So many parts with a lock each: with threads as many as CPUs, two rarely want the same one. */
#define PIN_SHARDS 64

/* The heads of all shards come first, and behind them their slots. */
struct pin_head {
    uint32_t used;    /* slots that were ever taken */
    uint32_t pins;    /* slots that hold one now, for whoever wants no more than that */
    uint8_t rest[56]; /* of the cache line: threads that share one would wait for each other */
};

/* The slots of a shard of a table for so many pins. */
uint32_t pin_shard_most(size_t most);
size_t pin_shard_of(struct mark mark);
struct pin_head *pin_shard_head(void *memory, size_t shard);
struct pin *pin_shard_slots(void *memory, size_t most, size_t shard);

/* One of the two counts, at most `most` whatever stands there. */
uint32_t pin_head_count(const uint32_t *count, uint32_t most);

/* After each change of a pin. */
void pin_sign(struct pin *slot);
void pin_clear(struct pin *slot);
bool pin_is_whole(const struct pin *slot, size_t shard);

#endif
