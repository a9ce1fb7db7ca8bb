/* Connections to servers, kept to be used again. The test is the server. */

#include "carry/links.h"

#include "loopback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct loop loop;
static struct links links;
static struct link_user user;
static unsigned readies;

static void ready(struct link_user *it)
{
    readies++;
}

static int start(void **state)
{
    readies = 0;
    user.ready = ready;
    return loop_init(&loop) != 0 || links_init(&links, &loop, 2) != 0;
}

static int stop(void **state)
{
    links_fini(&links);
    loop_fini(&loop);
    return 0;
}

static void enough(struct timer *timer)
{
    loop.stopping = true;
}

/* Hears what comes within some milliseconds. */
static void turn(void)
{
    struct timer timer;
    loop.stopping = false;
    timer_init(&timer, enough);
    assert_int_equal(timer_set(&loop.timers, &timer, clock_steady() + 20 * MILLIS_IN_MICROS), 0);
    loop_run(&loop, NULL, NULL);
}

static struct link *new_link(int *server)
{
    int ours;
    loopback_pair(server, &ours);
    struct link *link = link_new(&links, 1, ours, false, &user);
    assert_non_null(link);
    return link;
}

static void the_one_that_was_used_last_is_taken_first(void **state)
{
    int servers[2];
    struct link *first = new_link(&servers[0]), *second = new_link(&servers[1]);
    link_release(&links, first);
    link_release(&links, second);
    assert_ptr_equal(links_take(&links, 1, 0, 0, false, &user), second);
    assert_ptr_equal(links_take(&links, 1, 0, 0, false, &user), first);
    assert_null(links_take(&links, 1, 0, 0, false, &user));
    link_close(&links, first, false);
    link_close(&links, second, false);
    close(servers[0]);
    close(servers[1]);
}

static void nothing_is_waited_for_when_all_are_gone(void **state)
{
    int server;
    struct link *link = new_link(&server);
    link_release(&links, link);
    assert_ptr_equal(links_take(&links, 1, 0, 0, false, &user), link);
    link_close(&links, link, false);
    links_fini(&links);
    assert_int_equal(timers_next(&loop.timers), TIMER_NEVER);
    close(server);
}

static void servers_and_doors_are_told_apart(void **state)
{
    int server;
    struct link *link = new_link(&server);
    link->door = 3;
    link_release(&links, link);
    assert_null(links_take(&links, 0, 3, 0, false, &user));
    assert_null(links_take(&links, 1, 0, 0, false, &user));
    assert_ptr_equal(links_take(&links, 1, 3, 0, false, &user), link);
    link_close(&links, link, false);
    close(server);
}

static void one_to_an_earlier_process_is_closed(void **state)
{
    int server;
    char byte;
    link_release(&links, new_link(&server));
    assert_null(links_take(&links, 1, 0, 1, false, &user));
    assert_int_equal(recv(server, &byte, 1, 0), 0);
    close(server);
}

static void one_that_its_server_ends_is_never_given_out(void **state)
{
    int server;
    link_release(&links, new_link(&server));
    close(server);
    turn();
    assert_null(links_take(&links, 1, 0, 0, false, &user));
    assert_int_equal(readies, 0); /* it had no user who could be told */
}

static void one_on_which_the_server_says_more_is_never_given_out(void **state)
{
    int server, another;
    link_release(&links, new_link(&server));
    assert_int_equal(send(server, "HTTP/1.1 200 OK\r\n", 17, MSG_NOSIGNAL), 17);
    turn();
    assert_null(links_take(&links, 1, 0, 0, false, &user));
    close(server);

    struct link *link = new_link(&another); /* it said so before it was given back */
    assert_int_equal(send(another, "x", 1, MSG_NOSIGNAL), 1);
    turn();
    link_release(&links, link);
    assert_null(links_take(&links, 1, 0, 0, false, &user));
    close(another);
}

static void one_whose_end_nobody_has_heard_is_not_given_out_to_who_looks(void **state)
{
    int servers[2];
    struct link *good = new_link(&servers[0]), *ended = new_link(&servers[1]);
    link_release(&links, good);
    link_release(&links, ended);
    close(servers[1]);
    assert_ptr_equal(links_take(&links, 1, 0, 0, true, &user), good);
    assert_null(links_take(&links, 1, 0, 0, true, &user));
    link_close(&links, good, false);
    close(servers[0]);
}

static void one_that_waited_longer_than_its_server_is_closed(void **state)
{
    int server;
    struct link *link = new_link(&server);
    link->patience = 5 * MILLIS_IN_MICROS;
    link_release(&links, link);
    turn();
    assert_null(links_take(&links, 1, 0, 0, false, &user));
    close(server);
}

static void all_that_are_idle_can_be_shed(void **state)
{
    int servers[2];
    struct link *busy = new_link(&servers[0]);
    link_release(&links, new_link(&servers[1]));
    assert_true(links_shed(&links));
    assert_false(links_shed(&links));
    assert_true(stream_is_open(&busy->stream));
    link_close(&links, busy, false);
    close(servers[0]);
    close(servers[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_one_that_was_used_last_is_taken_first, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_waited_for_when_all_are_gone, start, stop),
        cmocka_unit_test_setup_teardown(servers_and_doors_are_told_apart, start, stop),
        cmocka_unit_test_setup_teardown(one_to_an_earlier_process_is_closed, start, stop),
        cmocka_unit_test_setup_teardown(one_that_its_server_ends_is_never_given_out, start, stop),
        cmocka_unit_test_setup_teardown(one_on_which_the_server_says_more_is_never_given_out, start, stop),
        cmocka_unit_test_setup_teardown(one_whose_end_nobody_has_heard_is_not_given_out_to_who_looks, start, stop),
        cmocka_unit_test_setup_teardown(one_that_waited_longer_than_its_server_is_closed, start, stop),
        cmocka_unit_test_setup_teardown(all_that_are_idle_can_be_shed, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
