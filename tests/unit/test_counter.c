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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_has_a_name_of_its_own_that_a_metric_may_have),
        cmocka_unit_test(every_counter_explains_itself_in_a_sentence),
        cmocka_unit_test(counters_add_up_and_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
