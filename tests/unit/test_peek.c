/* Looking at the first bytes of a TCP connection: the test is the client, and its clock stands still unless told. */

#include "front/peek.h"

#include "loopback.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#define FIRST_BYTES (5 * (micros)SECOND_IN_MICROS)
#define PROXY_HEADER (3 * (micros)SECOND_IN_MICROS)

static const struct plan_key by_user = {.kind = KEY_HEADER, .text = "header:X-User", .name = "x-user"};
static const struct plan_key by_client = {.kind = KEY_CLIENT, .text = "client"};
static struct plan_pool pool;
static const struct plan_route route;
static struct plan_listener listener;
static struct plan plan;
static const struct plan_timeouts timeouts = {.first_bytes = FIRST_BYTES, .proxy_header = PROXY_HEADER};

static struct peek peek;
static struct decision decision;
static struct stream stream;
static uint8_t scratch[PEEK_LIMIT];
static int client;
static int epoll;

static void nobody(struct loop_source *source, uint32_t events)
{
}

static int start(void **state)
{
    int accepted;
    pool = (struct plan_pool){.name = "app", .keys = &by_user, .key_count = 1};
    listener = (struct plan_listener){.mode = MODE_TCP,
                                      .name = ":1",
                                      .routes = &route,
                                      .route_count = 1,
                                      .trust.loopback = true,
                                      .client_from = CLIENT_FROM_NONE};
    plan = (struct plan){.pools = &pool, .pool_count = 1, .listeners = &listener, .listener_count = 1};
    loopback_pair(&client, &accepted);
    stream_init(&stream, accepted, false, nobody);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
}

static int stop(void **state)
{
    peek_fini(&peek);
    stream_close(&stream, false);
    if (client >= 0)
        close(client);
    close(epoll);
    return 0;
}

static void begin(void)
{
    struct endpoint peer = endpoint_from_ip4((uint8_t[]){127, 0, 0, 1}, 4711);
    peek_init(&peek, &plan, &listener, &peer);
    assert_int_equal(peek_at_once(&peek, &decision), PEEK_WAIT);
    peek_start_waiting(&peek, &timeouts, 0);
}

/* True if epoll has something to say; the stream is told. */
static bool is_woken(int millis)
{
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, millis) != 1)
        return false;
    stream_notice(&stream, event.events);
    return true;
}

/* Until so many bytes have come, whether or not that wakes anybody. */
static void wait_for_bytes(size_t count)
{
    int come = 0;
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(ioctl(stream.source.fd, FIONREAD, &come), 0);
        if ((size_t)come >= count)
            return;
        poll(NULL, 0, 1);
    }
    fail();
}

static enum peek_answer look(micros now)
{
    return peek_look(&peek, &decision, &stream, scratch, now);
}

static enum peek_answer send_and_look(const char *words, micros now)
{
    assert_int_equal(send(client, words, strlen(words), 0), strlen(words));
    assert_true(is_woken(5000));
    return look(now);
}

static void assert_key(const char *expected)
{
    assert_int_equal(decision.verdict, DECIDE_KEY);
    assert_int_equal(decision.key.length, strlen(expected));
    assert_memory_equal(decision.key.data, expected, strlen(expected));
}

static void assert_left(const char *expected)
{
    char bytes[256];
    assert_int_equal(stream_read(&stream, bytes, sizeof(bytes)), strlen(expected));
    assert_memory_equal(bytes, expected, strlen(expected));
}

static void a_key_that_needs_no_bytes_waits_for_none(void **state)
{
    struct endpoint peer = endpoint_from_ip4((uint8_t[]){192, 0, 2, 1}, 4711);
    pool.keys = &by_client;
    peek_init(&peek, &plan, &listener, &peer);
    assert_int_equal(peek_at_once(&peek, &decision), PEEK_DECIDED);
    assert_int_equal(decision.verdict, DECIDE_KEY);
}

static void a_head_in_one_piece_is_decided_at_once_and_left_in_place(void **state)
{
    begin();
    assert_int_equal(send_and_look("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n", 0), PEEK_DECIDED);
    assert_key("ann");
    assert_true(stream.readable);
    assert_left("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n");
}

static void a_head_in_two_pieces_is_waited_for(void **state)
{
    begin();
    assert_int_equal(send_and_look("GET / HTTP/1.1\r\nHost: a\r\nX-Us", 0), PEEK_WAIT);
    assert_false(stream.readable);
    assert_int_equal(send_and_look("er: ann\r\n\r\n", 0), PEEK_DECIDED);
    assert_key("ann");
}

struct effort {
    size_t looks;
    size_t copied;
};

static char head[PEEK_LIMIT + 1];

static void make_head(size_t length)
{
    int at = snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\n");
    while ((size_t)at + 100 < length)
        at += snprintf(head + at, sizeof(head) - (size_t)at, "X-Filler: %056d\r\n", 0);
    int rest = (int)length - at - 12;
    at += snprintf(head + at, sizeof(head) - (size_t)at, "X-User: %0*d\r\n\r\n", rest, 0);
    assert_int_equal(at, length);
}

static void add_look(struct effort *effort, enum peek_answer *answer, micros now)
{
    *answer = look(now);
    effort->looks++;
    effort->copied += *answer == PEEK_WAIT ? peek.seen : strlen(head);
}

/* Looking again at each byte would copy half the square of the length: 18 MB for 6,000 bytes.
 *
 * One byte per segment, a byte every `pause`: looks come when the kernel wakes us or the short timer wants one. */
static struct effort trickle(size_t length, micros pause)
{
    struct effort effort = {0, 0};
    enum peek_answer answer = PEEK_WAIT;
    micros now = 0;
    make_head(length);
    begin();
    for (size_t i = 0; i < length; i++, now += pause) {
        assert_int_equal(answer, PEEK_WAIT);
        assert_int_equal(send(client, head + i, 1, 0), 1);
        if (is_woken(0) || now >= peek_deadline(&peek))
            add_look(&effort, &answer, now);
    }
    /* The last byte alone may wake nobody: then the timer does. */
    if (answer == PEEK_WAIT)
        wait_for_bytes(length);
    for (int i = 0; i < 8 && answer == PEEK_WAIT; i++) {
        if (!is_woken(2))
            now = peek_deadline(&peek);
        assert_true(now < FIRST_BYTES);
        add_look(&effort, &answer, now);
    }
    assert_int_equal(answer, PEEK_DECIDED);
    assert_int_equal(decision.verdict, DECIDE_KEY);
    return effort;
}

static int low_water(void)
{
    int least = 0;
    socklen_t length = sizeof(least);
    assert_int_equal(getsockopt(stream.source.fd, SOL_SOCKET, SO_RCVLOWAT, &least, &length), 0);
    return least;
}

static void a_head_byte_by_byte_costs_few_looks_and_linear_copying(void **state)
{
    struct effort effort = trickle(4000, 10);
    assert_in_range(effort.looks, 8, 100);
    assert_in_range(effort.copied, 4000, 10 * 4000);
    assert_int_equal(low_water(), 1);
    stop(state);
    start(state);
    effort = trickle(6000, 10);
    assert_in_range(effort.looks, 8, 110);
    assert_in_range(effort.copied, 6000, 10 * 6000);
    assert_int_equal(low_water(), 1);
}

/* A millisecond between bytes: the timer comes up before a quarter more is there, again and again. */
static void a_slow_head_byte_by_byte_costs_few_looks_too(void **state)
{
    struct effort effort = trickle(3000, MILLIS_IN_MICROS);
    assert_in_range(effort.looks, 8, 200);
    assert_int_equal(low_water(), 1);
}

/* The kernel was told to wait for a quarter more, and what is missing is less than that. */
static void a_client_whose_last_bytes_wake_nobody_is_not_kept_waiting(void **state)
{
    begin();
    for (const char *c = "GET / HTTP/1.1\r\nX-User: ann\r\nHost: exa"; *c; c++) {
        assert_int_equal(send(client, c, 1, 0), 1);
        if (is_woken(1))
            assert_int_equal(look(0), PEEK_WAIT);
    }
    assert_true(low_water() > 1);
    wait_for_bytes(strlen("GET / HTTP/1.1\r\nX-User: ann\r\nHost: exa"));
    assert_int_equal(look(peek_deadline(&peek)), PEEK_WAIT);
    assert_int_equal(send(client, "\r\n\r\n", 4, 0), 4);
    wait_for_bytes(peek.seen + 4);
    assert_true(peek_deadline(&peek) < 100 * MILLIS_IN_MICROS);
    assert_int_equal(look(peek_deadline(&peek)), PEEK_DECIDED);
    assert_key("ann");
}

static void a_silent_client_is_decided_by_the_deadline(void **state)
{
    begin();
    assert_int_equal(peek_deadline(&peek), FIRST_BYTES);
    assert_int_equal(look(FIRST_BYTES - 1), PEEK_WAIT);
    assert_int_equal(look(FIRST_BYTES), PEEK_DECIDED);
    assert_int_equal(decision.verdict, DECIDE_SPREAD);
}

static void half_a_head_at_the_deadline_has_no_key(void **state)
{
    begin();
    assert_int_equal(send_and_look("GET / HTTP/1.1\r\nX-User: ann\r\n", 0), PEEK_WAIT);
    assert_int_equal(look(FIRST_BYTES), PEEK_DECIDED);
    assert_int_equal(decision.verdict, DECIDE_SPREAD);
    assert_left("GET / HTTP/1.1\r\nX-User: ann\r\n");
}

static void a_client_that_ends_early_is_decided_at_once(void **state)
{
    begin();
    shutdown(client, SHUT_WR);
    assert_true(is_woken(5000));
    assert_int_equal(look(0), PEEK_DECIDED);
    assert_int_equal(decision.verdict, DECIDE_SPREAD);
}

static void a_client_that_resets_is_gone(void **state)
{
    begin();
    assert_int_equal(send_and_look("GET / HT", 0), PEEK_WAIT);
    loopback_reset(client);
    client = -1;
    assert_true(is_woken(5000));
    assert_int_equal(look(0), PEEK_GONE);
}

static void as_much_as_may_be_looked_at_without_an_end_is_decided(void **state)
{
    static char noise[PEEK_LIMIT + 1000];
    memset(noise, 'x', sizeof(noise));
    for (size_t i = 0; i < 5; i++)
        noise[i] = "GET /"[i];
    begin();
    assert_int_equal(send(client, noise, sizeof(noise), 0), sizeof(noise));
    wait_for_bytes(PEEK_LIMIT);
    assert_int_equal(look(0), PEEK_DECIDED);
    assert_int_not_equal(decision.verdict, DECIDE_MORE);
}

static void a_proxy_header_is_taken_off_and_the_head_behind_it_is_read(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_REQUIRE;
    begin();
    assert_int_equal(send_and_look("PROXY TCP4 192.0.2.7 192.0.2.1 5 6\r\nGET / HTTP/1.1\r\n", 0), PEEK_WAIT);
    assert_int_equal(send_and_look("Host: a\r\nX-User: ann\r\n\r\n", 0), PEEK_DECIDED);
    assert_key("ann");
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(&peek.facts.source, text);
    assert_string_equal(text, "192.0.2.7:5");
    assert_left("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n");
}

static void a_proxy_header_has_its_own_deadline_until_it_has_come(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_REQUIRE;
    begin();
    assert_int_equal(peek_deadline(&peek), PROXY_HEADER);
    assert_int_equal(look(PROXY_HEADER - 1), PEEK_WAIT);
    assert_int_equal(send_and_look("PROXY UNKNOWN\r\n", 1), PEEK_WAIT);
    assert_int_equal(peek_deadline(&peek), FIRST_BYTES);
}

static void a_proxy_header_that_is_late_ends_the_visit(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_REQUIRE;
    begin();
    assert_int_equal(send_and_look("PROXY TC", 1), PEEK_WAIT);
    assert_int_equal(look(PROXY_HEADER), PEEK_DECIDED);
    assert_int_equal(decision.verdict, DECIDE_END);
    assert_int_equal(decision.reason, REASON_BAD_PROXY);
}

static void a_prefix_byte_by_byte_is_taken_off_whole(void **state)
{
    listener.unwrap = UNWRAP_BYTES;
    listener.unwrap_length = 20;
    begin();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(send(client, "p", 1, 0), 1);
        if (is_woken(1) && i < 19)
            assert_int_equal(look(0), PEEK_WAIT);
    }
    assert_true(low_water() > 1);
    wait_for_bytes(20);
    assert_int_equal(look(peek_deadline(&peek)), PEEK_WAIT);
    assert_int_equal(low_water(), 1);
    assert_int_equal(send_and_look("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n", 0), PEEK_DECIDED);
    assert_key("ann");
    assert_left("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_key_that_needs_no_bytes_waits_for_none),
        fresh(a_head_in_one_piece_is_decided_at_once_and_left_in_place),
        fresh(a_head_in_two_pieces_is_waited_for),
        fresh(a_head_byte_by_byte_costs_few_looks_and_linear_copying),
        fresh(a_slow_head_byte_by_byte_costs_few_looks_too),
        fresh(a_client_whose_last_bytes_wake_nobody_is_not_kept_waiting),
        fresh(a_silent_client_is_decided_by_the_deadline),
        fresh(half_a_head_at_the_deadline_has_no_key),
        fresh(a_client_that_ends_early_is_decided_at_once),
        fresh(a_client_that_resets_is_gone),
        fresh(as_much_as_may_be_looked_at_without_an_end_is_decided),
        fresh(a_proxy_header_is_taken_off_and_the_head_behind_it_is_read),
        fresh(a_proxy_header_has_its_own_deadline_until_it_has_come),
        fresh(a_proxy_header_that_is_late_ends_the_visit),
        fresh(a_prefix_byte_by_byte_is_taken_off_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
