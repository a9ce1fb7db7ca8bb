#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_text_grows_piece_by_piece(void **state)
{
    char buffer[64];
    struct text t;
    text_init(&t, buffer, sizeof(buffer));
    assert_string_equal(t.data, "");
    text_add(&t, "a=");
    text_add_unsigned(&t, 0);
    text_add_char(&t, ' ');
    text_add_unsigned(&t, UINT64_MAX);
    text_add_format(&t, " %s-%d ", "x", -5);
    text_add_hex(&t, "\x00\xaf", 2);
    text_add_bytes(&t, NULL, 0);
    assert_string_equal(t.data, "a=0 18446744073709551615 x--5 00af");
    assert_int_equal(t.length, strlen(t.data));
    assert_false(t.cut);
}

/* Fills buffers of every size on the heap, where the sanitizer sees the first byte too far. */
static void assert_cut_cleanly(void (*fill)(struct text *t))
{
    char whole[256];
    struct text t;
    text_init(&t, whole, sizeof(whole));
    fill(&t);
    assert_false(t.cut);
    size_t length = t.length;
    for (size_t capacity = 1; capacity <= length + 2; capacity++) {
        char *buffer = malloc(capacity);
        text_init(&t, buffer, capacity);
        fill(&t);
        size_t expected = capacity - 1 < length ? capacity - 1 : length;
        assert_int_equal(t.length, expected);
        assert_int_equal(t.cut, capacity - 1 < length);
        assert_memory_equal(buffer, whole, expected);
        assert_int_equal(buffer[expected], '\0');
        free(buffer);
    }
}

static void fill_plainly(struct text *t)
{
    text_add(t, "words ");
    text_add_char(t, 'c');
    text_add_bytes(t, "bytes", 5);
    text_add_unsigned(t, 1234567890);
    text_add_hex(t, "hex", 3);
}

static void fill_formatted(struct text *t)
{
    text_add_format(t, "%s", "one");
    text_add_format(t, "%d", 23456);
    text_add_format(t, "%s", "");
    text_add_format(t, "%s", "seven");
}

static void what_does_not_fit_is_cut_and_remembered(void **state)
{
    assert_cut_cleanly(fill_plainly);
    assert_cut_cleanly(fill_formatted);
}

static void assert_escaped(const char *bytes, size_t length, const char *expected)
{
    char buffer[256];
    struct text t;
    text_init(&t, buffer, sizeof(buffer));
    text_add_escaped(&t, span_of(bytes, length));
    assert_string_equal(buffer, expected);
}

static void a_log_word_has_visible_ascii_only(void **state)
{
    assert_escaped("", 0, "");
    assert_escaped("Az09!~[]", 8, "Az09!~[]");
    assert_escaped("a b\"c\\d", 7, "a\\x20b\\x22c\\x5cd");
    assert_escaped("\0\t\r\n\x1b[1m\x7f", 9, "\\x00\\x09\\x0d\\x0a\\x1b[1m\\x7f");
    assert_escaped("\xc3\xa4\xff", 3, "\\xc3\\xa4\\xff");
}

static void every_byte_is_escaped_to_one_log_word(void **state)
{
    for (int byte = 0; byte < 256; byte++) {
        char buffer[8], one = (char)byte;
        struct text t;
        text_init(&t, buffer, sizeof(buffer));
        text_add_escaped(&t, span_of(&one, 1));
        assert_true(t.length == 1 || t.length == 4);
        for (size_t i = 0; i < t.length; i++)
            assert_in_range((uint8_t)buffer[i], '!', '~');
    }
}

static void assert_json(const char *bytes, size_t length, const char *expected)
{
    char buffer[256];
    struct text t;
    char *copy = malloc(length + 1);
    memcpy(copy, bytes, length);
    copy = realloc(copy, length > 0 ? length : 1);
    text_init(&t, buffer, sizeof(buffer));
    text_add_json(&t, span_of(copy, length));
    free(copy);
    if (strcmp(buffer, expected) != 0)
        fail_msg("%s instead of %s", buffer, expected);
}
#define ASSERT_JSON(bytes, expected) assert_json(bytes, sizeof(bytes) - 1, expected)

static void json_strings_escape_what_they_must(void **state)
{
    ASSERT_JSON("", "\"\"");
    ASSERT_JSON("a b/'", "\"a b/'\"");
    ASSERT_JSON("\"\\", "\"\\\"\\\\\"");
    ASSERT_JSON("\0\n\r\t\x1b\x1f\x7f", "\"\\u0000\\u000a\\u000d\\u0009\\u001b\\u001f\\u007f\"");
}

static void valid_utf8_stays_in_json(void **state)
{
    ASSERT_JSON("\xc2\x80", "\"\xc2\x80\"");
    ASSERT_JSON("\xdf\xbf", "\"\xdf\xbf\"");
    ASSERT_JSON("\xe0\xa0\x80", "\"\xe0\xa0\x80\"");
    ASSERT_JSON("\xed\x9f\xbf", "\"\xed\x9f\xbf\"");
    ASSERT_JSON("\xee\x80\x80", "\"\xee\x80\x80\"");
    ASSERT_JSON("\xef\xbf\xbf", "\"\xef\xbf\xbf\"");
    ASSERT_JSON("\xf0\x90\x80\x80", "\"\xf0\x90\x80\x80\"");
    ASSERT_JSON("\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"");
}

static void other_bytes_become_escapes_in_json(void **state)
{
    ASSERT_JSON("\x80", "\"\\u0080\"");
    ASSERT_JSON("\xff", "\"\\u00ff\"");
    ASSERT_JSON("\xc0\x80", "\"\\u00c0\\u0080\"");
    ASSERT_JSON("\xc1\xbf", "\"\\u00c1\\u00bf\"");
    ASSERT_JSON("\xe0\x9f\xbf", "\"\\u00e0\\u009f\\u00bf\"");
    ASSERT_JSON("\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\"");
    ASSERT_JSON("\xf0\x8f\xbf\xbf", "\"\\u00f0\\u008f\\u00bf\\u00bf\"");
    ASSERT_JSON("\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\"");
    ASSERT_JSON("\xf5\x80\x80\x80", "\"\\u00f5\\u0080\\u0080\\u0080\"");
    ASSERT_JSON("\xc3"
                "a",
                "\"\\u00c3a\"");
    ASSERT_JSON("\xe2\x82", "\"\\u00e2\\u0082\"");
    ASSERT_JSON("\xe2\x82\"", "\"\\u00e2\\u0082\\\"\"");
    ASSERT_JSON("\xf0\x90\x80", "\"\\u00f0\\u0090\\u0080\"");
    ASSERT_JSON("\xc3", "\"\\u00c3\"");
}

static void labels_escape_what_they_must(void **state)
{
    char buffer[64];
    struct text text;
    text_init(&text, buffer, sizeof(buffer));
    text_add_label(&text, span_text("a b\"c\\d\ne\x01{}=,\xc3\xa9\xff"));
    assert_string_equal(buffer, "\"a b\\\"c\\\\d\\ne\x01{}=,\xc3\xa9\xef\xbf\xbd\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_piece_by_piece),        cmocka_unit_test(what_does_not_fit_is_cut_and_remembered),
        cmocka_unit_test(a_log_word_has_visible_ascii_only),  cmocka_unit_test(every_byte_is_escaped_to_one_log_word),
        cmocka_unit_test(json_strings_escape_what_they_must), cmocka_unit_test(valid_utf8_stays_in_json),
        cmocka_unit_test(other_bytes_become_escapes_in_json), cmocka_unit_test(labels_escape_what_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
