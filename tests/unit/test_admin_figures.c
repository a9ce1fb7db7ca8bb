/* The address where there is nothing but figures: over TCP, to whoever comes. */

#include "admin_house.h"

static struct told ask_for_figures(const char *request)
{
    return ask_on(enter_for_figures(), request);
}

static void the_three_are_answered(void **state)
{
    static const struct {
        const char *request, *body;
    } asked[] = {
        {"GET /metrics" HOST "\r\n", "some 1"},
        {"GET /healthz HTTP/1.0\r\n\r\n", "ok"},
        {"GET /readyz" HOST "User-Agent: kube-probe/1.31\r\nAccept: */*\r\nConnection: close\r\n\r\n", "ready"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) {
        struct told told = ask_for_figures(asked[i].request);
        assert_answer(&told, 0, 200, asked[i].body);
        forget(&told);
    }
    house.not_ready = "starting";
    struct told told = ask_for_figures("GET /readyz" HOST "\r\n");
    assert_answer(&told, 0, 503, "starting");
    forget(&told);
}

static void nothing_else_is_there_and_nothing_can_be_changed(void **state)
{
    static const struct {
        const char *request;
        int status;
    } asked[] = {
        {"GET /" HOST "\r\n", 404},
        {"GET /v1/status" HOST "\r\n", 404},
        {"POST /v1/status" HOST "\r\n", 404},
        {"POST /v1/drain?server=app/1" HOST "\r\n", 404},
        {"POST /v1/undrain?server=app/1" HOST "\r\n", 404},
        {"POST /v1/reload" HOST "\r\n", 404},
        {"POST http://x/v1/reload" HOST "\r\n", 404},
        {"POST /metrics/../v1/reload" HOST "\r\n", 404},
        {"GET /metrics/" HOST "\r\n", 404},
        {"GET /METRICS" HOST "\r\n", 404},
        {"POST /metrics" HOST "\r\n", 405},
        {"DELETE /healthz" HOST "\r\n", 405},
        {"PUT /readyz" HOST "Content-Length: 2\r\n\r\nno", 405},
        {"GET /metrics" HOST "Content-Length: 65537\r\n\r\n", 413},
        {"GET /metrics\r\n\r\n", 400},
        {"\x16\x03\x01\x02", 400},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) {
        struct told told = ask_for_figures(asked[i].request);
        assert_int_equal(answer_status(&told, 0), asked[i].status);
        forget(&told);
    }
    assert_string_equal(house.servers, "");
    assert_int_equal(house.reloads, 0);
}

static void head_is_answered_without_a_body(void **state)
{
    struct told told = {.fd = enter_for_figures()};
    const char request[] = "HEAD /metrics" HOST "Connection: close\r\n\r\n";
    say(told.fd, request, strlen(request));
    listen_to(&told, 0);
    assert_true(told.ended);
    assert_non_null(strstr(told.text, "Content-Length: 7\r\n"));
    assert_null(strstr(told.text, "some"));
    forget(&told);
}

static void one_connection_may_ask_many_times(void **state)
{
    struct told told = {.fd = enter_for_figures()};
    const char request[] = "GET /metrics" HOST "\r\n";
    house.status_length = 200000;
    for (size_t i = 0; i < 20; i++) {
        say(told.fd, request, strlen(request));
        listen_to(&told, i + 1);
        assert_int_equal(answer_status(&told, i), 200);
    }
    forget(&told);
}

static bool all_left(void *context)
{
    return house.figures.client_count == 0;
}

static bool is_gone(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* Sixteen who say nothing, or go on asking, keep nobody waiting: the oldest leaves when another one comes. */
static void nobody_keeps_others_out(void **state)
{
    int slow[ADMIN_CLIENTS_MOST];
    const char request[] = "GET /healthz" HOST "\r\n";
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        slow[i] = enter_for_figures();
        if (i % 2)
            say(slow[i], i % 3 ? "GET /metr" : request, i % 3 ? 9 : strlen(request));
    }
    turn(50, NULL, NULL);
    assert_int_equal(house.figures.client_count, ADMIN_CLIENTS_MOST);
    for (size_t i = 0; i < 3; i++) {
        struct told outside = {.fd = enter_for_figures()};
        say(outside.fd, request, strlen(request));
        listen_to(&outside, 1);
        assert_int_equal(answer_status(&outside, 0), 200);
        assert_true(is_gone(slow[i]));
        assert_false(is_gone(slow[i + 1]));
        assert_int_equal(house.figures.client_count, ADMIN_CLIENTS_MOST);
        forget(&outside);
        turn(20, NULL, NULL);
        close(slow[i]);
        slow[i] = enter_for_figures();
        turn(20, NULL, NULL);
    }
    assert_asked("GET /healthz" HOST "\r\n", 200, "ok");
    turn((int)(ADMIN_PATIENCE / MILLIS_IN_MICROS) + 2000, all_left, NULL);
    assert_int_equal(house.figures.client_count, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++)
        close(slow[i]);
}

static void who_resets_harms_nobody(void **state)
{
    static const char request[] = "GET /metrics" HOST "\r\n";
    house.status_length = 1 << 20;
    for (size_t length = 0; length <= strlen(request); length++) {
        int fd = enter_for_figures();
        say(fd, request, length);
        turn(2, NULL, NULL);
        loopback_reset(fd);
    }
    turn(1000, all_left, NULL);
    assert_int_equal(house.figures.client_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(the_three_are_answered),          fresh(nothing_else_is_there_and_nothing_can_be_changed),
        fresh(head_is_answered_without_a_body), fresh(one_connection_may_ask_many_times),
        fresh(nobody_keeps_others_out),         fresh(who_resets_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
