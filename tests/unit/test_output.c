/* What workers print, line by line. */

#include "control/output.h"

#include "base/clock.h"
#include "loopback.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct loop loop;
static struct output *output;
static int target[2];
static int worker;
static char said[1 << 18];
static size_t open_before;

static int start(void **state)
{
    open_before = loopback_open_count();
    if (loop_init(&loop) != 0 || pipe2(target, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    fcntl(target[1], F_SETPIPE_SZ, 1 << 18);
    output = output_new(&loop, target[1], "app/1", &worker);
    return output ? 0 : -1;
}

static void end(void)
{
    output_free(output);
    output = NULL;
}

static int stop(void **state)
{
    end();
    output_free(NULL);
    close(target[0]);
    close(target[1]);
    if (worker >= 0)
        close(worker);
    loop_fini(&loop);
    return loopback_open_count() == open_before ? 0 : -1;
}

static void turn(void)
{
    struct epoll_event events[4];
    for (int count; (count = epoll_wait(loop.epoll, events, 4, 0)) > 0;)
        for (int i = 0; i < count; i++) {
            struct loop_source *source = events[i].data.ptr;
            source->ready(source, events[i].events);
        }
}

static void print(const char *words)
{
    loopback_must(write(worker, words, strlen(words)) == (ssize_t)strlen(words));
}

/* What has arrived at the terminal by now. */
static const char *shown(void)
{
    ssize_t got = read(target[0], said, sizeof(said) - 1);
    said[got > 0 ? got : 0] = '\0';
    return said;
}

static void each_line_begins_with_the_name(void **state)
{
    print("one\n\ntwo\n");
    turn();
    assert_string_equal(shown(), "app/1 | one\napp/1 | \napp/1 | two\n");
}

static void a_line_is_shown_when_it_is_whole(void **state)
{
    print("hel");
    turn();
    assert_string_equal(shown(), "");
    print("lo\nwor");
    turn();
    assert_string_equal(shown(), "app/1 | hello\n");
    print("ld\n");
    turn();
    assert_string_equal(shown(), "app/1 | world\n");
}

static void what_is_left_is_shown_at_the_end(void **state)
{
    print("no newline");
    turn();
    assert_string_equal(shown(), "");
    close(worker);
    worker = -1;
    turn();
    end();
    assert_string_equal(shown(), "app/1 | no newline\n");
}

/* A worker that dies says why at last: its death may be noticed before its words. */
static void what_was_printed_before_the_end_is_shown_whole(void **state)
{
    char line[64];
    for (int i = 0; i < 500; i++) {
        snprintf(line, sizeof(line), "    at line %d of the trace of the stack\n", i);
        print(line);
    }
    print("the end");
    end();
    assert_memory_equal(shown(), "app/1 |     at line 0 of", 24);
    assert_non_null(strstr(said, "app/1 |     at line 499 of"));
    assert_non_null(strstr(said, "app/1 | the end\n"));
}

/* Whoever else holds the pipe must not keep us. */
static void one_that_never_stops_printing_does_not_hold_up_the_end(void **state)
{
    char filling[4096];
    memset(filling, 'a', sizeof(filling));
    fcntl(worker, F_SETFL, O_NONBLOCK);
    while (write(worker, filling, sizeof(filling)) > 0)
        continue;
    end();
    assert_non_null(strstr(shown(), "app/1 | aaaa"));
}

static void a_line_without_end_is_cut(void **state)
{
    char filling[OUTPUT_LINE_MOST + 100];
    memset(filling, 'a', sizeof(filling) - 1);
    filling[sizeof(filling) - 1] = '\0';
    print(filling);
    print("b\n");
    turn();
    shown();
    size_t first = strcspn(said, "\n");
    assert_int_equal(first, strlen("app/1 | ") + OUTPUT_LINE_MOST);
    assert_memory_equal(said + first, "\napp/1 | aaa", 12);
    assert_string_equal(said + strlen(said) - 2, "b\n");
}

static void a_terminal_that_takes_nothing_holds_up_nobody(void **state)
{
    char filling[4096];
    memset(filling, 'a', sizeof(filling));
    while (write(target[1], filling, sizeof(filling)) > 0)
        continue;
    print("lost\n");
    turn();
    while (read(target[0], said, sizeof(said)) > 0)
        continue;
    print("seen\n");
    turn();
    assert_string_equal(shown(), "app/1 | seen\n");
}

/* It says that it has room for PIPE_BUF bytes, and means no more. */
static void a_long_line_waits_for_nobody(void **state)
{
    char filling[OUTPUT_LINE_MOST + 1];
    memset(filling, 'a', sizeof(filling) - 1);
    filling[sizeof(filling) - 1] = '\0';
    fcntl(target[1], F_SETFL, 0);
    assert_int_equal(fcntl(target[1], F_SETPIPE_SZ, PIPE_BUF), PIPE_BUF);
    print(filling);
    alarm(5);
    turn();
    alarm(0);
    assert_int_equal(strlen(shown()), strlen("app/1 | ") + OUTPUT_LINE_MOST + 1);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(each_line_begins_with_the_name),
        fresh(a_line_is_shown_when_it_is_whole),
        fresh(what_is_left_is_shown_at_the_end),
        fresh(what_was_printed_before_the_end_is_shown_whole),
        fresh(one_that_never_stops_printing_does_not_hold_up_the_end),
        fresh(a_line_without_end_is_cut),
        fresh(a_terminal_that_takes_nothing_holds_up_nobody),
        fresh(a_long_line_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
