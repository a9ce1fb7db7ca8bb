#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void assert_text(micros wall, const char *expected)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(wall, text);
    assert_string_equal(text, expected);
}

static void times_are_written_as_rfc_3339_says(void **state)
{
    assert_text(0, "1970-01-01T00:00:00.000Z");
    assert_text(1769903999123999, "2026-01-31T23:59:59.123Z");
    assert_text((micros)951782400 * SECOND_IN_MICROS, "2000-02-29T00:00:00.000Z");
    assert_text((micros)4102444799 * SECOND_IN_MICROS + 7000, "2099-12-31T23:59:59.007Z");
}

static void an_impossible_wall_clock_is_written_all_the_same(void **state)
{
    char text[CLOCK_TEXT_SIZE];
    assert_text(-1, "1970-01-01T00:00:00.000Z");
    assert_text(INT64_MIN, "1970-01-01T00:00:00.000Z");
    clock_text(INT64_MAX, text);
    assert_true(strlen(text) < CLOCK_TEXT_SIZE);
    assert_int_equal(text[strlen(text) - 1], 'Z');
}

static void assert_date(struct clock_date *date, micros wall, const char *expected)
{
    assert_string_equal(clock_date(date, wall), expected);
}

static void dates_are_written_as_http_wants_them(void **state)
{
    struct clock_date date = {0};
    assert_date(&date, 0, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_date(&date, (micros)784111777 * SECOND_IN_MICROS, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_date(&date, (micros)784111777 * SECOND_IN_MICROS + 999999, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_date(&date, (micros)784111778 * SECOND_IN_MICROS, "Sun, 06 Nov 1994 08:49:38 GMT");
    assert_date(&date, (micros)951782400 * SECOND_IN_MICROS, "Tue, 29 Feb 2000 00:00:00 GMT");
    assert_date(&date, (micros)1798761599 * SECOND_IN_MICROS, "Thu, 31 Dec 2026 23:59:59 GMT");
    assert_date(&date, INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_true(strlen(clock_date(&date, INT64_MAX)) < CLOCK_DATE_SIZE);
}

static void a_date_is_written_once_for_each_second(void **state)
{
    struct clock_date date = {0};
    clock_date(&date, 5 * (micros)SECOND_IN_MICROS);
    memset(date.text, 'x', 3);
    assert_date(&date, 5 * (micros)SECOND_IN_MICROS + 7, "xxx, 01 Jan 1970 00:00:05 GMT");
    assert_date(&date, 4 * (micros)SECOND_IN_MICROS, "Thu, 01 Jan 1970 00:00:04 GMT");
}

static void the_steady_clock_never_goes_back(void **state)
{
    micros before = clock_steady();
    for (int i = 0; i < 10000; i++) {
        micros now = clock_steady();
        assert_true(now >= before);
        before = now;
    }
}

static void both_clocks_count_microseconds(void **state)
{
    struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    micros steady = clock_steady();
    nanosleep(&pause, NULL);
    assert_in_range(clock_steady() - steady, 20000, 10 * SECOND_IN_MICROS);
    time_t now = time(NULL);
    assert_in_range(clock_wall() / SECOND_IN_MICROS, now, now + 10);
}

static void patience_is_whole_milliseconds_and_fits_an_int(void **state)
{
    assert_int_equal(clock_patience(-5), 0);
    assert_int_equal(clock_patience(0), 0);
    assert_int_equal(clock_patience(1), 1);
    assert_int_equal(clock_patience(1000), 1);
    assert_int_equal(clock_patience(1001), 2);
    assert_int_equal(clock_patience(INT64_MAX), 3600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_as_rfc_3339_says),
        cmocka_unit_test(an_impossible_wall_clock_is_written_all_the_same),
        cmocka_unit_test(dates_are_written_as_http_wants_them),
        cmocka_unit_test(a_date_is_written_once_for_each_second),
        cmocka_unit_test(the_steady_clock_never_goes_back),
        cmocka_unit_test(patience_is_whole_milliseconds_and_fits_an_int),
        cmocka_unit_test(both_clocks_count_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
