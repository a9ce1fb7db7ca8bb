#include "io/fdpass.h"

#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static int ends[2];
static size_t open_before;

static int start(void **state)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    open_before = loopback_open_count();
    return 0;
}

/* Whatever was sent, no descriptor is left behind. */
static int stop(void **state)
{
    size_t open_after = loopback_open_count();
    close(ends[0]);
    close(ends[1]);
    return open_after == open_before ? 0 : -1;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(close(fds[i]), 0);
}

static void words_arrive_alone(void **state)
{
    char bytes[16];
    int fds[2];
    size_t count = 99;
    assert_int_equal(fdpass_send(ends[0], "hello", 5, NULL, 0), 0);
    assert_int_equal(fdpass_receive(ends[1], bytes, sizeof(bytes), fds, 2, &count), 5);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(count, 0);
}

static void a_descriptor_leads_to_the_same_file_and_ends_with_exec(void **state)
{
    char bytes[16];
    int pipe_ends[2], fd;
    size_t count;
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
    assert_int_equal(fdpass_send(ends[0], "x", 1, &pipe_ends[1], 1), 0);
    assert_int_equal(fdpass_receive(ends[1], bytes, sizeof(bytes), &fd, 1, &count), 1);
    assert_int_equal(count, 1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fd, "through", 7), 7);
    assert_int_equal(write(pipe_ends[1], "!", 1), 1); /* ours is open still */
    assert_int_equal(read(pipe_ends[0], bytes, sizeof(bytes)), 8);
    assert_memory_equal(bytes, "through!", 8);
    close_all((int[]){fd, pipe_ends[0], pipe_ends[1]}, 3);
}

static void as_many_as_the_kernel_allows_arrive_in_their_order(void **state)
{
    int originals[FDPASS_MOST], fds[FDPASS_MOST];
    char byte;
    size_t count;
    for (size_t i = 0; i < FDPASS_MOST; i++) {
        originals[i] = open(i % 3 ? "/dev/null" : "/dev/zero", O_RDONLY | O_CLOEXEC);
        assert_true(originals[i] >= 0);
    }
    assert_int_equal(fdpass_send(ends[0], "x", 1, originals, FDPASS_MOST), 0);
    assert_int_equal(fdpass_receive(ends[1], &byte, 1, fds, FDPASS_MOST, &count), 1);
    assert_int_equal(count, FDPASS_MOST);
    for (size_t i = 0; i < FDPASS_MOST; i++) {
        struct stat was, is;
        assert_int_equal(fstat(originals[i], &was), 0);
        assert_int_equal(fstat(fds[i], &is), 0);
        assert_int_equal(was.st_rdev, is.st_rdev);
    }
    close_all(originals, FDPASS_MOST);
    close_all(fds, FDPASS_MOST);
}

static void messages_keep_their_bounds_and_their_own_descriptors(void **state)
{
    char bytes[16];
    int fds[4];
    size_t count;
    assert_int_equal(fdpass_send(ends[0], "one", 3, (int[]){0, 1}, 2), 0);
    assert_int_equal(fdpass_send(ends[0], "three", 5, NULL, 0), 0);
    assert_int_equal(fdpass_receive(ends[1], bytes, sizeof(bytes), fds, 4, &count), 3);
    assert_int_equal(count, 2);
    close_all(fds, 2);
    assert_int_equal(fdpass_receive(ends[1], bytes, sizeof(bytes), fds, 4, &count), 5);
    assert_int_equal(count, 0);
}

static void a_message_that_is_cut_short_leaks_no_descriptor(void **state)
{
    char bytes[4];
    int fds[4];
    size_t count = 99;
    assert_int_equal(fdpass_send(ends[0], "longer", 6, (int[]){0, 1, 2}, 3), 0);
    assert_int_equal(fdpass_receive(ends[1], bytes, sizeof(bytes), fds, 4, &count), -EPROTO);
    assert_int_equal(count, 0);
}

static void descriptors_beyond_what_is_asked_for_are_not_leaked(void **state)
{
    char bytes[4];
    int fds[3] = {-1, -1, -1};
    size_t count = 99;
    assert_int_equal(fdpass_send(ends[0], "x", 1, (int[]){0, 1, 2}, 3), 0);
    (void)!fdpass_receive(ends[1], bytes, sizeof(bytes), fds, 1, &count);
    assert_true(count <= 1);
    assert_int_equal(fds[1], -1);
    close_all(fds, count);
}

/* The kernel installs as many as the limit allows, and drops the rest. */
static void descriptors_cut_off_by_the_limit_leave_none_behind(void **state)
{
    struct rlimit before, low;
    char byte;
    int fds[4];
    size_t count = 99;
    assert_int_equal(fdpass_send(ends[0], "x", 1, (int[]){0, 1, 2}, 3), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    int lowest = dup(0);
    close(lowest);
    low.rlim_cur = (rlim_t)lowest + 1; /* room for one */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    ssize_t got = fdpass_receive(ends[1], &byte, 1, fds, 4, &count);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(got, -EPROTO);
    assert_int_equal(count, 0);
}

static void an_empty_channel_says_wait_and_a_closed_one_says_so(void **state)
{
    char byte;
    int fd;
    size_t count = 99;
    assert_int_equal(fdpass_receive(ends[1], &byte, 1, &fd, 1, &count), -EAGAIN);
    assert_int_equal(count, 0);
    shutdown(ends[0], SHUT_RDWR);
    assert_int_equal(fdpass_receive(ends[1], &byte, 1, &fd, 1, &count), 0);
    assert_int_equal(fdpass_send(ends[1], "x", 1, NULL, 0), -EPIPE);
    assert_int_equal(fdpass_send(ends[1], "x", 1, (int[]){-1}, 1), -EBADF);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(words_arrive_alone),
        fresh(a_descriptor_leads_to_the_same_file_and_ends_with_exec),
        fresh(as_many_as_the_kernel_allows_arrive_in_their_order),
        fresh(messages_keep_their_bounds_and_their_own_descriptors),
        fresh(a_message_that_is_cut_short_leaks_no_descriptor),
        fresh(descriptors_beyond_what_is_asked_for_are_not_leaked),
        fresh(descriptors_cut_off_by_the_limit_leave_none_behind),
        fresh(an_empty_channel_says_wait_and_a_closed_one_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
