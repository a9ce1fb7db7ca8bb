/* The table of pins, in memory that an earlier engine has left, however it left it. */

#include "pin_tables.h"

/* ---- what a dead engine has left ------------------------------------------------------------------------------------- */

static void the_next_engine_finds_every_pin(void **state)
{
    struct pin found;
    make(MANY);
    for (uint64_t i = 0; i < 10000; i++)
        put(i, 1 + i);
    forget(77);
    begin_again();
    assert_int_equal(pin_table_count(table), 9999);
    for (uint64_t i = 0; i < 10000; i++) {
        struct pin pin = pin_of(i, 1 + i);
        pin.seen = 1;
        assert_int_equal(pin_table_look(table, pin.mark, LIFETIME, now, &found), i != 77);
        pin.sum = found.sum;
        if (i != 77)
            assert_memory_equal(&found, &pin, sizeof(pin));
    }
    put(77, 1);
    put(20000, 1);
    assert_int_equal(pin_table_count(table), 10001);
}

static void what_ran_out_meanwhile_is_not_adopted(void **state)
{
    make(MANY);
    put(1, 5);
    now += LIFETIME;
    put(2, 6);
    begin_again();
    assert_int_equal(pin_table_count(table), 2);
    now += SECONDS;
    begin_again();
    assert_int_equal(pin_table_count(table), 1);
    assert_int_equal(who(2), 6);
}

/* Who was seen last goes last, and who came back counts as such. */
static void the_order_is_adopted_too(void **state)
{
    make(SMALL);
    for (uint64_t i = 0; i < 4; i++, now += 10 * SECONDS)
        put(i * SHARDS, 1 + i);
    assert_int_equal(who(0), 1);
    put(2 * SHARDS, 3);
    begin_again();
    now += 10 * SECONDS;
    put(4 * SHARDS, 5);
    assert_int_equal(who(SHARDS), PIN_TABLE_NOBODY);
    begin_again();
    now += 10 * SECONDS;
    put(5 * SHARDS, 6);
    assert_int_equal(who(3 * SHARDS), PIN_TABLE_NOBODY);
    begin_again();
    put(6 * SHARDS, 7);
    assert_int_equal(who(2 * SHARDS), PIN_TABLE_NOBODY);
    assert_int_equal(who(0), 1);
}

/* Where the slot of a pin begins, which is with its mark; and how long it is. */
static uint8_t *slot_of(uint64_t number)
{
    struct mark mark = mark_of(number);
    return memmem(memory, pin_memory_size(memory_most), &mark, sizeof(mark));
}

static size_t slot_size(void)
{
    return (size_t)(slot_of(SHARDS) - slot_of(0));
}

static void torn_slots_are_dropped(void **state)
{
    for (size_t at = 0; at == 0 || at < slot_size(); at++) {
        make(SMALL);
        put(0, 1);
        put(SHARDS, 2);
        put(2 * SHARDS, 3);
        slot_of(SHARDS)[at] ^= 1;
        begin_again();
        assert_int_equal(who(0), 1);
        assert_int_equal(who(SHARDS), PIN_TABLE_NOBODY);
        assert_int_equal(who(2 * SHARDS), 3);
        assert_int_equal(pin_table_count(table), 2);
        put(SHARDS, 4);
        assert_int_equal(who(SHARDS), 4);
    }
}

static void doubles_are_dropped(void **state)
{
    make(SMALL);
    for (uint64_t i = 0; i < 3; i++)
        put(i * SHARDS, 1 + i);
    memcpy(slot_of(2 * SHARDS), slot_of(0), slot_size());
    begin_again();
    assert_int_equal(pin_table_count(table), 2);
    assert_int_equal(who(0), 1);
    assert_int_equal(pin_table_forget_server(table, 1), 1);
    assert_int_equal(who(0), PIN_TABLE_NOBODY);
    assert_int_equal(who(SHARDS), 2);
}

static void pins_in_the_wrong_part_are_dropped(void **state)
{
    make(SMALL);
    for (uint64_t i = 0; i < 3; i++)
        put(i, 1 + i);
    memcpy(slot_of(2), slot_of(0), 40);
    uint8_t *wrong = slot_of(1);
    put(SHARDS, 9);
    memcpy(wrong, slot_of(SHARDS), slot_size());
    begin_again();
    assert_int_equal(pin_table_count(table), 2);
    assert_int_equal(who(0), 1);
    assert_int_equal(who(SHARDS), 9);
    assert_int_equal(pin_table_forget_server(table, 9), 1);
}

/* Everything that can be done to it, with places that are used and places that are not. */
static void use_all_of_it(void)
{
    struct pin list[64];
    size_t cursor = 0;
    for (uint64_t i = 0; i < SMALL + SMALL / 2; i++) {
        claim(i, 500, 1);
        who(i);
    }
    while (list_some(&cursor, list, 64) > 0)
        continue;
    for (uint64_t i = 0; i < SMALL; i += 5)
        forget(i);
    pin_table_forget_server(table, 500);
    for (uint64_t i = 0; i < SMALL; i++)
        put(i, 3);
    assert_true(pin_table_count(table) <= SMALL);
}

/* A damaged pin is no pin, or the one that it was. */
static void expect_pins_of_ours(void)
{
    struct pin list[SMALL];
    size_t cursor = 0, count = list_some(&cursor, list, SMALL);
    assert_true(count <= SMALL);
    expect_whole(list, count);
    cursor = 0;
    expect_whole(list, peek_some(&cursor, list, SMALL));
}

static void *filled_memory(void)
{
    size_t size = pin_memory_size(SMALL);
    make(SMALL);
    for (uint64_t i = 0; i < SMALL - 20; i++)
        put(i, server_for(i));
    void *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, memory, size);
    return copy;
}

static void every_byte_may_be_damaged(void **state)
{
    uint8_t *whole = filled_memory();
    uint32_t random = 1;
    size_t size = pin_memory_size(SMALL);
    for (size_t at = 0; at < size; at++) {
        random = random * 1103515245 + 12345;
        memcpy(memory, whole, size);
        ((uint8_t *)memory)[at] ^= (uint8_t)(1 + (random >> 16) % 255);
        begin_again();
        expect_pins_of_ours();
        assert_in_range(pin_table_count(table), SMALL - 20 - 4, SMALL - 20);
        if (at % 7 == 0)
            use_all_of_it();
    }
    free(whole);
}

static void many_bytes_may_be_damaged(void **state)
{
    uint8_t *whole = filled_memory();
    uint32_t random = 7;
    size_t size = pin_memory_size(SMALL);
    for (int round = 0; round < 1000; round++) {
        memcpy(memory, whole, size);
        for (int i = 0; i < 1 << round % 14; i++) {
            random = random * 1103515245 + 12345;
            ((uint8_t *)memory)[(random >> 8) % size] = (uint8_t)((random >> 4) % 5 == 0 ? 0xff : random >> 12);
        }
        begin_again();
        expect_pins_of_ours();
        use_all_of_it();
    }
    free(whole);
}

/* Whole slots, but not where they were: an engine that was broken into knows how to sign them. */
static void slots_may_lie_anywhere(void **state)
{
    uint8_t *whole = filled_memory();
    uint32_t random = 3;
    size_t size = pin_memory_size(SMALL), slot = slot_size(), first = (size_t)(slot_of(0) - (uint8_t *)memory);
    for (int round = 0; round < 1000; round++) {
        memcpy(memory, whole, size);
        for (int i = 0; i < 1 << round % 10; i++) {
            random = random * 1103515245 + 12345;
            uint8_t *to = (uint8_t *)memory + first + (random >> 8) % SMALL * slot;
            memcpy(to, whole + first + (random >> 16) % SMALL * slot, slot);
        }
        begin_again();
        expect_pins_of_ours();
        use_all_of_it();
    }
    free(whole);
}
#define fresh(test) cmocka_unit_test_teardown(test, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_next_engine_finds_every_pin),
        fresh(what_ran_out_meanwhile_is_not_adopted),
        fresh(the_order_is_adopted_too),
        fresh(torn_slots_are_dropped),
        fresh(doubles_are_dropped),
        fresh(pins_in_the_wrong_part_are_dropped),
        fresh(every_byte_may_be_damaged),
        fresh(many_bytes_may_be_damaged),
        fresh(slots_may_lie_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
