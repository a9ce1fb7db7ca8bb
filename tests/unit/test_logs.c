/* The log files, as the keeper holds them. */

#include "control/logs.h"

#include "base/log.h"
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64];
static char access_path[96];
static char errors_path[96];
static char moved_path[96];
static struct plan_log plan;
static struct logs logs;
static size_t open_before;
static int log_lines;

static void count_lines(void *context, const char *line, size_t length)
{
    log_lines++;
}

static int start(void **state)
{
    log_lines = 0;
    snprintf(folder, sizeof(folder), "%s/limpet-logs-XXXXXX", P_tmpdir);
    if (!mkdtemp(folder))
        return -1;
    snprintf(access_path, sizeof(access_path), "%s/access", folder);
    snprintf(errors_path, sizeof(errors_path), "%s/errors", folder);
    snprintf(moved_path, sizeof(moved_path), "%s/moved", folder);
    plan = (struct plan_log){.access = access_path, .errors = errors_path};
    open_before = loopback_open_count();
    log_set_writer(count_lines, NULL);
    return 0;
}

static int stop(void **state)
{
    logs_close(&logs);
    logs_close(&logs);
    log_set_stamped(false);
    unlink(access_path);
    unlink(errors_path);
    unlink(moved_path);
    return rmdir(folder) == 0 && loopback_open_count() == open_before ? 0 : -1;
}

static const char *text_of(const char *path)
{
    static char text[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    text[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

static void files_are_opened_and_opened_again_by_their_names(void **state)
{
    assert_int_equal(logs_open(&logs, &plan), 0);
    log_put(logs.access, "one\n", 4);
    assert_int_equal(rename(access_path, moved_path), 0);
    log_put(logs.access, "two\n", 4);
    logs_reopen(&logs);
    log_put(logs.access, "three\n", 6);
    assert_string_equal(text_of(moved_path), "one\ntwo\n");
    assert_string_equal(text_of(access_path), "three\n");
    assert_int_equal(log_lines, 0);
}

static void what_cannot_be_opened_again_stays_as_it_is(void **state)
{
    assert_int_equal(logs_open(&logs, &plan), 0);
    assert_int_equal(rename(access_path, moved_path), 0);
    assert_int_equal(mkdir(access_path, 0700), 0);
    logs_reopen(&logs);
    log_put(logs.access, "still\n", 6);
    assert_string_equal(text_of(moved_path), "still\n");
    assert_true(log_lines > 0);
    assert_int_equal(rmdir(access_path), 0);
}

static void what_cannot_be_opened_is_told(void **state)
{
    plan.errors = "/nowhere/at/all";
    assert_true(logs_open(&logs, &plan) < 0);
    assert_int_equal(log_lines, 1);
}

static void streams_are_our_own_and_off_is_none(void **state)
{
    plan = (struct plan_log){.access = "off", .errors = "stderr"};
    assert_int_equal(logs_open(&logs, &plan), 0);
    assert_int_equal(logs.access, -1);
    struct stat here, there;
    assert_int_equal(fstat(logs.errors, &here), 0);
    assert_int_equal(fstat(STDERR_FILENO, &there), 0);
    assert_true(here.st_ino == there.st_ino && logs.errors != STDERR_FILENO);
    logs_reopen(&logs);
    assert_int_equal(logs.access, -1);
    assert_true(logs.errors >= 0);
    assert_int_equal(loopback_open_count(), open_before + 1);
}

static void the_keepers_own_messages_go_to_a_file_with_the_time(void **state)
{
    assert_int_equal(logs_open(&logs, &plan), 0);
    logs_use(&logs);
    log_notice("hello");
    assert_non_null(strstr(text_of(errors_path), "hello\n"));
    assert_true(text_of(errors_path)[0] == '2'); /* the year */
    assert_int_equal(rename(errors_path, moved_path), 0);
    logs_reopen(&logs);
    log_notice("again");
    assert_non_null(strstr(text_of(errors_path), "again\n"));
    assert_int_equal(log_lines, 0);
}

static void without_a_file_they_stay_where_they_went(void **state)
{
    plan.errors = "stderr";
    assert_int_equal(logs_open(&logs, &plan), 0);
    logs_use(&logs);
    log_notice("hello");
    assert_int_equal(log_lines, 1);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(files_are_opened_and_opened_again_by_their_names),
        fresh(what_cannot_be_opened_again_stays_as_it_is),
        fresh(what_cannot_be_opened_is_told),
        fresh(streams_are_our_own_and_off_is_none),
        fresh(the_keepers_own_messages_go_to_a_file_with_the_time),
        fresh(without_a_file_they_stay_where_they_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
