/* The table of pins: what it knows, and what it forgets first. */

#include "pin_tables.h"

#include <sys/mman.h>
#include <unistd.h>

/* ---- one at a time --------------------------------------------------------------------------------------------------- */

static void what_was_put_is_known(void **state)
{
    make(MANY);
    assert_int_equal(who(1), PIN_TABLE_NOBODY);
    put(1, 7);
    assert_int_equal(who(1), 7);
    assert_int_equal(who(2), PIN_TABLE_NOBODY);
    put(1, 8);
    assert_int_equal(who(1), 8);
    assert_int_equal(pin_table_count(table), 1);
}

static void a_pin_comes_back_as_it_was(void **state)
{
    struct pin pin = {.mark = mark_of(3), .server = 9, .until = 2000, .claimed = 5, .confirmed = 6, .asked = 7}, found;
    make(MANY);
    assert_true(pin_table_put(table, &pin, now));
    assert_true(pin_table_look(table, pin.mark, 500 * SECONDS, now, &found));
    pin.until = 1500;
    pin.seen = 1;
    pin.sum = found.sum;
    assert_memory_equal(&found, &pin, sizeof(pin));
}

static void marks_that_share_a_half_are_two(void **state)
{
    struct pin one = pin_of(1, 1), other = pin_of(1, 2), found;
    make(MANY);
    other.mark.high ^= (uint64_t)1 << 63;
    assert_true(pin_table_put(table, &one, now));
    assert_false(pin_table_look(table, other.mark, LIFETIME, now, &found));
    assert_true(pin_table_put(table, &other, now));
    one.mark.low ^= (uint64_t)1 << 63;
    assert_false(pin_table_look(table, one.mark, LIFETIME, now, &found));
    assert_int_equal(who(1), 1);
}

static void what_is_forgotten_is_gone(void **state)
{
    make(MANY);
    forget(1);
    put(1, 5);
    forget(1 + SHARDS);
    assert_int_equal(who(1), 5);
    forget(1);
    assert_int_equal(who(1), PIN_TABLE_NOBODY);
    assert_int_equal(pin_table_count(table), 0);
}

static void all_of_a_server_are_forgotten(void **state)
{
    make(MANY);
    for (uint64_t i = 0; i < 3000; i++)
        put(i, 1 + i % 3);
    assert_int_equal(pin_table_forget_server(table, 2), 1000);
    assert_int_equal(pin_table_forget_server(table, 2), 0);
    assert_int_equal(pin_table_forget_server(table, PIN_TABLE_NOBODY), 0);
    for (uint64_t i = 0; i < 3000; i++)
        assert_int_equal(who(i), i % 3 == 1 ? PIN_TABLE_NOBODY : 1 + i % 3);
    assert_int_equal(pin_table_count(table), 2000);
}

static void a_claim_counts_unless_there_is_one(void **state)
{
    make(MANY);
    assert_int_equal(claim(1, 5, PIN_TABLE_NOBODY), 5);
    assert_int_equal(claim(1, 6, PIN_TABLE_NOBODY), 5);
    assert_int_equal(claim(1, 6, 7), 5);
    assert_int_equal(claim(1, 6, 5), 6);
    assert_int_equal(claim(1, 7, 5), 6);
    assert_int_equal(who(1), 6);
    assert_int_equal(pin_table_count(table), 1);
}

static void what_ran_out_can_be_claimed(void **state)
{
    make(MANY);
    assert_int_equal(claim(1, 5, PIN_TABLE_NOBODY), 5);
    now += LIFETIME + SECONDS;
    assert_int_equal(claim(1, 6, PIN_TABLE_NOBODY), 6);
    assert_int_equal(who(1), 6);
}

static void a_pin_lasts_from_when_it_was_last_seen(void **state)
{
    make(MANY);
    put(1, 5);
    for (int i = 0; i < 10; i++) {
        now += LIFETIME;
        assert_int_equal(who(1), 5);
    }
    now += LIFETIME + SECONDS;
    assert_int_equal(who(1), PIN_TABLE_NOBODY);
    assert_int_equal(pin_table_count(table), 0);
}

static void an_endless_lifetime_is_no_overflow(void **state)
{
    struct pin found;
    make(MANY);
    put(1, 5);
    assert_true(pin_table_look(table, mark_of(1), INT64_MAX / 2, now, &found));
    assert_int_equal(found.until, UINT32_MAX);
    now += 1000 * LIFETIME;
    assert_int_equal(who(1), 5);
}
/* ---- many ------------------------------------------------------------------------------------------------------------ */

static void a_hundred_thousand_do_not_disturb_each_other(void **state)
{
    make(MANY);
    for (uint64_t i = 0; i < 100000; i++)
        put(i, 1 + i % 17);
    for (uint64_t i = 0; i < 100000; i += 2)
        forget(i);
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(who(i), i % 2 == 0 ? PIN_TABLE_NOBODY : 1 + i % 17);
    assert_int_equal(pin_table_count(table), 50000);
}

/* A shadow that is a plain array: what it knows, the table knows, as long as nothing has to be pushed out; over the deaths of
 * engines, too. */
static void random_steps_agree_with_a_plain_array(void **state)
{
    static uint64_t shadow[500];
    uint32_t random = 1;
    make(MANY);
    memset(shadow, 0, sizeof(shadow));
    for (int step = 0; step < 200000; step++) {
        random = random * 1103515245 + 12345;
        uint32_t number = (random >> 8) % 500, server = 1 + (random >> 20) % 9;
        switch ((random >> 28) % 5) {
        case 0:
            put(number, server);
            shadow[number] = server;
            break;
        case 1:
            forget(number);
            shadow[number] = PIN_TABLE_NOBODY;
            break;
        case 2:
            if (shadow[number] == PIN_TABLE_NOBODY || shadow[number] == server)
                shadow[number] = 10;
            assert_int_equal(claim(number, 10, server), shadow[number]);
            break;
        default:
            assert_int_equal(who(number), shadow[number]);
        }
        if (step % 10000 == 9999)
            begin_again();
    }
    size_t known = 0;
    for (size_t i = 0; i < 500; i++)
        known += shadow[i] != PIN_TABLE_NOBODY;
    assert_int_equal(pin_table_count(table), known);
}
/* ---- when there are too many ----------------------------------------------------------------------------------------- */

static void a_full_table_stays_as_big_as_it_is(void **state)
{
    make(1024);
    for (uint64_t i = 0; i < 100000; i++)
        put(i, 1);
    assert_int_equal(pin_table_count(table), 1024);
    for (uint64_t i = 100000 - 1024; i < 100000; i++)
        assert_int_equal(who(i), 1);
    assert_int_equal(who(100000 - 1025), PIN_TABLE_NOBODY);
}

/* Of the four places of one part. */
static void the_oldest_that_nobody_came_back_for_goes_first(void **state)
{
    make(SMALL);
    for (uint64_t i = 0; i < 4; i++)
        put(i * SHARDS, 1);
    assert_int_equal(who(0), 1);
    put(4 * SHARDS, 1);
    assert_int_equal(who(1 * SHARDS), PIN_TABLE_NOBODY);
    put(5 * SHARDS, 1);
    assert_int_equal(who(2 * SHARDS), PIN_TABLE_NOBODY);
    for (uint64_t i = 3; i < 6; i++)
        assert_int_equal(who(i * SHARDS), 1);
    assert_int_equal(who(0), 1);
}

/* Half of the table came back, each once; then a million new keys, in the same second and without a pause. */
static void a_flood_of_new_keys_pushes_out_nobody_who_came_back(void **state)
{
    make(1024);
    for (uint64_t i = 0; i < 512; i++) {
        put(i, 1 + i);
        assert_int_equal(who(i), 1 + i);
    }
    for (uint64_t i = 1000; i < 1001000; i++)
        put(i, 9999);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(who(i), 1 + i);
    assert_int_equal(pin_table_count(table), 1024);
}

static void a_flood_of_claims_pushes_out_nobody_either(void **state)
{
    make(1024);
    for (uint64_t i = 0; i < 512; i++) {
        put(i, 1 + i);
        assert_int_equal(who(i), 1 + i);
    }
    begin_again();
    for (uint64_t i = 1000; i < 101000; i++)
        assert_int_equal(claim(i, 9999, PIN_TABLE_NOBODY), 9999);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(who(i), 1 + i);
}

/* As those from a file may be. */
static void pins_may_begin_as_seen(void **state)
{
    make(1024);
    for (uint64_t i = 0; i < 512; i++) {
        struct pin pin = pin_of(i, 1 + i);
        pin.seen = 1 + (uint32_t)i % 3;
        assert_true(pin_table_put(table, &pin, now));
    }
    for (uint64_t i = 1000; i < 101000; i++)
        put(i, 9999);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(who(i), 1 + i);
}

/* A quarter is kept for them, which is one of the four places of each part. */
static void those_who_came_back_leave_room_for_newcomers(void **state)
{
    make(SMALL);
    for (uint64_t i = 0; i < 10000; i++) {
        put(i, 1);
        assert_int_equal(who(i), 1);
    }
    for (uint64_t i = 20000; i < 20000 + SHARDS; i++)
        put(i, 2);
    for (uint64_t i = 20000; i < 20000 + SHARDS; i++)
        assert_int_equal(who(i), 2);
}

static void places_that_ran_out_are_taken_before_the_table_grows(void **state)
{
    static struct pin list[4000];
    size_t cursor = 0;
    make(MANY);
    for (uint64_t i = 0; i < 1000; i++)
        put(i, 1);
    now += LIFETIME + 2 * SECONDS;
    for (uint64_t i = 100000; i < 101000; i++)
        put(i, 1);
    assert_in_range(pin_table_count(table), 1000, 1000 + SHARDS);
    assert_in_range(pin_table_list(table, &cursor, list, 4000), 1000, 1000 + SHARDS);
    for (uint64_t i = 100000; i < 101000; i++)
        assert_int_equal(who(i), 1);
}
/* ---- limits ---------------------------------------------------------------------------------------------------------- */

static void the_smallest_table_keeps_what_it_should(void **state)
{
    make(PLAN_PINS_LEAST);
    for (uint64_t i = 0; i < PLAN_PINS_LEAST; i++)
        put(i, 1);
    assert_int_equal(pin_table_count(table), PLAN_PINS_LEAST);
    for (uint64_t i = 0; i < PLAN_PINS_LEAST; i++)
        assert_int_equal(who(i), 1);
}

static void odd_numbers_are_fine(void **state)
{
    for (size_t most = PLAN_PINS_LEAST + 1; most < PLAN_PINS_LEAST + 200; most += 37) {
        make(most);
        for (uint64_t i = 0; i < 2 * most; i++)
            put(i, server_for(i));
        assert_in_range(pin_table_count(table), most - SHARDS, most);
        begin_again();
        assert_in_range(pin_table_count(table), most - SHARDS, most);
    }
}

/* Memory that nobody has written to costs nothing, however much of it there may be one day. */
static void the_largest_table_costs_little_as_long_as_it_is_empty(void **state)
{
    size_t size = pin_memory_size(PLAN_PINS_MOST), page = (size_t)sysconf(_SC_PAGESIZE), touched = 0, cursor = 0;
    unsigned char *resident = malloc(size / page + 1);
    struct pin list[10];
    drop(NULL);
    now = BEGIN;
    void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(room != MAP_FAILED && resident);
    table = pin_table_new(room, PLAN_PINS_MOST, now);
    assert_non_null(table);
    put(1, 5);
    assert_int_equal(who(1), 5);
    assert_int_equal(pin_memory_list(room, PLAN_PINS_MOST, &cursor, list, 10), 1);
    assert_int_equal(pin_memory_list(room, PLAN_PINS_MOST, &cursor, list, 10), 0);
    assert_int_equal(mincore(room, size, resident), 0);
    for (size_t i = 0; i < (size + page - 1) / page; i++)
        touched += resident[i] & 1;
    assert_true(touched <= 4 * SHARDS);
    pin_table_free(table);
    table = NULL;
    munmap(room, size);
    free(resident);
}

static void the_size_grows_with_the_pins(void **state)
{
    size_t before = 0;
    for (size_t most = PLAN_PINS_LEAST; most <= PLAN_PINS_MOST; most *= 2) {
        size_t size = pin_memory_size(most);
        assert_true(size > before && size >= most * sizeof(struct pin) && size % 64 == 0);
        before = size;
    }
}

#define fresh(test) cmocka_unit_test_teardown(test, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(what_was_put_is_known),
        fresh(a_pin_comes_back_as_it_was),
        fresh(marks_that_share_a_half_are_two),
        fresh(what_is_forgotten_is_gone),
        fresh(all_of_a_server_are_forgotten),
        fresh(a_claim_counts_unless_there_is_one),
        fresh(what_ran_out_can_be_claimed),
        fresh(a_pin_lasts_from_when_it_was_last_seen),
        fresh(an_endless_lifetime_is_no_overflow),
        fresh(a_hundred_thousand_do_not_disturb_each_other),
        fresh(random_steps_agree_with_a_plain_array),
        fresh(a_full_table_stays_as_big_as_it_is),
        fresh(the_oldest_that_nobody_came_back_for_goes_first),
        fresh(a_flood_of_new_keys_pushes_out_nobody_who_came_back),
        fresh(a_flood_of_claims_pushes_out_nobody_either),
        fresh(pins_may_begin_as_seen),
        fresh(those_who_came_back_leave_room_for_newcomers),
        fresh(places_that_ran_out_are_taken_before_the_table_grows),
        fresh(the_smallest_table_keeps_what_it_should),
        fresh(odd_numbers_are_fine),
        fresh(the_largest_table_costs_little_as_long_as_it_is_empty),
        fresh(the_size_grows_with_the_pins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
