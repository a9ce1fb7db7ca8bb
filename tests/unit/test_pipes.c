#include "carry/pipes.h"

#include "loopback.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct pipes pipes;

static void no_more_pipes_than_allowed_are_open_at_once(void **state)
{
    struct pipe_pair *taken[PIPES_MOST];
    size_t open_before = loopback_open_count();
    pipes_init(&pipes, PIPES_MOST);
    for (size_t i = 0; i < PIPES_MOST; i++) {
        taken[i] = pipes_take(&pipes);
        assert_non_null(taken[i]);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(taken[i], taken[j]);
    }
    assert_null(pipes_take(&pipes));
    assert_int_equal(loopback_open_count(), open_before + (size_t)2 * PIPES_MOST);
    pipes_return(&pipes, taken[3]);
    assert_ptr_equal(pipes_take(&pipes), taken[3]);
    assert_null(pipes_take(&pipes));
    for (size_t i = 0; i < PIPES_MOST; i++)
        pipes_return(&pipes, taken[i]);
    pipes_fini(&pipes);
    assert_int_equal(loopback_open_count(), open_before);
}

static void none_allowed_is_none_given(void **state)
{
    pipes_init(&pipes, 0);
    assert_null(pipes_take(&pipes));
    pipes_fini(&pipes);
}

static void a_returned_pipe_is_used_again(void **state)
{
    pipes_init(&pipes, 2);
    struct pipe_pair *pair = pipes_take(&pipes);
    assert_non_null(pair);
    int read_end = pair->read_end;
    pipes_return(&pipes, pair);
    size_t open_before = loopback_open_count();
    pair = pipes_take(&pipes);
    assert_int_equal(pair->read_end, read_end);
    assert_int_equal(loopback_open_count(), open_before);
    pipes_return(&pipes, pair);
    pipes_fini(&pipes);
}

static void a_pipe_is_large_and_keeps_nobody_waiting(void **state)
{
    static const char bytes[1000];
    char byte;
    pipes_init(&pipes, 1);
    struct pipe_pair *pair = pipes_take(&pipes);
    assert_non_null(pair);
    assert_true(fcntl(pair->read_end, F_GETPIPE_SZ) >= 64 * 1024);
    assert_true(fcntl(pair->read_end, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(read(pair->read_end, &byte, 1), -1);
    size_t put = 0;
    while (write(pair->write_end, bytes, sizeof(bytes)) > 0)
        put += sizeof(bytes);
    assert_true(put > 60000);
    pair->filled = put;
    pipes_return(&pipes, pair);
    pipes_fini(&pipes);
}

static void what_a_dead_connection_left_in_a_pipe_reaches_nobody(void **state)
{
    char byte;
    size_t open_before = loopback_open_count();
    pipes_init(&pipes, 1);
    struct pipe_pair *pair = pipes_take(&pipes);
    assert_non_null(pair);
    assert_int_equal(write(pair->write_end, "secret", 6), 6);
    pair->filled = 6;
    pipes_return(&pipes, pair);
    pair = pipes_take(&pipes);
    assert_non_null(pair);
    assert_int_equal(pair->filled, 0);
    assert_int_equal(read(pair->read_end, &byte, 1), -1);
    pipes_return(&pipes, pair);
    pipes_fini(&pipes);
    assert_int_equal(loopback_open_count(), open_before);
}

static void without_descriptors_there_is_no_pipe_and_no_harm(void **state)
{
    struct rlimit before, low;
    size_t open_before = loopback_open_count();
    pipes_init(&pipes, 4);
    struct pipe_pair *pair = pipes_take(&pipes);
    assert_non_null(pair);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct pipe_pair *second = pipes_take(&pipes);
    pair->filled = 1; /* it must be replaced, and cannot */
    pipes_return(&pipes, pair);
    struct pipe_pair *third = pipes_take(&pipes);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(second);
    assert_null(third);
    pipes_fini(&pipes);
    assert_int_equal(loopback_open_count(), open_before);
}

/* Somebody who has many pipes gets only tiny ones from the kernel (pipe(7), pipe-user-pages-soft): 16,384 pages by
 * default, and 256 of them make the largest pipe that everybody may have. */
static int answer_of_poor_user(void)
{
    if (setresgid(64321, 64321, 64321) < 0 || setresuid(64321, 64321, 64321) < 0)
        return 2;
    for (int i = 0; i < 80; i++) {
        int ends[2];
        if (pipe(ends) < 0)
            return 2;
        if (fcntl(ends[0], F_SETPIPE_SZ, 1 << 20) < 0 && fcntl(ends[0], F_GETPIPE_SZ) < 64 * 1024) {
            size_t open_before = loopback_open_count();
            pipes_init(&pipes, 4);
            return pipes_take(&pipes) == NULL && loopback_open_count() == open_before ? 0 : 1;
        }
    }
    return 2; /* this machine has other limits */
}

static void tiny_pipes_are_refused(void **state)
{
    int status = 0;
    if (geteuid() != 0)
        skip(); /* an ordinary user would take the pipes from the tests beside this one */
    pid_t child = fork();
    if (child == 0)
        _exit(answer_of_poor_user());
    assert_true(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_pipes_than_allowed_are_open_at_once),
        cmocka_unit_test(none_allowed_is_none_given),
        cmocka_unit_test(a_returned_pipe_is_used_again),
        cmocka_unit_test(a_pipe_is_large_and_keeps_nobody_waiting),
        cmocka_unit_test(what_a_dead_connection_left_in_a_pipe_reaches_nobody),
        cmocka_unit_test(without_descriptors_there_is_no_pipe_and_no_harm),
        cmocka_unit_test(tiny_pipes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
