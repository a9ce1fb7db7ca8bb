/* Streams over Unix and TCP sockets: the test is the peer. */

#include "io/stream.h"

#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct stream stream;
static int peer;
static uint8_t scratch[16384];

static void nobody(struct loop_source *source, uint32_t events)
{
}

static int open_unix(void **state)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
        return -1;
    stream_init(&stream, ends[0], true, nobody);
    peer = ends[1];
    return 0;
}

static int open_tcp(void **state)
{
    int accepted;
    loopback_pair(&peer, &accepted);
    stream_init(&stream, accepted, false, nobody);
    return 0;
}

static int close_both(void **state)
{
    stream_close(&stream, false);
    if (peer >= 0)
        close(peer);
    return 0;
}

static void close_peer(void)
{
    close(peer);
    peer = -1;
}

static void send_words(const char *words)
{
    assert_int_equal(write(peer, words, strlen(words)), strlen(words));
}

/* Loopback is quick, but not at once. */
static void wait_for(short events)
{
    struct pollfd p = {.fd = stream.source.fd, .events = events};
    assert_int_equal(poll(&p, 1, 5000), 1);
}

static void assert_peek(const char *expected)
{
    struct span seen;
    assert_int_equal(stream_peek(&stream, scratch, sizeof(scratch), &seen), strlen(expected));
    assert_int_equal(seen.length, strlen(expected));
    assert_memory_equal(seen.data, expected, seen.length);
}

static void hold(void)
{
    assert_true(stream_hold(&stream, sizeof(scratch)));
}

static void assert_read(const char *expected)
{
    char bytes[256];
    assert_int_equal(stream_read(&stream, bytes, sizeof(bytes)), strlen(expected));
    assert_memory_equal(bytes, expected, strlen(expected));
}

/* A Unix socket shows no more than 278 one-byte writes to MSG_PEEK with common buffer sizes. */
static void thousands_of_tiny_writes_are_all_seen_on_a_unix_socket(void **state)
{
    static char sent[5000];
    struct span seen = {0};
    hold();
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (char)('a' + i % 26);
        assert_int_equal(write(peer, &sent[i], 1), 1);
        if (i % 100 == 99)
            assert_int_equal(stream_peek(&stream, scratch, sizeof(scratch), &seen), i + 1);
    }
    assert_memory_equal(seen.data, sent, sizeof(sent));

    static char got[sizeof(sent)];
    assert_int_equal(stream_read(&stream, got, sizeof(got)), sizeof(got));
    assert_memory_equal(got, sent, sizeof(sent));
    assert_int_equal(stream_read(&stream, got, sizeof(got)), -EAGAIN);
}

static void only_bytes_that_are_not_enough_are_held(void **state)
{
    send_words("whole");
    assert_peek("whole");
    assert_null(stream.held);
    assert_true(stream_hold(&stream, sizeof(scratch)));
    assert_peek("whole");
    assert_non_null(stream.held);
    assert_false(stream_hold(&stream, sizeof(scratch)));
}

static void nothing_is_ever_held_of_a_tcp_stream(void **state)
{
    send_words("part");
    wait_for(POLLIN);
    assert_peek("part");
    assert_false(stream_hold(&stream, sizeof(scratch)));
    assert_null(stream.held);
}

static void peeking_takes_nothing(void **state)
{
    send_words("hello");
    wait_for(POLLIN);
    assert_peek("hello");
    assert_peek("hello");
    assert_read("hello");
}

static void what_is_taken_is_gone_and_the_rest_stays(void **state)
{
    send_words("PROXY line, then");
    wait_for(POLLIN);
    assert_peek("PROXY line, then");
    assert_int_equal(stream_take(&stream, 6), 0);
    assert_peek("line, then");
    assert_int_equal(stream_take(&stream, 10), 0);
    send_words(" more");
    wait_for(POLLIN);
    assert_peek(" more");
    assert_int_equal(stream_take(&stream, 1), 0);
    assert_read("more");
}

static void more_than_a_few_bytes_can_be_taken_at_once(void **state)
{
    static char words[3000];
    memset(words, 'x', sizeof(words) - 2);
    words[sizeof(words) - 2] = '!';
    send_words(words);
    wait_for(POLLIN);
    assert_peek(words);
    assert_int_equal(stream_take(&stream, sizeof(words) - 2), 0);
    assert_read("!");
}

static void held_bytes_are_read_first_and_in_order(void **state)
{
    char byte;
    send_words("one ");
    hold();
    assert_peek("one ");
    send_words("two");
    assert_int_equal(stream_read(&stream, &byte, 1), 1);
    assert_int_equal(byte, 'o');
    assert_read("ne ");
    assert_read("two");
}

static void bytes_that_came_before_the_end_are_seen_with_it(void **state)
{
    struct span seen;
    send_words("last");
    close_peer();
    wait_for(POLLIN);
    assert_peek("last");
    assert_peek("last");
    assert_int_equal(stream_take(&stream, 4), 0);
    assert_int_equal(stream_peek(&stream, scratch, sizeof(scratch), &seen), 0);
    assert_int_equal(seen.length, 0);
    assert_int_equal(stream_read(&stream, scratch, sizeof(scratch)), 0);
}

static void peeking_at_nothing_says_wait(void **state)
{
    struct span seen;
    assert_int_equal(stream_peek(&stream, scratch, sizeof(scratch), &seen), -EAGAIN);
    assert_int_equal(seen.length, 0);
}

static void the_end_behind_held_bytes_is_remembered(void **state)
{
    send_words("last");
    close_peer();
    hold();
    assert_peek("last");
    assert_true(stream.hung_up);
    assert_true(stream.readable);
}

static void a_full_look_leaves_the_rest_for_reading(void **state)
{
    static char words[1001];
    struct span seen;
    memset(words, 'x', sizeof(words) - 1);
    send_words(words);
    assert_true(stream_hold(&stream, 100));
    assert_int_equal(stream_peek(&stream, scratch, 100, &seen), 100);
    assert_int_equal(seen.length, 100);
    assert_true(stream.readable);
    static char got[2000];
    assert_int_equal(stream_read(&stream, got, sizeof(got)), 100);
    assert_int_equal(stream_read(&stream, got, sizeof(got)), 900);
}

static void once_the_held_bytes_are_read_the_rest_may_be_spliced(void **state)
{
    int ends[2];
    char bytes[16];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    send_words("held");
    hold();
    assert_peek("held");
    assert_non_null(stream.held);
    assert_read("held");
    assert_null(stream.held);
    send_words("spliced");
    assert_int_equal(stream_splice_to_pipe(&stream, ends[1], 4096), 7);
    assert_int_equal(read(ends[0], bytes, sizeof(bytes)), 7);
    assert_memory_equal(bytes, "spliced", 7);
    assert_int_equal(stream_splice_to_pipe(&stream, ends[1], 4096), -EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

static void bytes_of_a_pipe_are_spliced_to_the_peer(void **state)
{
    int ends[2];
    char bytes[16];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], "answer", 6), 6);
    assert_int_equal(stream_splice_from_pipe(&stream, ends[0], 6), 6);
    assert_int_equal(read(peer, bytes, sizeof(bytes)), 6);
    assert_memory_equal(bytes, "answer", 6);
    close(ends[0]);
    close(ends[1]);
}

static void assert_noticed(uint32_t events, bool readable, bool writable, bool hung_up, bool broken)
{
    stream.readable = stream.writable = stream.hung_up = stream.broken = stream.urgent = false;
    stream_notice(&stream, events);
    assert_int_equal(stream.readable, readable);
    assert_int_equal(stream.writable, writable);
    assert_int_equal(stream.hung_up, hung_up);
    assert_int_equal(stream.broken, broken);
    assert_int_equal(stream.urgent, (events & EPOLLPRI) != 0);
}

static void events_say_what_is_worth_trying(void **state)
{
    assert_noticed(0, false, false, false, false);
    assert_noticed(EPOLLIN, true, false, false, false);
    assert_noticed(EPOLLOUT, false, true, false, false);
    assert_noticed(EPOLLPRI, true, false, false, false);
    assert_noticed(EPOLLIN | EPOLLRDHUP, true, false, true, false);
    assert_noticed(EPOLLHUP, true, true, true, true);
    assert_noticed(EPOLLERR, true, true, true, true);
}

static void a_unix_peer_that_closes_has_broken_nothing(void **state)
{
    assert_noticed(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP, true, true, true, false);
}

static void what_was_noticed_once_stays_until_the_kernel_has_no_more(void **state)
{
    stream_notice(&stream, EPOLLIN | EPOLLOUT);
    stream_notice(&stream, EPOLLOUT);
    assert_true(stream.readable);
    send_words("x");
    wait_for(POLLIN);
    assert_read("x");
    assert_int_equal(stream_read(&stream, scratch, 1), -EAGAIN);
    assert_false(stream.readable);
    assert_true(stream.writable);
}

static void a_full_buffer_stops_writing_until_the_next_event(void **state)
{
    static const char words[65536];
    stream_notice(&stream, EPOLLOUT);
    ssize_t put;
    while ((put = stream_write(&stream, words, sizeof(words))) == sizeof(words))
        assert_true(stream.writable);
    if (put > 0)
        assert_false(stream.writable);
    assert_int_equal(stream_write(&stream, words, sizeof(words)), -EAGAIN);
    assert_false(stream.writable);
    assert_true(stream_unsent(&stream) > 0);
}

static void urgent_data_hides_no_byte_behind_it(void **state)
{
    char bytes[16];
    size_t length = 0;
    send_words("before");
    assert_int_equal(send(peer, "!", 1, MSG_OOB), 1);
    send_words("behind");
    shutdown(peer, SHUT_WR);
    struct pollfd p = {.fd = stream.source.fd, .events = POLLIN | POLLPRI | POLLRDHUP};
    do
        assert_int_equal(poll(&p, 1, 5000), 1);
    while (!(p.revents & POLLPRI) || !(p.revents & POLLRDHUP));
    stream_notice(&stream, EPOLLIN | EPOLLPRI);
    assert_true(stream.urgent);
    while (stream.readable) {
        ssize_t got = stream_read(&stream, bytes + length, sizeof(bytes) - length);
        assert_true(got >= 0);
        if (got == 0)
            break;
        length += (size_t)got;
    }
    assert_int_equal(length, 12);
    assert_memory_equal(bytes, "beforebehind", 12);
}

static int low_water(void)
{
    int least = 0;
    socklen_t length = sizeof(least);
    assert_int_equal(getsockopt(stream.source.fd, SOL_SOCKET, SO_RCVLOWAT, &least, &length), 0);
    return least;
}

static void fewer_bytes_than_wanted_wake_nobody_but_the_end_does(void **state)
{
    struct pollfd p = {.fd = stream.source.fd, .events = POLLIN};
    stream_want(&stream, 10);
    send_words("123");
    assert_int_equal(poll(&p, 1, 20), 0);
    send_words("4567890");
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_read("1234567890");
    send_words("x");
    assert_int_equal(poll(&p, 1, 20), 0);
    shutdown(peer, SHUT_WR);
    assert_int_equal(poll(&p, 1, 5000), 1);
    stream_want(&stream, 1);
    assert_int_equal(low_water(), 1);
}

static void a_shutdown_ends_one_direction_only(void **state)
{
    char byte;
    stream_shutdown(&stream);
    assert_int_equal(recv(peer, &byte, 1, 0), 0);
    send_words("still");
    wait_for(POLLIN);
    assert_read("still");
}

static void the_peer_sees_a_reset_where_one_is_wanted_and_an_end_where_not(void **state)
{
    char byte;
    assert_int_equal(stream_error(&stream), 0);
    stream_close(&stream, *state != NULL);
    assert_false(stream_is_open(&stream));
    stream_close(&stream, true);
    ssize_t got = recv(peer, &byte, 1, 0);
    if (*state == NULL)
        assert_int_equal(got, 0);
    else
        assert_true(got < 0 && errno == ECONNRESET);
}

static int open_for_reset(void **state)
{
    *state = &stream;
    return open_tcp(state);
}

static void the_error_of_a_reset_is_told_once(void **state)
{
    loopback_reset(peer);
    peer = -1;
    wait_for(POLLIN);
    assert_int_equal(stream_error(&stream), -ECONNRESET);
    assert_int_equal(stream_error(&stream), 0);
}

static void writing_to_nobody_is_an_error_and_no_signal(void **state)
{
    close_peer();
    assert_int_equal(stream_write(&stream, "x", 1), -EPIPE);
}

static void held_bytes_go_with_the_stream(void **state)
{
    send_words("held");
    hold();
    assert_peek("held");
    stream_close(&stream, false);
    assert_null(stream.held);
}

#define on_unix(test)                                                                                                  \
    {                                                                                                                  \
#test " (Unix)", test, open_unix, close_both, NULL                                                             \
    }
#define on_tcp(test)                                                                                                   \
    {                                                                                                                  \
#test " (TCP)", test, open_tcp, close_both, NULL                                                               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_unix(thousands_of_tiny_writes_are_all_seen_on_a_unix_socket),
        on_unix(only_bytes_that_are_not_enough_are_held),
        on_tcp(nothing_is_ever_held_of_a_tcp_stream),
        on_unix(peeking_takes_nothing),
        on_tcp(peeking_takes_nothing),
        on_unix(what_is_taken_is_gone_and_the_rest_stays),
        on_tcp(what_is_taken_is_gone_and_the_rest_stays),
        on_tcp(more_than_a_few_bytes_can_be_taken_at_once),
        on_unix(held_bytes_are_read_first_and_in_order),
        on_unix(bytes_that_came_before_the_end_are_seen_with_it),
        on_tcp(bytes_that_came_before_the_end_are_seen_with_it),
        on_unix(peeking_at_nothing_says_wait),
        on_tcp(peeking_at_nothing_says_wait),
        on_unix(the_end_behind_held_bytes_is_remembered),
        on_unix(a_full_look_leaves_the_rest_for_reading),
        on_unix(once_the_held_bytes_are_read_the_rest_may_be_spliced),
        on_unix(bytes_of_a_pipe_are_spliced_to_the_peer),
        on_tcp(events_say_what_is_worth_trying),
        on_unix(a_unix_peer_that_closes_has_broken_nothing),
        on_tcp(what_was_noticed_once_stays_until_the_kernel_has_no_more),
        on_unix(what_was_noticed_once_stays_until_the_kernel_has_no_more),
        on_tcp(a_full_buffer_stops_writing_until_the_next_event),
        on_unix(a_full_buffer_stops_writing_until_the_next_event),
        on_tcp(urgent_data_hides_no_byte_behind_it),
        on_tcp(fewer_bytes_than_wanted_wake_nobody_but_the_end_does),
        on_tcp(a_shutdown_ends_one_direction_only),
        on_unix(a_shutdown_ends_one_direction_only),
        on_tcp(the_peer_sees_a_reset_where_one_is_wanted_and_an_end_where_not),
        cmocka_unit_test_setup_teardown(the_peer_sees_a_reset_where_one_is_wanted_and_an_end_where_not, open_for_reset,
                                        close_both),
        on_tcp(the_error_of_a_reset_is_told_once),
        on_unix(writing_to_nobody_is_an_error_and_no_signal),
        on_unix(held_bytes_go_with_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
