/* How many pins there are, as the keeper sees it in the memory alone. */

#include "route/pin_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 1024
#define NOW (100 * (micros)SECOND_IN_MICROS)

static void *memory;
static struct pin_table *table;

static int start(void **state)
{
    memory = calloc(1, pin_memory_size(MOST));
    table = memory ? pin_table_new(memory, MOST, NOW) : NULL;
    return table ? 0 : -1;
}

static int stop(void **state)
{
    pin_table_free(table);
    free(memory);
    return 0;
}

static struct pin pin_of(uint64_t number)
{
    return (struct pin){.mark = {number, number * 0x9e3779b97f4a7c15}, .server = 1 + number % 7, .until = 3600};
}

static void assert_agree(void)
{
    assert_int_equal(pin_memory_count(memory, MOST), pin_table_count(table));
}

static void it_agrees_with_the_table_whatever_happens(void **state)
{
    srand(1);
    for (int round = 0; round < 20000; round++) {
        struct pin pin = pin_of((uint64_t)rand() % 3000), found;
        if (round % 1000 == 0)
            pin_table_forget_server(table, 1 + (uint64_t)rand() % 7);
        else if (rand() % 3 > 0)
            assert_true(pin_table_claim(table, &pin, PIN_TABLE_NOBODY, NOW));
        else if (rand() % 2)
            pin_table_forget(table, pin.mark);
        else
            pin_table_look(table, pin.mark, SECOND_IN_MICROS, NOW + rand() % 5 * SECOND_IN_MICROS, &found);
        assert_agree();
    }
    assert_in_range(pin_table_count(table), 1, MOST);
}

static void the_next_engine_counts_on(void **state)
{
    for (uint64_t number = 0; number < 100; number++) {
        struct pin pin = pin_of(number);
        assert_true(pin_table_put(table, &pin, NOW));
    }
    pin_table_free(table);
    assert_int_equal(pin_memory_count(memory, MOST), 100);
    table = pin_table_new(memory, MOST, 3601 * (micros)SECOND_IN_MICROS);
    assert_non_null(table);
    assert_int_equal(pin_memory_count(memory, MOST), 0);
    assert_agree();
}

static void broken_memory_holds_no_more_than_there_is_room_for(void **state)
{
    pin_table_free(table);
    memset(memory, 0xff, pin_memory_size(MOST));
    assert_int_equal(pin_memory_count(memory, MOST), MOST);
    table = pin_table_new(memory, MOST, NOW);
    assert_non_null(table);
    assert_int_equal(pin_memory_count(memory, MOST), 0);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(it_agrees_with_the_table_whatever_happens),
        fresh(the_next_engine_counts_on),
        fresh(broken_memory_holds_no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
