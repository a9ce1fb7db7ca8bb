#include "control/wire.h"

#include "io/fdpass.h"
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int ends[2];
static int fds[WIRE_FDS_MOST];
static size_t count;
static struct wire_message message;
static size_t open_before;

static int start(void **state)
{
    count = 99;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    open_before = loopback_open_count();
    return 0;
}

/* No message leaves a descriptor behind. */
static int stop(void **state)
{
    size_t open_after = loopback_open_count();
    close(ends[0]);
    close(ends[1]);
    return open_after == open_before ? 0 : -1;
}

static int receive(void)
{
    return wire_receive(ends[1], &message, fds, &count);
}

static void messages_arrive_one_by_one(void **state)
{
    assert_int_equal(wire_send(ends[0], WIRE_LISTENER, 7, NULL, 0), 0);
    assert_int_equal(wire_send(ends[0], WIRE_START, 0, NULL, 0), 0);
    assert_int_equal(receive(), 1);
    assert_int_equal(message.kind, WIRE_LISTENER);
    assert_int_equal(message.number, 7);
    assert_int_equal(count, 0);
    assert_int_equal(receive(), 1);
    assert_int_equal(message.kind, WIRE_START);
    assert_int_equal(receive(), -EAGAIN);
}

static void a_listener_of_each_thread_travels_in_one_message(void **state)
{
    int sent[WIRE_FDS_MOST];
    for (size_t i = 0; i < WIRE_FDS_MOST; i++)
        sent[i] = (int)(i % 3);
    assert_int_equal(wire_send(ends[0], WIRE_LISTENER, 1, sent, WIRE_FDS_MOST), 0);
    assert_int_equal(receive(), 1);
    assert_int_equal(count, WIRE_FDS_MOST);
    for (size_t i = 0; i < count; i++) {
        assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        close(fds[i]);
    }
}

static void the_end_of_the_channel_is_told(void **state)
{
    shutdown(ends[0], SHUT_RDWR);
    assert_int_equal(receive(), 0);
    assert_int_equal(count, 0);
    assert_true(wire_send(ends[1], WIRE_READY, 0, NULL, 0) < 0);
}

static void a_message_of_another_size_is_refused_with_its_descriptors(void **state)
{
    static const char longer[sizeof(struct wire_message) + 1];
    assert_int_equal(fdpass_send(ends[0], "x", 1, (int[]){0, 1}, 2), 0);
    assert_int_equal(receive(), -EPROTO);
    assert_int_equal(count, 0);
    assert_int_equal(fdpass_send(ends[0], longer, sizeof(longer), (int[]){0, 1}, 2), 0);
    assert_int_equal(receive(), -EPROTO);
    assert_int_equal(count, 0);
}

static void a_text_travels_with_its_message(void **state)
{
    struct wire_message sent;
    wire_init(&sent, WIRE_ASKS);
    sent.worker = 7;
    sent.seq = UINT64_C(1) << 40;
    sent.length = WIRE_TEXT_MOST;
    memset(sent.text, 'a', WIRE_TEXT_MOST);
    assert_int_equal(wire_send_message(ends[0], &sent, NULL, 0), 0);
    wire_init(&sent, WIRE_SPOKE);
    assert_int_equal(wire_send_message(ends[0], &sent, NULL, 0), 0);
    assert_int_equal(receive(), 1);
    assert_int_equal(message.kind, WIRE_ASKS);
    assert_int_equal(message.worker, 7);
    assert_true(message.seq == UINT64_C(1) << 40);
    assert_int_equal(message.length, WIRE_TEXT_MOST);
    assert_int_equal(strlen(message.text), WIRE_TEXT_MOST);
    assert_int_equal(receive(), 1);
    assert_string_equal(message.text, ""); /* not what was there before */
    assert_int_equal(message.worker, 0);
}

static void a_text_of_another_length_than_it_says_is_refused(void **state)
{
    struct wire_message sent;
    wire_init(&sent, WIRE_ASKS);
    static const uint32_t lies[] = {0, 4, 6, WIRE_TEXT_MOST, WIRE_TEXT_MOST + 1, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LENGTH(lies); i++) {
        sent.length = lies[i];
        size_t size = offsetof(struct wire_message, text) + 5;
        assert_int_equal(fdpass_send(ends[0], &sent, size, (int[]){0}, 1), 0);
        assert_int_equal(receive(), -EPROTO);
        assert_int_equal(count, 0);
    }
}

static void what_is_unpinned_travels_whole(void **state)
{
    struct wire_message sent;
    struct wire_unpin unpin = {.mark = {UINT64_MAX, 1}, .stick = 3}, got;
    wire_init(&sent, WIRE_UNPIN);
    sent.number = 5;
    memcpy(sent.text, &unpin, sizeof(unpin));
    memcpy(sent.text + sizeof(unpin), &unpin, sizeof(unpin));
    sent.length = 2 * sizeof(unpin);
    assert_int_equal(wire_send_message(ends[0], &sent, NULL, 0), 0);
    assert_int_equal(receive(), 1);
    assert_int_equal(message.kind, WIRE_UNPIN);
    assert_int_equal(message.number, 5);
    assert_int_equal(message.length, 2 * sizeof(unpin));
    memcpy(&got, message.text + sizeof(unpin), sizeof(got));
    assert_true(mark_equal(got.mark, unpin.mark));
    assert_int_equal(got.stick, 3);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(messages_arrive_one_by_one),      fresh(a_listener_of_each_thread_travels_in_one_message),
        fresh(the_end_of_the_channel_is_told),  fresh(a_message_of_another_size_is_refused_with_its_descriptors),
        fresh(a_text_travels_with_its_message), fresh(a_text_of_another_length_than_it_says_is_refused),
        fresh(what_is_unpinned_travels_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
