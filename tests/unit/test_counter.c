#include "base/counter.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void every_counter_has_a_name_of_its_own_that_a_metric_may_have(void **state)
{
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        const char *text = counter_text(i);
        assert_non_null(text);
        assert_true(islower((unsigned char)text[0]));
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(text));
        for (enum counter j = 0; j < i; j++)
            assert_string_not_equal(text, counter_text(j));
    }
}

static void every_counter_explains_itself_in_a_sentence(void **state)
{
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        const char *help = counter_help(i);
        assert_non_null(help);
        assert_true(isupper((unsigned char)help[0]));
        assert_int_equal(help[strlen(help) - 1], '.');
        assert_null(strchr(help, '\n'));
    }
}

static void counters_add_up_and_do_not_mix(void **state)
{
    struct counters counters = {0};
    counter_add(&counters, COUNTER_BYTES_IN, (uint64_t)5 << 32);
    counter_add(&counters, COUNTER_BYTES_IN, 7);
    counter_add(&counters, COUNTER_BYTES_OUT, 1);
    assert_int_equal(counter_read(&counters, COUNTER_BYTES_IN), ((uint64_t)5 << 32) + 7);
    assert_int_equal(counter_read(&counters, COUNTER_BYTES_OUT), 1);
    assert_int_equal(counter_read(&counters, COUNTER_SPLICES), 0);
}

static void ended_visits_are_counted_by_their_reason(void **state)
{
    struct counters counters = {0};
    counter_ended(&counters, REASON_IDLE);
    counter_ended(&counters, REASON_IDLE);
    counter_ended(&counters, REASON_INTERNAL);
    assert_int_equal(counter_read_ended(&counters, REASON_IDLE), 2);
    assert_int_equal(counter_read_ended(&counters, REASON_INTERNAL), 1);
    assert_int_equal(counter_read_ended(&counters, REASON_DONE), 0);
    assert_int_equal(gauge_read(&counters, GAUGE_CONNECTIONS), 0);
}

static void gauges_rise_and_fall(void **state)
{
    struct counters counters = {0};
    gauge_set(&counters, GAUGE_CONNECTIONS, 3);
    gauge_set(&counters, GAUGE_CONNECTIONS, 2);
    assert_int_equal(gauge_read(&counters, GAUGE_CONNECTIONS), 2);
}

static void every_gauge_has_a_name_and_a_sentence(void **state)
{
    for (enum gauge i = 0; i < GAUGE_COUNT; i++) {
        const char *text = gauge_text(i);
        const char *help = gauge_help(i);
        assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(text));
        assert_int_equal(help[strlen(help) - 1], '.');
    }
}

static void blocks_of_two_threads_meet_in_no_cache_line(void **state)
{
    assert_int_equal(sizeof(struct counters) % 64, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_has_a_name_of_its_own_that_a_metric_may_have),
        cmocka_unit_test(every_counter_explains_itself_in_a_sentence),
        cmocka_unit_test(counters_add_up_and_do_not_mix),
        cmocka_unit_test(ended_visits_are_counted_by_their_reason),
        cmocka_unit_test(gauges_rise_and_fall),
        cmocka_unit_test(every_gauge_has_a_name_and_a_sentence),
        cmocka_unit_test(blocks_of_two_threads_meet_in_no_cache_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
