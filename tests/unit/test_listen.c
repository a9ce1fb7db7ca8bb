#include "front/listen.h"

#include "base/log.h"
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

/* A listener in a loop, whose newcomers the test keeps. */
struct house {
    struct loop loop;
    struct counters counters;
    struct listen_taker taker;
    struct listen_point point;
    struct timer patience;
    int guests[16];
    struct endpoint peers[16];
    size_t guest_count;
    size_t wanted;
};

static struct house house;
static struct plan_listener listener;
static struct plan plan;
static struct sockaddr_in address;

static void take(struct listen_taker *taker, struct listen_point *point, int fd, const struct endpoint *peer)
{
    assert_ptr_equal(taker, &house.taker);
    assert_ptr_equal(point, &house.point);
    house.guests[house.guest_count] = fd;
    house.peers[house.guest_count++] = *peer;
    if (house.guest_count == house.wanted)
        house.loop.stopping = true;
}

static void give_up(struct timer *timer)
{
    house.loop.stopping = true;
}

/* Until so many guests are here, or nobody came for so long. */
static void wait_for_guests(size_t wanted, int millis)
{
    micros now = clock_steady();
    house.wanted = wanted;
    house.loop.stopping = wanted == house.guest_count;
    timer_init(&house.patience, give_up);
    assert_int_equal(timer_set(&house.loop.timers, &house.patience, now + millis * (micros)MILLIS_IN_MICROS), 0);
    loop_run(&house.loop, NULL, NULL);
    timer_clear(&house.loop.timers, &house.patience);
}

static void drop_line(void *context, const char *line, size_t length)
{
}

static int start(void **state)
{
    house = (struct house){.guest_count = 0};
    log_set_writer(drop_line, NULL);
    listener = (struct plan_listener){.name = ":1"};
    plan = (struct plan){.listeners = &listener, .listener_count = 1};
    house.taker = (struct listen_taker){.take = take, .loop = &house.loop, .counters = &house.counters};
    return loop_init(&house.loop);
}

static void open_house(uint32_t connections)
{
    int fd = loopback_listener(&address);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    house.taker.limits = limits_new(&plan, connections);
    assert_non_null(house.taker.limits);
    assert_int_equal(listen_start(&house.point, &house.taker, &listener, 0, fd), 0);
}

static void leave(size_t guest)
{
    close(house.guests[guest]);
    limits_leave(house.taker.limits, 0);
}

static int stop(void **state)
{
    listen_close(&house.point);
    listen_close(&house.point);
    loop_fini(&house.loop);
    limits_free(house.taker.limits);
    log_set_writer(NULL, NULL);
    return 0;
}

static void a_newcomer_is_taken_in_and_counted(void **state)
{
    struct sockaddr_in own;
    socklen_t length = sizeof(own);
    open_house(10);
    int client = loopback_connect(&address);
    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &length), 0);
    wait_for_guests(1, 5000);
    assert_int_equal(house.guest_count, 1);
    struct endpoint expected = endpoint_from_sockaddr((struct sockaddr *)&own);
    assert_true(endpoint_equal(&house.peers[0], &expected));
    assert_true(fcntl(house.guests[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(house.guests[0], F_GETFD) & FD_CLOEXEC);
    assert_int_equal(limits_connections(house.taker.limits), 1);
    assert_int_equal(counter_read(&house.counters, COUNTER_CONNECTIONS_ACCEPTED), 1);
    leave(0);
    close(client);
}

static void newcomers_wait_while_the_house_is_full_and_come_in_when_one_leaves(void **state)
{
    int clients[3];
    open_house(2);
    for (int i = 0; i < 3; i++)
        clients[i] = loopback_connect(&address);
    wait_for_guests(3, 120);
    assert_int_equal(house.guest_count, 2);
    assert_in_range(counter_read(&house.counters, COUNTER_ACCEPT_PAUSES), 1, 4); /* 50 ms each: it does not spin */
    assert_int_equal(limits_connections(house.taker.limits), 2);
    leave(0);
    wait_for_guests(3, 5000);
    assert_int_equal(house.guest_count, 3);
    leave(1);
    leave(2);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
}

static void without_a_descriptor_newcomers_wait_too(void **state)
{
    struct rlimit before, none;
    open_house(10);
    int client = loopback_connect(&address);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    wait_for_guests(1, 80);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(house.guest_count, 0);
    assert_int_equal(limits_connections(house.taker.limits), 0);
    assert_true(counter_read(&house.counters, COUNTER_ACCEPT_PAUSES) > 0);
    wait_for_guests(1, 5000);
    assert_int_equal(house.guest_count, 1);
    leave(0);
    close(client);
}

static void a_newcomer_who_left_again_holds_up_nobody(void **state)
{
    open_house(10);
    loopback_reset(loopback_connect(&address));
    int client = loopback_connect(&address);
    wait_for_guests(2, 200);
    assert_in_range(house.guest_count, 1, 2); /* the kernel may still show the one who left */
    assert_int_equal(limits_connections(house.taker.limits), house.guest_count);
    for (size_t i = 0; i < house.guest_count; i++)
        leave(i);
    close(client);
}

static void who_waits_already_when_it_stops_is_taken_in_and_nobody_after(void **state)
{
    int clients[5];
    open_house(10);
    for (int i = 0; i < 5; i++)
        clients[i] = loopback_connect(&address);
    listen_stop(&house.point);
    listen_stop(&house.point);
    assert_int_equal(house.guest_count, 5);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&address, sizeof(address)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(late);
    for (size_t i = 0; i < 5; i++) {
        leave(i);
        close(clients[i]);
    }
}

static void closing_while_it_pauses_wakes_nobody(void **state)
{
    open_house(1);
    int clients[2] = {loopback_connect(&address), loopback_connect(&address)};
    wait_for_guests(2, 20);
    assert_int_equal(house.guest_count, 1);
    assert_true(house.point.paused);
    uint64_t pauses = counter_read(&house.counters, COUNTER_ACCEPT_PAUSES);
    listen_close(&house.point);
    leave(0);
    wait_for_guests(2, 80);
    assert_int_equal(house.guest_count, 1);
    assert_int_equal(counter_read(&house.counters, COUNTER_ACCEPT_PAUSES), pauses);
    close(clients[0]);
    close(clients[1]);
}

static void who_comes_over_a_unix_socket_is_known_as_such(void **state)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/limpet-listen-%d", P_tmpdir, (int)getpid());
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(fd, 5), 0);
    house.taker.limits = limits_new(&plan, 5);
    assert_int_equal(listen_start(&house.point, &house.taker, &listener, 0, fd), 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&name, sizeof(name)), 0);
    wait_for_guests(1, 5000);
    assert_int_equal(house.guest_count, 1);
    assert_int_equal(house.peers[0].kind, ENDPOINT_UNIX);
    assert_true(house.point.is_unix);
    leave(0);
    close(client);
    unlink(path);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_newcomer_is_taken_in_and_counted),
        fresh(newcomers_wait_while_the_house_is_full_and_come_in_when_one_leaves),
        fresh(without_a_descriptor_newcomers_wait_too),
        fresh(a_newcomer_who_left_again_holds_up_nobody),
        fresh(who_waits_already_when_it_stops_is_taken_in_and_nobody_after),
        fresh(closing_while_it_pauses_wakes_nobody),
        fresh(who_comes_over_a_unix_socket_is_known_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
