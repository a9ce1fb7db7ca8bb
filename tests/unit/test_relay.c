/* The relay between two socket pairs: the test plays both the client and the server. */

#include "carry/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loopback.h"

struct scene {
    struct relay relay;
    struct carry_kit kit;
    struct counters counters;
    struct stream client;
    struct stream server;
    int client_end; /* what the test holds */
    int server_end;
};

static void nobody(struct loop_source *source, uint32_t events)
{
    (void)source;
    (void)events;
}

/* Takes the relay's ends: client[0] and server[0]. */
static struct scene *open_scene_between(const int client[2], const int server[2], bool is_unix)
{
    struct scene *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    stream_init(&s->client, client[0], is_unix, nobody);
    stream_init(&s->server, server[0], is_unix, nobody);
    s->client_end = client[1];
    s->server_end = server[1];
    carry_kit_init(&s->kit, &s->counters, 4);
    relay_init(&s->relay);
    return s;
}

static struct scene *open_scene(void)
{
    int client[2];
    int server[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, server), 0);
    return open_scene_between(client, server, true);
}

/* Over TCP, where leaving before all was heard is a reset. */
static struct scene *open_tcp_scene(void)
{
    int client[2];
    int server[2];
    loopback_pair(&client[1], &client[0]);
    loopback_pair(&server[1], &server[0]);
    return open_scene_between(client, server, false);
}

static void close_end(int *end)
{
    if (*end >= 0)
        close(*end);
    *end = -1;
}

static void close_scene(struct scene *s)
{
    relay_fini(&s->relay, &s->kit);
    carry_kit_fini(&s->kit);
    stream_close(&s->client, false);
    stream_close(&s->server, false);
    close_end(&s->client_end);
    close_end(&s->server_end);
    free(s);
}

/* What epoll would say now. */
static void notice(struct stream *stream)
{
    struct pollfd p = {.fd = stream->source.fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    poll(&p, 1, 0);
    uint32_t events = 0;
    events |= p.revents & POLLIN ? EPOLLIN : 0;
    events |= p.revents & POLLOUT ? EPOLLOUT : 0;
    events |= p.revents & POLLRDHUP ? EPOLLRDHUP : 0;
    events |= p.revents & POLLHUP ? EPOLLHUP : 0;
    events |= p.revents & POLLERR ? EPOLLERR : 0;
    stream_notice(stream, events);
}

static struct relay_result run(struct scene *s)
{
    struct relay_result result;
    do {
        notice(&s->client);
        notice(&s->server);
        result = relay_run(&s->relay, &s->kit, &s->client, &s->server);
    } while (result.answer == RELAY_AGAIN);
    return result;
}

static void expect_read(int fd, const char *words)
{
    char bytes[256];
    ssize_t got = read(fd, bytes, sizeof(bytes));
    assert_int_equal(got, strlen(words));
    assert_memory_equal(bytes, words, strlen(words));
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    assert_int_equal(write(s->client_end, "question", 8), 8);
    assert_int_equal(write(s->server_end, "answer", 6), 6);
    struct relay_result result = run(s);
    assert_int_equal(result.answer, RELAY_WAIT);
    assert_true(result.moved);
    expect_read(s->server_end, "question");
    expect_read(s->client_end, "answer");
    assert_int_equal(s->relay.in.moved, 8);
    assert_int_equal(s->relay.out.moved, 6);
    assert_false(run(s).moved);
    close_scene(s);
}

static void an_end_is_passed_on_and_the_other_direction_goes_on(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    char byte;
    assert_int_equal(write(s->client_end, "all", 3), 3);
    shutdown(s->client_end, SHUT_WR);
    assert_int_equal(run(s).answer, RELAY_WAIT);
    expect_read(s->server_end, "all");
    assert_int_equal(read(s->server_end, &byte, 1), 0);

    assert_int_equal(write(s->server_end, "late answer", 11), 11);
    assert_int_equal(run(s).answer, RELAY_WAIT);
    expect_read(s->client_end, "late answer");
    shutdown(s->server_end, SHUT_WR);
    struct relay_result result = run(s);
    assert_int_equal(result.answer, RELAY_FINISHED);
    assert_int_equal(result.reason, REASON_DONE);
    close_scene(s);
}

static void what_was_put_first_arrives_first_and_is_not_counted(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    assert_int_equal(relay_put_first(&s->relay, "PROXY ", 6), 0);
    assert_int_equal(write(s->client_end, "hello", 5), 5);
    assert_int_equal(run(s).answer, RELAY_WAIT);
    expect_read(s->server_end, "PROXY hello");
    assert_int_equal(s->relay.in.moved, 5);
    close_scene(s);
}

static void a_greeting_that_was_never_sent_is_not_counted_either(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    assert_int_equal(relay_put_first(&s->relay, "PROXY ", 6), 0);
    close(s->server_end);
    assert_int_equal(run(s).reason, REASON_SERVER_RESET);
    assert_int_equal(s->relay.in.moved, 0);
    s->server_end = dup(0);
    close_scene(s);
}

static void a_client_that_breaks_after_its_end_is_noticed(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    shutdown(s->client_end, SHUT_WR);
    assert_int_equal(run(s).answer, RELAY_WAIT);
    s->client.broken = true; /* what a reset TCP connection would show */
    struct relay_result result = run(s);
    assert_int_equal(result.answer, RELAY_FINISHED);
    assert_int_equal(result.reason, REASON_CLIENT_RESET);
    close_scene(s);
}

static size_t fill(int fd)
{
    static const char bytes[4096];
    size_t total = 0;
    for (ssize_t put; (put = write(fd, bytes, sizeof(bytes))) > 0;)
        total += (size_t)put;
    return total;
}

static size_t drain(int fd)
{
    static char bytes[65536];
    size_t total = 0;
    for (ssize_t got; (got = read(fd, bytes, sizeof(bytes))) > 0;)
        total += (size_t)got;
    return total;
}

static void a_receiver_that_does_not_read_stops_the_sender_and_loses_nothing(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    size_t sent = 0;
    for (int i = 0; i < 100; i++) {
        size_t more = fill(s->client_end);
        sent += more;
        assert_int_equal(run(s).answer, RELAY_WAIT);
        if (more == 0)
            break;
    }
    assert_int_equal(fill(s->client_end), 0); /* the client is held back */
    size_t received = 0;
    for (size_t more = 1; more > 0;) {
        more = drain(s->server_end);
        received += more;
        run(s);
    }
    assert_int_equal(received, sent);
    assert_null(s->relay.in.rest);
    assert_null(s->relay.in.pipe);
    close_scene(s);
}

static void long_runs_are_spliced_and_hold_no_pipe_afterwards(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    size_t sent = 0;
    size_t received = 0;
    for (int i = 0; i < 50; i++) {
        sent += fill(s->client_end);
        run(s);
        received += drain(s->server_end);
    }
    run(s);
    received += drain(s->server_end);
    assert_int_equal(received, sent);
    assert_true(counter_read(&s->counters, COUNTER_SPLICES) > 0);
    assert_null(s->relay.in.pipe);
    close_scene(s);
}

static void a_server_that_is_gone_ends_the_relay_with_its_reason(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    assert_int_equal(write(s->client_end, "anyone?", 7), 7);
    close_end(&s->server_end);
    struct relay_result result = run(s);
    assert_int_equal(result.answer, RELAY_FINISHED);
    assert_int_equal(result.reason, REASON_SERVER_RESET);
    close_scene(s);
}

/* One turn in which only the client's events are known yet. */
static struct relay_result run_on_client(struct scene *s)
{
    notice(&s->client);
    s->server.writable = true;
    return relay_run(&s->relay, &s->kit, &s->client, &s->server);
}

static void an_answer_is_delivered_though_the_server_left_and_the_client_speaks_on(void **state)
{
    (void)state;
    struct scene *s = open_tcp_scene();
    assert_int_equal(write(s->server_end, "enough", 6), 6);
    close_end(&s->server_end);
    assert_int_equal(write(s->client_end, "more", 4), 4);
    assert_int_equal(run_on_client(s).answer, RELAY_WAIT); /* this is answered with a reset */
    assert_int_equal(write(s->client_end, "and more", 8), 8);
    assert_int_equal(run_on_client(s).answer, RELAY_WAIT); /* this is dropped */
    struct relay_result result = run(s);
    assert_int_equal(result.answer, RELAY_FINISHED);
    assert_int_equal(result.reason, REASON_SERVER_RESET);
    assert_true(flow_is_whole(&s->relay.out));
    expect_read(s->client_end, "enough");
    close_scene(s);
}

static void what_a_server_said_before_its_reset_is_delivered_and_does_not_look_whole(void **state)
{
    (void)state;
    struct scene *s = open_tcp_scene();
    assert_int_equal(write(s->server_end, "not eno", 7), 7);
    loopback_reset(s->server_end);
    s->server_end = -1;
    assert_int_equal(write(s->client_end, "more", 4), 4);
    struct relay_result result = run_on_client(s);
    assert_int_equal(result.answer, RELAY_FINISHED);
    assert_int_equal(result.reason, REASON_SERVER_RESET);
    assert_false(flow_is_whole(&s->relay.out));
    expect_read(s->client_end, "not eno");
    close_scene(s);
}

static void a_client_that_said_all_and_left_is_delivered_though_the_server_speaks_on(void **state)
{
    (void)state;
    struct scene *s = open_tcp_scene();
    static const char much[60000];
    int little = 4096;
    setsockopt(s->server.source.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    setsockopt(s->server_end, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
    assert_int_equal(write(s->client_end, much, sizeof(much)), sizeof(much));
    close_end(&s->client_end);
    for (int i = 0; i < 2; i++) { /* the first is answered with a reset, the second finds it */
        assert_int_equal(write(s->server_end, "hello", 5), 5);
        assert_int_equal(run(s).answer, RELAY_WAIT);
    }
    assert_true(s->relay.out.unheard);
    struct relay_result result = {.answer = RELAY_WAIT};
    fcntl(s->server_end, F_SETFL, O_NONBLOCK);
    size_t received = 0;
    for (int i = 0; i < 1000 && received < sizeof(much); i++) {
        struct pollfd p = {.fd = s->server_end, .events = POLLIN};
        poll(&p, 1, 100);
        received += drain(s->server_end);
        if (result.answer == RELAY_WAIT)
            result = run(s);
    }
    assert_int_equal(received, sizeof(much));
    assert_int_equal(result.answer, RELAY_FINISHED);
    assert_int_equal(result.reason, REASON_CLIENT_RESET);
    assert_true(flow_is_whole(&s->relay.in));
    close_scene(s);
}

static void a_turn_of_one_relay_is_bounded(void **state)
{
    (void)state;
    struct scene *s = open_scene();
    int most = 4 << 20;
    setsockopt(s->client_end, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
    setsockopt(s->server.source.fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
    size_t sent = fill(s->client_end);
    assert_true(sent > 300 * 1024);
    notice(&s->client);
    notice(&s->server);
    struct relay_result result = relay_run(&s->relay, &s->kit, &s->client, &s->server);
    assert_int_equal(result.answer, RELAY_AGAIN);
    assert_true(s->relay.in.moved < sent);
    close_scene(s);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(an_end_is_passed_on_and_the_other_direction_goes_on),
        cmocka_unit_test(what_was_put_first_arrives_first_and_is_not_counted),
        cmocka_unit_test(a_greeting_that_was_never_sent_is_not_counted_either),
        cmocka_unit_test(a_client_that_breaks_after_its_end_is_noticed),
        cmocka_unit_test(a_receiver_that_does_not_read_stops_the_sender_and_loses_nothing),
        cmocka_unit_test(long_runs_are_spliced_and_hold_no_pipe_afterwards),
        cmocka_unit_test(a_server_that_is_gone_ends_the_relay_with_its_reason),
        cmocka_unit_test(an_answer_is_delivered_though_the_server_left_and_the_client_speaks_on),
        cmocka_unit_test(what_a_server_said_before_its_reset_is_delivered_and_does_not_look_whole),
        cmocka_unit_test(a_client_that_said_all_and_left_is_delivered_though_the_server_speaks_on),
        cmocka_unit_test(a_turn_of_one_relay_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
