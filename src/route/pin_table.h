#ifndef LIMPET_ROUTE_PIN_TABLE_H
#define LIMPET_ROUTE_PIN_TABLE_H

/* The table of pins: which server a key, or a session id that a server gave out, lives at. It keeps neither keys nor ids, only
 * marks of them (algo/mark), and servers as their identity (algo/rank). Threads share it; the locks are many, and held for
 * one look.
 *
 * The pins themselves lie in memory of the caller's (route/pin_memory), so that they outlive the engine that made them: a new one
 * finds them there. What finds a pin quickly is private to each engine, and made anew from that memory.
 *
 * It grows as pins come, up to `most`. When it is full, what is forgotten first is what nobody ever came back for, oldest first:
 * whoever sends ever new keys pushes out only such pins, and not those of clients who were seen again; up to three quarters
 * of the table are theirs. */

#include "algo/mark.h"
#include "base/attr.h"
#include "base/clock.h"
#include "route/pin_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pin_table;

/* A table on memory of pin_memory_size(most) bytes, which stays the caller's and holds what an earlier engine has left: pins that are
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

#endif
