#include "proto/field.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
    struct parse_result result;
    size_t value_start, value_length;
};

static struct outcome read_in_steps(struct span all, struct span name, size_t step)
{
    struct outcome o = {.result = PARSE_RESULT_MORE};
    struct field_reader reader = {0};
    for (size_t shown = 0; shown < all.length && o.result.verdict == PARSE_MORE;) {
        shown = shown + step < all.length ? shown + step : all.length;
        uint8_t *copy = malloc(shown);
        struct span value;
        memcpy(copy, all.data, shown);
        o.result = field_read(&reader, span_of(copy, shown), name, &value);
        if (o.result.verdict == PARSE_DONE) {
            o.value_start = (size_t)(value.data - copy);
            o.value_length = value.length;
        }
        free(copy);
    }
    return o;
}

static struct outcome read_all_ways(struct span all, const char *name)
{
    struct outcome whole = read_in_steps(all, span_text(name), all.length);
    for (size_t step = 1; step < 6; step++) {
        struct outcome pieces = read_in_steps(all, span_text(name), step);
        assert_int_equal(whole.result.verdict, pieces.result.verdict);
        assert_int_equal(whole.result.used, pieces.result.used);
        assert_int_equal(whole.value_start, pieces.value_start);
        assert_int_equal(whole.value_length, pieces.value_length);
    }
    return whole;
}

static void assert_field(const char *text, const char *name, const char *expected)
{
    struct outcome o = read_all_ways(span_text(text), name);
    if (o.result.verdict != PARSE_DONE)
        fail_msg("not found: %s in %s", name, text);
    if (!span_equal(span_of(text + o.value_start, o.value_length), span_text(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)o.value_length, text + o.value_start, expected);
}

static void a_field_is_found_in_any_text_protocol(void **state)
{
    assert_field("REGISTER sip:x SIP/2.0\r\nVia: y\r\nCall-ID: a84b\r\n\r\n", "call-id", "a84b");
    assert_field("CONNECT\nlogin:me\nhost: h \n\n", "host", "h");
    assert_field("Name:value\n", "NAME", "value");
    assert_field("Subject \t:  lunch\t\r\n", "Subject", "lunch");
    assert_field("a:\r\n", "a", "");
    assert_field("a: b:c\n", "a", "b:c");
    assert_field("a: 1\na: 2\n", "a", "1");
    assert_field("ab: 1\nb: 2\na: 3\n", "a", "3");
    assert_field("x\r\r\na: 3\n", "a", "3");
}

static void a_line_counts_once_its_end_was_seen(void **state)
{
    assert_int_equal(read_all_ways(span_text("a: value"), "a").result.verdict, PARSE_MORE);
    assert_int_equal(read_all_ways(span_text("a: value\r"), "a").result.verdict, PARSE_MORE);
    assert_int_equal(read_all_ways(span_text("x\n"), "a").result.verdict, PARSE_MORE);
    assert_int_equal(read_all_ways(span_text(""), "a").result.verdict, PARSE_MORE);
}

static void the_search_ends_at_an_empty_line_or_a_nul(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } rows[] = {
        {"x\n\na: b\n", 8},   {"x\r\n\r\na: b\r\n", 12}, {"\na: b\n", 6}, {"\r\na: b\n", 7},
        {"x\n\0\na: b\n", 9}, {"a: b\0\n", 6},           {"\0a: b\n", 6}, {"a\0: b\n", 6},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_int_equal(read_all_ways(span_of(rows[i].text, rows[i].length), "a").result.verdict, PARSE_NONE);
}

static void what_only_looks_like_the_field_is_not_it(void **state)
{
    static const char *const texts[] = {"a\n\n",      " a: b\n\n", "\ta: b\n\n", "xa: b\n\n",
                                        "a b: c\n\n", ": a\n\n",   "b: a: c\n\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_int_equal(read_all_ways(span_text(texts[i]), "a").result.verdict, PARSE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_found_in_any_text_protocol),
        cmocka_unit_test(a_line_counts_once_its_end_was_seen),
        cmocka_unit_test(the_search_ends_at_an_empty_line_or_a_nul),
        cmocka_unit_test(what_only_looks_like_the_field_is_not_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
