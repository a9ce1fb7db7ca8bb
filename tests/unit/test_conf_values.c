#include "conf/values.h"

#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static micros duration_of(const char *text)
{
    micros duration = -1;
    assert_int_equal(values_duration(span_text(text), &duration), VALUE_FINE);
    return duration;
}

static uint64_t size_of(const char *text)
{
    uint64_t bytes = 0;
    assert_int_equal(values_size(span_text(text), &bytes), VALUE_FINE);
    return bytes;
}

static enum value_fault duration_fault(const char *text)
{
    micros duration;
    return values_duration(span_text(text), &duration);
}

static enum value_fault number_fault(const char *text)
{
    uint64_t number;
    return values_number(span_text(text), &number);
}

static void durations_have_units(void **state)
{
    assert_int_equal(duration_of("0ms"), 0);
    assert_int_equal(duration_of("250ms"), 250000);
    assert_int_equal(duration_of("5s"), 5000000);
    assert_int_equal(duration_of("2m"), 120000000);
    assert_int_equal(duration_of("1h"), 3600000000);
    assert_int_equal(duration_of("7d"), 604800000000);
}

static void a_duration_without_a_unit_is_refused(void **state)
{
    assert_int_equal(duration_fault("5"), VALUE_NO_UNIT);
    assert_int_equal(duration_fault("5 s"), VALUE_BAD_UNIT);
    assert_int_equal(duration_fault("5S"), VALUE_BAD_UNIT);
    assert_int_equal(duration_fault("1h30m"), VALUE_BAD_UNIT);
    assert_int_equal(duration_fault("1.5s"), VALUE_BAD_UNIT);
    assert_int_equal(duration_fault("s"), VALUE_NO_NUMBER);
    assert_int_equal(duration_fault("-5s"), VALUE_NO_NUMBER);
    assert_int_equal(duration_fault("+5s"), VALUE_NO_NUMBER);
    assert_int_equal(duration_fault(" 5s"), VALUE_NO_NUMBER);
    assert_int_equal(duration_fault(""), VALUE_NO_NUMBER);
    assert_int_equal(duration_fault("05s"), VALUE_LEADING_ZERO);
}

static void durations_that_no_clock_reaches_are_too_big(void **state)
{
    assert_int_equal(duration_of("365000d"), 365000LL * 86400 * SECOND_IN_MICROS);
    assert_int_equal(duration_fault("365001d"), VALUE_TOO_BIG);
    assert_int_equal(duration_fault("18446744073709551615s"), VALUE_TOO_BIG);
    assert_int_equal(duration_fault("18446744073709551616ms"), VALUE_TOO_BIG);
}

static void sizes_have_units_of_both_kinds(void **state)
{
    assert_int_equal(size_of("512B"), 512);
    assert_int_equal(size_of("16KiB"), 16384);
    assert_int_equal(size_of("16KB"), 16000);
    assert_int_equal(size_of("4MiB"), 4194304);
    assert_int_equal(size_of("1GiB"), 1073741824);
    assert_int_equal(size_of("2GB"), 2000000000);
    uint64_t bytes;
    assert_int_equal(values_size(span_text("16"), &bytes), VALUE_NO_UNIT);
    assert_int_equal(values_size(span_text("16K"), &bytes), VALUE_BAD_UNIT);
    assert_int_equal(values_size(span_text("17179869184GiB"), &bytes), VALUE_TOO_BIG);
}

static void numbers_are_decimal_and_nothing_else(void **state)
{
    uint64_t number;
    assert_int_equal(values_number(span_text("18446744073709551615"), &number), VALUE_FINE);
    assert_true(number == UINT64_MAX);
    assert_int_equal(values_number(span_text("0"), &number), VALUE_FINE);
    assert_int_equal(number_fault("18446744073709551616"), VALUE_TOO_BIG);
    assert_int_equal(number_fault("007"), VALUE_LEADING_ZERO);
    assert_int_equal(number_fault("0x10"), VALUE_NO_NUMBER);
    assert_int_equal(number_fault("1e9"), VALUE_NO_NUMBER);
    assert_int_equal(number_fault("10kk"), VALUE_NO_NUMBER);
    assert_int_equal(number_fault("1_000"), VALUE_NO_NUMBER);
    assert_int_equal(number_fault("-1"), VALUE_NO_NUMBER);
    assert_int_equal(number_fault("1 "), VALUE_NO_NUMBER);
}

static void a_million_digits_are_judged_at_once(void **state)
{
    const size_t length = 1000000;
    char *digits = malloc(length);
    assert_non_null(digits);
    memset(digits, '9', length);
    uint64_t number;
    micros start = clock_steady();
    for (int i = 0; i < 10; i++)
        assert_int_equal(values_number(span_of(digits, length), &number), VALUE_TOO_BIG);
    /* 10 million digits: some 10 ms, and far more under the sanitizers; quadratic would be hours. */
    assert_true(clock_steady() - start < 5 * SECOND_IN_MICROS);
    free(digits);
}

static void booleans_are_true_false_on_and_off(void **state)
{
    bool boolean;
    assert_true(values_boolean(span_text("true"), &boolean) && boolean);
    assert_true(values_boolean(span_text("on"), &boolean) && boolean);
    assert_true(values_boolean(span_text("false"), &boolean) && !boolean);
    assert_true(values_boolean(span_text("off"), &boolean) && !boolean);
    assert_false(values_boolean(span_text("yes"), &boolean));
    assert_false(values_boolean(span_text("1"), &boolean));
    assert_false(values_boolean(span_text(""), &boolean));
}

static void the_command_line_reads_the_same_durations(void **state)
{
    micros duration;
    assert_null(conf_duration(span_text("90s"), &duration));
    assert_int_equal(duration, 90000000);
    assert_string_equal(conf_duration(span_text("5"), &duration), "the unit is missing: write 5s or 5ms");
    assert_non_null(conf_duration(span_text("soon"), &duration));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(a_duration_without_a_unit_is_refused),
        cmocka_unit_test(durations_that_no_clock_reaches_are_too_big),
        cmocka_unit_test(sizes_have_units_of_both_kinds),
        cmocka_unit_test(numbers_are_decimal_and_nothing_else),
        cmocka_unit_test(a_million_digits_are_judged_at_once),
        cmocka_unit_test(booleans_are_true_false_on_and_off),
        cmocka_unit_test(the_command_line_reads_the_same_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
