#include "base/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char said[8192];
static size_t said_length;
static int lines;

static void keep(void *context, const char *line, size_t length)
{
    assert_ptr_equal(context, &said);
    assert_true(said_length + length < sizeof(said));
    memcpy(said + said_length, line, length);
    said_length += length;
    said[said_length] = '\0';
    lines++;
}

static int start(void **state)
{
    said_length = 0;
    said[0] = '\0';
    lines = 0;
    log_set_writer(keep, &said);
    log_set_level(LOG_NOTICE);
    log_set_stamped(false);
    return 0;
}

static int stop(void **state)
{
    log_set_writer(NULL, NULL);
    return 0;
}

static void each_level_says_what_it_is(void **state)
{
    log_set_level(LOG_DEBUG);
    log_error("no %s", "way");
    log_warning("%d lives left", 3);
    log_notice("ready");
    log_debug("hm");
    assert_string_equal(said, "limpet: error: no way\nlimpet: warning: 3 lives left\n"
                              "limpet: ready\nlimpet: debug: hm\n");
}

static void what_is_above_the_level_is_not_said(void **state)
{
    log_debug("not at the start");
    log_set_level(LOG_ERROR);
    log_notice("no");
    log_warning("no");
    log_error("yes");
    assert_string_equal(said, "limpet: error: yes\n");
}

static void control_characters_start_no_line_and_move_no_cursor(void **state)
{
    log_notice("%s", "a\nb\r\x1b[2J\x7f\tc \xc3\xa9");
    assert_string_equal(said, "limpet: a\\x0ab\\x0d\\x1b[2J\\x7f\\x09c \xc3\xa9\n");
}

static void a_message_that_is_too_long_is_cut_and_is_one_whole_line(void **state)
{
    log_warning("begin %5000d", 7);
    assert_int_equal(lines, 1);
    assert_in_range(said_length, 1000, 4096);
    assert_memory_equal(said, "limpet: warning: begin ", 23);
    assert_ptr_equal(strchr(said, '\n'), said + said_length - 1);
}

static void escapes_that_no_longer_fit_do_not_cost_the_end_of_the_line(void **state)
{
    static char noise[4000];
    memset(noise, '\x01', sizeof(noise) - 1);
    log_warning("%s", noise);
    assert_ptr_equal(strchr(said, '\n'), said + said_length - 1);
}

static void a_stamped_line_begins_with_the_time(void **state)
{
    log_set_stamped(true);
    log_notice("ready");
    int year, month, day, hour, minute, millis, end = 0;
    double second;
    int parts = sscanf(said, "%4d-%2d-%2dT%2d:%2d:%2lf", &year, &month, &day, &hour, &minute, &second);
    assert_int_equal(parts, 6);
    assert_int_equal(sscanf(said + 19, ".%3dZ limpet: ready\n%n", &millis, &end), 1);
    assert_int_equal(19 + end, said_length);
}

static void without_a_writer_lines_go_to_standard_error(void **state)
{
    int ends[2];
    char line[64] = "";
    log_set_writer(NULL, NULL);
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    log_notice("here");
    dup2(before, STDERR_FILENO);
    assert_int_equal(read(ends[0], line, sizeof(line) - 1), 13);
    assert_string_equal(line, "limpet: here\n");
    close(before);
    close(ends[0]);
    close(ends[1]);
}

static void repeated_trouble_passes_once_and_is_counted(void **state)
{
    struct log_limit limit = {0};
    unsigned long skipped = 99;
    assert_true(log_limit_pass(&limit, 3600, &skipped));
    assert_int_equal(skipped, 0);
    for (int i = 0; i < 5; i++)
        assert_false(log_limit_pass(&limit, 3600, &skipped));
    limit.next_second = 0; /* an hour has passed */
    assert_true(log_limit_pass(&limit, 3600, &skipped));
    assert_int_equal(skipped, 5);
    limit.next_second = 0;
    assert_true(log_limit_pass(&limit, 3600, &skipped));
    assert_int_equal(skipped, 0);
}

static struct log_limit shared;

static void *try_often(void *passed)
{
    unsigned long skipped;
    for (int i = 0; i < 10000; i++)
        if (log_limit_pass(&shared, 3600, &skipped))
            __atomic_add_fetch((int *)passed, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void two_threads_in_trouble_pass_once_between_them(void **state)
{
    pthread_t threads[2];
    int passed = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, try_often, &passed), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(passed, 1);
    assert_int_equal(shared.skipped, 19999);
}

#define kept(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        kept(each_level_says_what_it_is),
        kept(what_is_above_the_level_is_not_said),
        kept(control_characters_start_no_line_and_move_no_cursor),
        kept(a_message_that_is_too_long_is_cut_and_is_one_whole_line),
        kept(escapes_that_no_longer_fit_do_not_cost_the_end_of_the_line),
        kept(a_stamped_line_begins_with_the_time),
        kept(without_a_writer_lines_go_to_standard_error),
        kept(repeated_trouble_passes_once_and_is_counted),
        kept(two_threads_in_trouble_pass_once_between_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
