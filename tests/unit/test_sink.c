#include "io/sink.h"

#include "base/clock.h"
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char first_path[80];
static char second_path[80];

static int make_folder(void **state)
{
    snprintf(folder, sizeof(folder), "%s/limpet-sink-XXXXXX", P_tmpdir);
    if (!mkdtemp(folder))
        return -1;
    snprintf(first_path, sizeof(first_path), "%s/first", folder);
    snprintf(second_path, sizeof(second_path), "%s/second", folder);
    return 0;
}

static int remove_folder(void **state)
{
    unlink(first_path);
    unlink(second_path);
    return rmdir(folder);
}

static int open_log(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 4 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (4 << 20) - 1, file) < (4 << 20) - 1);
    fclose(file);
    return text;
}

static int write_number(struct sink *sink, unsigned number)
{
    char line[64];
    int length = snprintf(line, sizeof(line), "line %u of the log\n", number);
    return sink_write(sink, line, (size_t)length);
}

/* The numbers in order, from `next` on; returns the one behind the last. */
static unsigned expect_numbers(const char *text, unsigned next)
{
    while (*text) {
        char line[64];
        int length = snprintf(line, sizeof(line), "line %u of the log\n", next++);
        assert_memory_equal(text, line, (size_t)length);
        text += length;
    }
    return next;
}

/* All that comes out of a pipe, up to the line with this number. */
static char *read_until(int pipe, unsigned number)
{
    char last[64];
    size_t room = 4 << 20, length = 0;
    size_t last_length = (size_t)snprintf(last, sizeof(last), "line %u of the log\n", number);
    char *text = calloc(1, room);
    assert_non_null(text);
    while (length < last_length || strcmp(text + length - last_length, last) != 0) {
        ssize_t more = read(pipe, text + length, room - 1 - length);
        assert_true(more > 0);
        length += (size_t)more;
        text[length] = '\0';
    }
    return text;
}

static void lines_come_out_in_order(void **state)
{
    struct sink *sink = sink_new(open_log(first_path));
    assert_non_null(sink);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(write_number(sink, i), 0);
    sink_free(sink);
    char *text = read_all(first_path);
    assert_int_equal(expect_numbers(text, 0), 5000);
    free(text);
}

static void a_reopened_log_loses_nothing_and_tears_no_line(void **state)
{
    struct sink *sink = sink_new(open_log(first_path));
    assert_non_null(sink);
    for (unsigned i = 0; i < 20000; i++) {
        assert_int_equal(write_number(sink, i), 0);
        if (i % 5000 == 0)
            usleep(10000); /* now and then the thread is in the midst of a write */
        if (i == 10000)
            sink_reopen(sink, open_log(second_path));
    }
    sink_free(sink);
    char *first = read_all(first_path);
    char *second = read_all(second_path);
    unsigned middle = expect_numbers(first, 0);
    assert_in_range(middle, 1, 10001);
    assert_int_equal(expect_numbers(second, middle), 20000);
    free(first);
    free(second);
}

static void a_reopened_log_closes_the_old_file(void **state)
{
    int ends[2];
    char byte;
    size_t open_before = loopback_open_count();
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct sink *sink = sink_new(ends[1]);
    assert_non_null(sink);
    sink_reopen(sink, open_log(first_path));
    assert_int_equal(read(ends[0], &byte, 1), 0);
    sink_free(sink);
    close(ends[0]);
    assert_int_equal(loopback_open_count(), open_before);
}

struct writer {
    struct sink *sink;
    char letter;
    unsigned written;
};

static void *write_lines(void *argument)
{
    struct writer *writer = argument;
    char line[101];
    memset(line, writer->letter, 100);
    line[100] = '\n';
    for (int i = 0; i < 2000; i++)
        if (sink_write(writer->sink, line, sizeof(line)) == 0)
            writer->written++;
    return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
    pthread_t threads[2];
    struct writer writers[2];
    struct sink *sink = sink_new(open_log(first_path));
    assert_non_null(sink);
    for (int i = 0; i < 2; i++) {
        writers[i] = (struct writer){.sink = sink, .letter = "ab"[i]};
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &writers[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    sink_free(sink);

    char *text = read_all(first_path);
    unsigned counts[2] = {0};
    for (const char *line = text; *line; line += 101) {
        assert_int_equal(strspn(line, (char[]){*line, '\0'}), 100);
        assert_int_equal(line[100], '\n');
        counts[*line == 'b']++;
    }
    free(text);
    assert_int_equal(counts[0], writers[0].written);
    assert_int_equal(counts[1], writers[1].written);
    assert_int_equal(counts[0] + counts[1], 4000);
}

/* The reader of a pipe that never reads: 64 KiB are in the pipe, and the thread sits in write(2) with what it took. */
static void a_stuck_reader_holds_up_neither_writers_nor_the_end(void **state)
{
    static char line[10000];
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct sink *sink = sink_new(ends[1]);
    assert_non_null(sink);
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\n';

    micros slowest = 0;
    int taken = 0, dropped = 0;
    for (int i = 0; i < 500; i++) {
        micros before = clock_steady();
        int answer = sink_write(sink, line, sizeof(line));
        micros took = clock_steady() - before;
        slowest = took > slowest ? took : slowest;
        assert_true(answer == 0 || answer == -EAGAIN);
        taken += answer == 0;
        dropped += answer == -EAGAIN;
    }
    assert_in_range(taken, 50, 400);
    assert_true(dropped > 100);
    assert_true(slowest < SECOND_IN_MICROS / 2);

    micros before = clock_steady();
    sink_free(sink);
    assert_in_range(clock_steady() - before, SECOND_IN_MICROS / 2, 3 * SECOND_IN_MICROS);
    /* The read end stays open: the thread sits there until the process ends, as it would in real life. */
}

static void lines_dropped_for_a_slow_reader_leave_the_others_whole(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct sink *sink = sink_new(ends[1]);
    assert_non_null(sink);
    unsigned taken = 0;
    while (write_number(sink, taken) == 0)
        taken++;
    assert_true(taken > 1000);

    char *got = read_until(ends[0], taken - 1);
    assert_int_equal(expect_numbers(got, 0), taken);
    free(got);
    assert_int_equal(write_number(sink, taken), 0);
    sink_free(sink);
    close(ends[0]);
}

/* The failure belongs to lines before; it is told to a later writer, once. */
static int next_failure(struct sink *sink)
{
    for (int i = 0; i < 500; i++) {
        int answer = sink_write(sink, "line\n", 5);
        if (answer != 0)
            return answer;
        usleep(1000);
    }
    return 0;
}

static void a_full_disk_is_told_to_a_writer(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    struct sink *sink = sink_new(full);
    assert_non_null(sink);
    assert_int_equal(next_failure(sink), -ENOSPC);
    assert_int_equal(next_failure(sink), -ENOSPC); /* the next loss is told, too */

    sink_reopen(sink, open_log(first_path)); /* somebody has made room */
    usleep(20000);
    sink_write(sink, "after\n", 6);
    usleep(20000);
    assert_int_equal(sink_write(sink, "all is well\n", 12), 0);
    sink_free(sink);
    char *text = read_all(first_path);
    assert_non_null(strstr(text, "after\nall is well\n"));
    free(text);
}

static void a_reader_that_has_gone_is_told_to_a_writer(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct sink *sink = sink_new(ends[1]);
    assert_non_null(sink);
    close(ends[0]);
    assert_int_equal(next_failure(sink), -EPIPE);
    sink_free(sink);
}

static void a_pipe_that_somebody_made_non_blocking_loses_nothing(void **state)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    struct sink *sink = sink_new(ends[1]);
    assert_non_null(sink);
    unsigned count = 0;
    while (count < 20000 && write_number(sink, count) == 0)
        count++;
    char *got = read_until(ends[0], count - 1);
    assert_int_equal(expect_numbers(got, 0), count);
    free(got);
    sink_free(sink);
    close(ends[0]);
}

static void a_line_that_found_no_room_for_its_end_spoils_no_other(void **state)
{
    struct rlimit before;
    struct rlimit little = {.rlim_cur = 25, .rlim_max = RLIM_INFINITY};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    struct sink *sink = sink_new(open_log(first_path));
    assert_int_equal(sink_write(sink, "first line of all\nsecond line of all\n", 37), 0);
    while (sink_write(sink, "", 0) != -EFBIG)
        usleep(1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(sink_write(sink, "third line of all\n", 18), 0);
    sink_free(sink);
    char *text = read_all(first_path);
    assert_string_equal(text, "first line of all\nsecond \nthird line of all\n");
    free(text);
}

static void no_sink_may_be_freed(void **state)
{
    sink_free(NULL);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        in_folder(lines_come_out_in_order),
        in_folder(a_reopened_log_loses_nothing_and_tears_no_line),
        in_folder(a_reopened_log_closes_the_old_file),
        in_folder(lines_of_several_threads_do_not_mix),
        cmocka_unit_test(lines_dropped_for_a_slow_reader_leave_the_others_whole),
        in_folder(a_full_disk_is_told_to_a_writer),
        cmocka_unit_test(a_reader_that_has_gone_is_told_to_a_writer),
        cmocka_unit_test(a_pipe_that_somebody_made_non_blocking_loses_nothing),
        cmocka_unit_test(no_sink_may_be_freed),
        in_folder(a_line_that_found_no_room_for_its_end_spoils_no_other),
        cmocka_unit_test(a_stuck_reader_holds_up_neither_writers_nor_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
