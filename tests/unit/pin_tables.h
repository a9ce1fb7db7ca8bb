#ifndef LIMPET_TESTS_UNIT_PIN_TABLES_H
#define LIMPET_TESTS_UNIT_PIN_TABLES_H

/* A table of pins for tests: `make(most)` begins with an empty one, `begin_again()` is what the next engine does with its memory,
 * and keys are numbers. */

#include "route/pin_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS (micros) SECOND_IN_MICROS
#define LIFETIME (3600 * SECONDS)
#define BEGIN (1000 * SECONDS)
#define MANY (1 << 20)

/* The parts of the table that have a lock each; so the first mark of a part, and that plus SHARDS, are in the same one. */
#define SHARDS 64
#define SMALL (4 * SHARDS)

static struct pin_table *table;
static void *memory;
static size_t memory_most;
static micros now;

static inline int drop(void **state)
{
    pin_table_free(table);
    free(memory);
    table = NULL;
    memory = NULL;
    return 0;
}

static inline void make(size_t most)
{
    drop(NULL);
    memory = aligned_alloc(64, pin_memory_size(most));
    memory_most = most;
    now = BEGIN;
    assert_non_null(memory);
    memset(memory, 0, pin_memory_size(most));
    table = pin_table_new(memory, most, now);
    assert_non_null(table);
}

/* The engine is dead, another one takes what it has left. */
static inline void begin_again(void)
{
    pin_table_free(table);
    table = pin_table_new(memory, memory_most, now);
    assert_non_null(table);
}

/* Numbers that follow each other lie in different parts, and those that differ by SHARDS in one. */
static inline struct mark mark_of(uint64_t number)
{
    return (struct mark){.low = number, .high = (number + 1) * 0x9e3779b97f4a7c15};
}

static inline struct pin pin_of(uint64_t number, uint64_t server)
{
    return (struct pin){.mark = mark_of(number),
                        .server = server,
                        .until = (uint32_t)((now + LIFETIME) / SECOND_IN_MICROS),
                        .claimed = (uint32_t)number};
}

static inline void put(uint64_t number, uint64_t server)
{
    struct pin pin = pin_of(number, server);
    assert_true(pin_table_put(table, &pin, now));
}

/* The server it lives at; PIN_TABLE_NOBODY: nobody knows. */
static inline uint64_t who(uint64_t number)
{
    struct pin found = {.server = PIN_TABLE_NOBODY};
    bool known = pin_table_look(table, mark_of(number), LIFETIME, now, &found);
    assert_int_equal(known, found.server != PIN_TABLE_NOBODY);
    return found.server;
}

static inline uint64_t claim(uint64_t number, uint64_t server, uint64_t not_of)
{
    struct pin pin = pin_of(number, server);
    assert_true(pin_table_claim(table, &pin, not_of, now));
    return pin.server;
}

static inline void forget(uint64_t number)
{
    pin_table_forget(table, mark_of(number));
}

/* Each pin is one of a server that its mark tells, so that one torn in two would show. */
static inline uint64_t server_for(uint64_t number)
{
    return 1 + number * 7;
}

static inline void expect_whole(const struct pin *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(mark_equal(list[i].mark, mark_of(list[i].mark.low)));
        assert_int_equal(list[i].server, server_for(list[i].mark.low));
        assert_int_equal(list[i].claimed, list[i].mark.low);
    }
}

static inline size_t list_some(size_t *cursor, struct pin *list, size_t most)
{
    return pin_table_list(table, cursor, list, most);
}

static inline size_t peek_some(size_t *cursor, struct pin *list, size_t most)
{
    return pin_memory_list(memory, memory_most, cursor, list, most);
}

#endif
