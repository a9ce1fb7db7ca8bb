#include "proto/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What came of a body. */
struct outcome {
    enum chunked_verdict verdict;
    size_t used, length;
    const char *why;
    uint8_t data[256];
};

/* Shows `all`, cut once at `cut` and then in steps of `step`, each in a copy that ends where it ends. */
static struct outcome read_in_pieces(struct span all, size_t cut, size_t step)
{
    struct outcome o = {.verdict = CHUNKED_MORE};
    struct chunked chunked = {0};
    size_t shown = cut;
    while (o.verdict == CHUNKED_MORE || o.verdict == CHUNKED_DATA) {
        size_t length = shown - o.used;
        uint8_t *copy = malloc(length > 0 ? length : 1);
        memcpy(copy, all.data + o.used, length);
        struct chunked_result result = chunked_read(&chunked, span_of(copy, length));
        if (result.verdict == CHUNKED_DATA) {
            assert_true(result.data.length > 0);
            assert_ptr_equal(result.data.data + result.data.length, copy + result.used);
            assert_true(o.length + result.data.length <= sizeof(o.data));
            memcpy(o.data + o.length, result.data.data, result.data.length);
            o.length += result.data.length;
        }
        assert_true(result.used <= length);
        assert_true(result.verdict != CHUNKED_MORE || result.used == length);
        free(copy);
        o.verdict = result.verdict;
        o.used += result.used;
        o.why = result.why;
        if (result.verdict == CHUNKED_MORE && shown == all.length)
            break;
        if (result.verdict == CHUNKED_MORE)
            shown = shown + step < all.length ? shown + step : all.length;
    }
    return o;
}

static struct outcome read_all_ways(struct span all)
{
    struct outcome whole = read_in_pieces(all, all.length, 1);
    for (size_t cut = 0; cut <= all.length + 1; cut++) {
        size_t step = cut > all.length ? 1 : all.length;
        struct outcome o = read_in_pieces(all, cut > all.length ? 0 : cut, step);
        if (o.verdict != whole.verdict || o.used != whole.used || o.why != whole.why || o.length != whole.length ||
            memcmp(o.data, whole.data, o.length) != 0)
            fail_msg("read differently when cut at %zu: %.*s", cut, (int)all.length, (const char *)all.data);
    }
    return whole;
}

static void assert_reads(const char *bytes, const char *data)
{
    struct outcome o = read_all_ways(span_text(bytes));
    if (o.verdict != CHUNKED_LAST || o.length != strlen(data) || memcmp(o.data, data, o.length) != 0)
        fail_msg("verdict %d (%s): %s", o.verdict, o.why ? o.why : "-", bytes);
    assert_int_equal(o.used, strlen(bytes));
}

static void chunks_become_their_data(void **state)
{
    assert_reads("0\r\n", "");
    assert_reads("000000000000000\r\n", "");
    assert_reads("5\r\nhello\r\n0\r\n", "hello");
    assert_reads("1\r\na\r\n2\r\nbc\r\n00003\r\ndef\r\n0\r\n", "abcdef");
    assert_reads("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n", "01234567890123456789");
    assert_reads("2\r\n\r\n\r\n3\r\n0\r\n\r\n0\r\n", "\r\n0\r\n");
    assert_reads("1F\r\n1234567890123456789012345678901\r\n0\r\n", "1234567890123456789012345678901");
}

static void nothing_behind_the_last_chunk_is_touched(void **state)
{
    struct outcome o = read_all_ways(span_text("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n"));
    assert_int_equal(o.verdict, CHUNKED_LAST);
    assert_int_equal(o.used, strlen("1\r\na\r\n0\r\n"));
    struct chunked chunked = {0};
    struct chunked_result result = chunked_read(&chunked, span_text("0\r\nX"));
    assert_int_equal(result.verdict, CHUNKED_LAST);
    result = chunked_read(&chunked, span_text("X"));
    assert_int_equal(result.verdict, CHUNKED_LAST);
    assert_int_equal(result.used, 0);
}

static void every_beginning_waits_for_more(void **state)
{
    static const char all[] = "5;a=b;c=\"d\\\"e\"\r\nhello\r\n0;x\r\n";
    for (size_t length = 0; length < sizeof(all) - 1; length++) {
        struct outcome o = read_all_ways(span_of(all, length));
        assert_int_equal(o.verdict, CHUNKED_MORE);
        assert_int_equal(o.used, length);
    }
}

static void extensions_are_checked_and_dropped(void **state)
{
    assert_reads("1;a\r\nx\r\n0\r\n", "x");
    assert_reads("1;a=b\r\nx\r\n0;c=d;e\r\n", "x");
    assert_reads("1;a=\"\"\r\nx\r\n0\r\n", "x");
    assert_reads("1;a=\"b;c=\\\"\\\\ \t\xff\";d\r\nx\r\n0\r\n", "x");
    static const char *const wrong[] = {
        "1;\r\n",       "1;;a\r\n",      "1;=b\r\n",   "1;a=\r\n",       "1;a=b=c\r\n",  "1;a b\r\n",
        "1; a\r\n",     "1;a =b\r\n",    "1;a= b\r\n", "1;a=\"b\"c\r\n", "1;a=\"\r\n\"", "1;a=\"\n\"\r\n",
        "1;a=\"\\\r\n", "1;a\n",         "1;a\rx",     "1;a=\"\x01\"",   "1;a=\"\x7f\"", "1;\xe4\r\n",
        "1;a=\xe4\r\n", "1;a=b\xe4\r\n", "1;a,b\r\n",  "1;a=b\"c\"\r\n", "1;a\r\r\n",    "1;(\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        if (read_all_ways(span_text(wrong[i])).verdict != CHUNKED_BAD)
            fail_msg("taken: %s", wrong[i]);
}

struct example {
    const char *bytes;
    size_t length;
};
#define EXAMPLE(text)                                                                                                  \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static void malformed_chunks_are_bad(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("\r\n"),
        EXAMPLE("\n"),
        EXAMPLE(";a\r\n"),
        EXAMPLE("0x1\r\n"),
        EXAMPLE("+1\r\n"),
        EXAMPLE("-1\r\n"),
        EXAMPLE(" 1\r\n"),
        EXAMPLE("1 \r\n"),
        EXAMPLE("1\t;a\r\n"),
        EXAMPLE("1_0\r\n"),
        EXAMPLE("1g\r\n"),
        EXAMPLE("1\0\r\n"),
        EXAMPLE("1.0\r\n"),
        EXAMPLE("\xef\xbc\x91\r\n"),
        EXAMPLE("1\n"),
        EXAMPLE("1\rx"),
        EXAMPLE("1\r\r\n"),
        EXAMPLE("7fffffffffffffff\r\n"),
        EXAMPLE("8000000000000000\r\n"),
        EXAMPLE("ffffffffffffffff\r\n"),
        EXAMPLE("0000000000000001\r\n"),
        EXAMPLE("10000000000000001\r\n"),
        EXAMPLE("1\r\nab\r\n"),
        EXAMPLE("1\r\na\n"),
        EXAMPLE("1\r\na\r\r\n"),
        EXAMPLE("1\r\na\rx"),
        EXAMPLE("1\r\naZZ"),
        EXAMPLE("1\r\na0\r\n"),
        EXAMPLE("1\r\na\r\n\r\n"),
        EXAMPLE("1\r\n\r\n0\r\n"),
        EXAMPLE("0\n"),
        EXAMPLE("0\r\r"),
        EXAMPLE("00x\r\n"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(examples); i++) {
        struct outcome o = read_all_ways(span_of(examples[i].bytes, examples[i].length));
        if (o.verdict != CHUNKED_BAD || o.why == NULL)
            fail_msg("verdict %d: %s", o.verdict, examples[i].bytes);
    }
}

/* CVE-2013-2028 and its like: sizes at the edges of numbers are sizes, and nothing wraps. */
static void big_chunks_are_as_big_as_they_say(void **state)
{
    static const char *const sizes[] = {"7fffffff", "80000000", "ffffffff", "100000000", "fffffffffffffff"};
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        struct chunked chunked = {0};
        char bytes[64];
        snprintf(bytes, sizeof(bytes), "%s\r\nabc", sizes[i]);
        struct chunked_result result = chunked_read(&chunked, span_text(bytes));
        assert_int_equal(result.verdict, CHUNKED_DATA);
        assert_int_equal(result.data.length, 3);
        assert_int_equal(chunked.left, strtoull(sizes[i], NULL, 16) - 3);
    }
}

static enum chunked_verdict read_extension_of(struct chunked *chunked, size_t length)
{
    char bytes[2048] = "1;";
    memset(bytes + 2, 'a', length - 1);
    strcpy(bytes + 1 + length, "\r\nx\r\n");
    struct span all = span_text(bytes);
    struct chunked_result result = {.verdict = CHUNKED_DATA};
    while (result.verdict == CHUNKED_DATA) {
        result = chunked_read(chunked, all);
        all = span_part(all, result.used, all.length - result.used);
    }
    return result.verdict;
}

static void extensions_have_limits(void **state)
{
    struct chunked chunked = {0};
    assert_int_equal(read_extension_of(&chunked, 1023), CHUNKED_MORE);
    chunked = (struct chunked){0};
    assert_int_equal(read_extension_of(&chunked, 1025), CHUNKED_BAD);
    chunked = (struct chunked){0};
    for (int i = 0; i < 160; i++)
        assert_int_equal(read_extension_of(&chunked, 100), CHUNKED_MORE);
    for (int i = 0; i < 5; i++)
        if (read_extension_of(&chunked, 100) == CHUNKED_BAD)
            return;
    fail_msg("more than 16 KiB of extensions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_become_their_data),       cmocka_unit_test(nothing_behind_the_last_chunk_is_touched),
        cmocka_unit_test(every_beginning_waits_for_more), cmocka_unit_test(extensions_are_checked_and_dropped),
        cmocka_unit_test(malformed_chunks_are_bad),       cmocka_unit_test(big_chunks_are_as_big_as_they_say),
        cmocka_unit_test(extensions_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
