#include "control/bundle.h"

#include "base/attr.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct bundle bundle;

static int stop(void **state)
{
    bundle_close(&bundle);
    bundle_close(&bundle);
    return 0;
}

static void pack(const struct bundle_file *files, size_t count)
{
    int fd = bundle_pack(files, count);
    assert_true(fd >= 0);
    assert_int_equal(bundle_open(&bundle, fd), 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was closed */
}

static void assert_file(const char *path, const void *text, size_t length)
{
    struct span found;
    assert_int_equal(bundle_read(&bundle, path, &found), 0);
    assert_int_equal(found.length, length);
    if (length > 0)
        assert_memory_equal(found.data, text, length);
}

static void every_file_comes_back_as_it_was(void **state)
{
    const struct bundle_file files[] = {
        {"/etc/limpet.yaml", span_text("listeners: []\n")},
        {"/etc/limpet/trust", span_text("192.0.2.0/24\n")},
        {"-", span_text("x")},
    };
    pack(files, 3);
    for (size_t i = 0; i < 3; i++)
        assert_file(files[i].path, files[i].text.data, files[i].text.length);
}

static void a_file_that_was_not_packed_is_not_there(void **state)
{
    const struct bundle_file files[] = {{"/etc/limpet.yaml", span_text("/etc/limpet/trust")}};
    struct span found;
    pack(files, 1);
    assert_int_equal(bundle_read(&bundle, "/etc/limpet/trust", &found), -ENOENT);
    assert_int_equal(bundle_read(&bundle, "/etc/limpet", &found), -ENOENT);
    assert_int_equal(bundle_read(&bundle, "/etc/limpet.yaml/", &found), -ENOENT);
    assert_int_equal(bundle_read(&bundle, "", &found), -ENOENT);
}

static void an_empty_file_is_there_and_empty(void **state)
{
    const struct bundle_file files[] = {
        {"/empty", span_of(NULL, 0)}, {"/full", span_text("full")}, {"/last", {NULL, 0}}};
    pack(files, 3);
    assert_file("/empty", NULL, 0);
    assert_file("/full", "full", 4);
    assert_file("/last", NULL, 0);
}

static void zero_bytes_are_bytes_like_others(void **state)
{
    static const char bytes[] = "a\0b\0\0";
    const struct bundle_file files[] = {{"/seed", span_of(bytes, 5)}, {"/next", span_text("n")}};
    pack(files, 2);
    assert_file("/seed", bytes, 5);
    assert_file("/next", "n", 1);
}

static void a_large_file_comes_back_whole(void **state)
{
    const size_t length = (size_t)5 << 20;
    char *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 31 >> 3);
    const struct bundle_file files[] = {{"/small", span_text("s")}, {"/large", span_of(bytes, length)}};
    pack(files, 2);
    assert_file("/large", bytes, length);
    free(bytes);
}

static void a_bundle_of_nothing_has_no_file(void **state)
{
    struct span found;
    pack(NULL, 0);
    assert_int_equal(bundle_read(&bundle, "/etc/limpet.yaml", &found), -ENOENT);
}

static void what_is_packed_can_be_changed_by_nobody(void **state)
{
    const struct bundle_file files[] = {{"/file", span_text("text")}};
    int fd = bundle_pack(files, 1);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "X", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void what_is_no_bundle_is_refused(void **state)
{
    assert_int_equal(bundle_open(&bundle, -1), -EBADF);
}

#define fresh(test) cmocka_unit_test_teardown(test, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(every_file_comes_back_as_it_was),         fresh(a_file_that_was_not_packed_is_not_there),
        fresh(an_empty_file_is_there_and_empty),        fresh(zero_bytes_are_bytes_like_others),
        fresh(a_large_file_comes_back_whole),           fresh(a_bundle_of_nothing_has_no_file),
        fresh(what_is_packed_can_be_changed_by_nobody), fresh(what_is_no_bundle_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
