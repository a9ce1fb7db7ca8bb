/* Clients of the admin socket, of every kind. */

#include "admin_house.h"

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = "POST /v1/drain?server=app/1" HOST "Content-Length: 3\r\n\r\nabc";
    struct told told = {.fd = enter()};
    for (size_t i = 0; i < strlen(request); i++) {
        assert_string_equal(house.servers, "");
        say(told.fd, request + i, 1);
        turn(1, NULL, NULL);
    }
    listen_to(&told, 1);
    assert_answer(&told, 0, 200, "{\"server\":\"app/1\",\"draining\":true}");
    forget(&told);
}

/* So many requests behind one another, each second one with a body that looks like a request. */
static size_t compose_many(char *bytes, size_t size, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(bytes + length, size - length, "POST /v1/drain?server=app/%d" HOST "%s", i,
                                   i % 2 ? "Content-Length: 21\r\n\r\nGET / HTTP/1.0\r\nX: y\n" : "\r\n");
    return length;
}

static void requests_behind_one_another_are_answered_in_order(void **state)
{
    static char bytes[65536];
    struct told told = {.fd = enter()};
    size_t length = compose_many(bytes, sizeof(bytes), 300);
    assert_true(length > ADMIN_HEAD_MOST);
    say(told.fd, bytes, length);
    listen_to(&told, 300);
    for (int i = 0; i < 300; i++) {
        char expected[64];
        snprintf(expected, sizeof(expected), "{\"server\":\"app/%d\",\"draining\":true}", i);
        assert_answer(&told, (size_t)i, 200, expected);
    }
    assert_false(told.ended);
    forget(&told);
}

static void a_client_that_says_it_is_the_last_request_is_left_after_it(void **state)
{
    static const char *const requests[] = {
        "GET /v1/status" HOST "Connection: keep-alive, Close\r\n\r\nGET /v1/status" HOST "\r\n",
        "GET /v1/status HTTP/1.0\r\n\r\nGET /v1/status" HOST "\r\n",
        "nonsense\r\n\r\nGET /v1/status" HOST "\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        struct told told = ask(requests[i]);
        listen_to(&told, 2);
        assert_true(told.ended);
        assert_non_null(strstr(told.text, "\r\nConnection: close\r\n"));
        assert_null(strstr(strstr(told.text, "\r\n\r\n"), "HTTP/1.1 2"));
        forget(&told);
    }
}

static void a_client_that_sends_too_much_hears_why_before_it_is_left(void **state)
{
    static char body[150000];
    struct told told = {.fd = enter()};
    const char head[] = "POST /v1/reload" HOST "Content-Length: 1000000\r\n\r\n";
    say(told.fd, head, strlen(head));
    assert_true(send(told.fd, body, sizeof(body), MSG_NOSIGNAL) > 100000);
    listen_to(&told, 0);
    assert_int_equal(answer_status(&told, 0), 413);
    forget(&told);
}

static void a_client_that_has_said_all_still_gets_its_answer(void **state)
{
    struct told told = {.fd = enter()};
    const char request[] = "GET /v1/status" HOST "\r\n";
    house.status_length = 3 << 20;
    say(told.fd, request, strlen(request));
    shutdown(told.fd, SHUT_WR);
    listen_to(&told, 1);
    assert_int_equal(answer_status(&told, 0), 200);
    listen_to(&told, 0);
    assert_true(told.ended);
    forget(&told);
}

static bool all_left(void *context)
{
    return house.admin.client_count == 0;
}

static void clients_may_leave_at_any_moment(void **state)
{
    static const char request[] =
        "POST /v1/drain?server=app/1" HOST "Content-Length: 3\r\n\r\nabcGET /v1/status" HOST "\r\n";
    house.status_length = 3 << 20;
    for (size_t length = 0; length <= strlen(request); length++) {
        int fd = enter();
        say(fd, request, length);
        turn(2, NULL, NULL);
        close(fd);
    }
    turn(1000, all_left, NULL);
    assert_int_equal(house.admin.client_count, 0);
}

/* The backlog holds fewer than a hundred; as they are served, others follow. */
static void a_hundred_clients_are_served_sixteen_at_a_time(void **state)
{
    struct told told[100];
    const char request[] = "GET /v1/status" HOST "Connection: close\r\n\r\n";
    house.status_length = 2 << 20;
    for (size_t i = 0; i < 150; i++) {
        if (i >= 50) {
            listen_to(&told[i - 50], 0);
            assert_int_equal(answer_status(&told[i - 50], 0), 200);
            forget(&told[i - 50]);
        }
        if (i < 100) {
            told[i] = (struct told){.fd = enter()};
            say(told[i].fd, request, strlen(request));
        }
    }
    assert_int_equal(house.most_clients, ADMIN_CLIENTS_MOST);
}

enum sloth { SILENT, HALF_A_HEAD, HALF_A_BODY, NEVER_READS, IDLE_AFTER_ONE, DRIPPING, SLOTH_COUNT };

static const char *const sloth_says[SLOTH_COUNT] = {
    [SILENT] = "",
    [HALF_A_HEAD] = "GET /v1/sta",
    [HALF_A_BODY] = "POST /v1/reload" HOST "Content-Length: 10\r\n\r\n12345",
    [NEVER_READS] = "GET /v1/status" HOST "\r\n",
    [IDLE_AFTER_ONE] = "HEAD /" HOST "\r\n",
    [DRIPPING] = "",
};

static void slow_clients_hold_up_nobody_and_are_left_after_five_seconds(void **state)
{
    struct told slow[ADMIN_CLIENTS_MOST - 1];
    house.status_length = 8 << 20;
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        const char *words = sloth_says[i % SLOTH_COUNT];
        slow[i] = (struct told){.fd = enter()};
        if (*words)
            say(slow[i].fd, words, strlen(words));
    }
    micros began = clock_steady();
    while (clock_steady() - began < 4 * SECOND_IN_MICROS) {
        micros asked = clock_steady();
        struct told quick = ask("POST /v1/drain?server=a/1" HOST "Connection: close\r\n\r\n");
        assert_int_equal(answer_status(&quick, 0), 200);
        assert_true(clock_steady() - asked < 2 * SECOND_IN_MICROS); /* a held-up one would wait for five */
        forget(&quick);
        say(slow[DRIPPING].fd, "X", 1); /* a method of fewer than 32 letters */
        turn(200, NULL, NULL);
    }
    assert_int_equal(house.admin.client_count, ARRAY_LENGTH(slow));
    turn(3500, all_left, NULL);
    assert_int_equal(house.admin.client_count, 0);
    assert_true(clock_steady() - began > ADMIN_PATIENCE);
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        hear(&slow[i]);
        assert_true(slow[i].ended);
        if (i % SLOTH_COUNT == HALF_A_HEAD || i % SLOTH_COUNT == HALF_A_BODY)
            assert_int_equal(answer_status(&slow[i], 0), 408);
        if (i % SLOTH_COUNT == SILENT)
            assert_int_equal(slow[i].length, 0);
        forget(&slow[i]);
    }
    assert_int_equal(house.reloads, 0);
}

static void who_waits_outside_comes_in_when_somebody_leaves(void **state)
{
    int inside[ADMIN_CLIENTS_MOST];
    for (size_t i = 0; i < ARRAY_LENGTH(inside); i++)
        inside[i] = enter();
    turn(50, NULL, NULL);
    const char request[] = "GET /v1/status" HOST "\r\n";
    struct told outside = {.fd = enter(), .wanted = 1};
    say(outside.fd, request, strlen(request));
    turn(100, has_heard, &outside);
    assert_int_equal(outside.length, 0);
    assert_int_equal(house.admin.client_count, ADMIN_CLIENTS_MOST);
    close(inside[7]);
    listen_to(&outside, 1);
    assert_int_equal(answer_status(&outside, 0), 200);
    forget(&outside);
    for (size_t i = 0; i < ARRAY_LENGTH(inside); i++)
        if (i != 7)
            close(inside[i]);
}

static void newcomers_wait_while_there_are_no_descriptors(void **state)
{
    struct rlimit before, none;
    struct told told = {.fd = enter()};
    const char request[] = "GET /v1/status" HOST "\r\n";
    say(told.fd, request, strlen(request));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)told.fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    told.wanted = 1;
    turn(120, has_heard, &told);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(told.length, 0);
    listen_to(&told, 1);
    assert_int_equal(answer_status(&told, 0), 200);
    forget(&told);
}

static void the_end_closes_everything_whatever_the_clients_are_at(void **state)
{
    int fds[SLOTH_COUNT];
    size_t before = loopback_open_count();
    house.status_length = 8 << 20;
    for (size_t i = 0; i < SLOTH_COUNT; i++) {
        fds[i] = enter();
        say(fds[i], sloth_says[i], strlen(sloth_says[i]));
    }
    turn(50, NULL, NULL);
    assert_int_equal(house.admin.client_count, SLOTH_COUNT);
    admin_fini(&house.admin);
    for (size_t i = 0; i < SLOTH_COUNT; i++)
        close(fds[i]);
    turn(10, NULL, NULL);
    assert_int_equal(loopback_open_count(), before - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_request_may_come_byte_by_byte),
        fresh(requests_behind_one_another_are_answered_in_order),
        fresh(a_client_that_says_it_is_the_last_request_is_left_after_it),
        fresh(a_client_that_sends_too_much_hears_why_before_it_is_left),
        fresh(a_client_that_has_said_all_still_gets_its_answer),
        fresh(clients_may_leave_at_any_moment),
        fresh(a_hundred_clients_are_served_sixteen_at_a_time),
        fresh(slow_clients_hold_up_nobody_and_are_left_after_five_seconds),
        fresh(who_waits_outside_comes_in_when_somebody_leaves),
        fresh(newcomers_wait_while_there_are_no_descriptors),
        fresh(the_end_closes_everything_whatever_the_clients_are_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
