#ifndef LIMPET_ROUTE_PIN_TABLE_H
#define LIMPET_ROUTE_PIN_TABLE_H

/* The table of pins: which server a key, or a session id that a server gave out, lives at. It keeps neither keys nor ids, only
 * marks of them (algo/mark), and servers as their identity (algo/rank). Threads share it; the locks are many, and held for
 * one look.
 *
 * The pins themselves lie in memory of the caller's, as a flat array, so that they outlive the engine that made them: a new
 * one finds them there. What finds a pin quickly is private to each engine, and made anew from the array.
 *
 * It grows as pins come, up to `most`. When it is full, what is forgotten first is what nobody ever came back for, oldest first:
 * whoever sends ever new keys pushes out only such pins, and not those of clients who were seen again; up to three quarters
 * of the table are theirs. */

#include "algo/mark.h"
#include "base/attr.h"
#include "base/clock.h"
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

struct pin_table;

/* Bytes for a table of so many pins. All zeros is an empty table. What was never needed is never looked at either, so that memory
 * of which nothing is there yet (memfd_create(2)) comes as pins come. */
size_t pin_table_size(size_t most);

/* A table on memory of pin_table_size(most) bytes, which stays the caller's and holds what an earlier engine has left: pins that are
 * no whole pins, or ran out, are dropped. Null without memory. One engine at a time. */
MUST_CHECK struct pin_table *pin_table_new(void *memory, size_t most, micros now);
void pin_table_free(struct pin_table *table);

/* The pin of this mark, which counts for `lifetime` again. False: there is none. Times are steady. */
bool pin_table_look(struct pin_table *table, struct mark mark, micros lifetime, micros now, struct pin *found);

/* Makes it, unless there is one of a server other than `not_of` (PIN_TABLE_NOBODY: of any) already: then that one wins, and is
 * written to *pin. One step, whatever other threads do. False: there is no memory; *pin is as it was. */
bool pin_table_claim(struct pin_table *table, struct pin *pin, uint64_t not_of, micros now);

/* Makes it, or moves it, whatever there was. False: there is no memory. */
bool pin_table_put(struct pin_table *table, const struct pin *pin, micros now);

void pin_table_forget(struct pin_table *table, struct mark mark);
/* ... if it is of this server. False: it is not, or there is none. */
bool pin_table_forget_of(struct pin_table *table, struct mark mark, uint64_t server);

/* Forgets all of a server; how many. */
size_t pin_table_forget_server(struct pin_table *table, uint64_t server);

/* How many there are, those that ran out but were not looked at since among them. */
size_t pin_table_count(struct pin_table *table);

/* From place *cursor on (0 at first), at most `most` pins, for whoever goes through all; 0: that was all. Pins that come meanwhile
 * may be missed. Takes each lock for a moment. */
size_t pin_table_list(struct pin_table *table, size_t *cursor, struct pin *list, size_t most);

/* The same from the memory alone, without locks, for another process: pins that change at this very moment are left out. */
size_t pin_table_peek(const void *memory, size_t table_most, size_t *cursor, struct pin *list, size_t most);

/* The same for one pin. False: there is none; whether it ran out is not asked. Looks through 1/64 of them. */
bool pin_table_peek_at(const void *memory, size_t table_most, struct mark mark, struct pin *found);

/* How many there are, those that ran out but were not looked at since among them; quick, from the memory alone. */
size_t pin_table_peek_count(const void *memory, size_t table_most);

#endif
