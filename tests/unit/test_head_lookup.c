#include "proto/head_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct head head_of(const char *text)
{
    struct head head = {0};
    struct parse_result result = head_read(&head, span_text(text));
    if (result.verdict != PARSE_DONE)
        fail_msg("%s: %s", result.why ? result.why : "not done", text);
    return head;
}

/* Null stands for a span that is not there. */
static void assert_span(struct span s, const char *expected)
{
    if (expected == NULL)
        assert_null(s.data);
    else if (s.data == NULL || !span_equal(s, span_text(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)s.length, s.data ? (const char *)s.data : "", expected);
}

static void a_request_line_has_parts(void **state)
{
    static const struct {
        const char *text, *method, *target, *path, *query, *host;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/", "/", NULL, "h"},
        {"\r\nGET /a/b?c=d?e HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/a/b?c=d?e", "/a/b", "c=d?e", "h"},
        {"get /? HTTP/1.1\r\nHost:\r\n\r\n", "get", "/?", "/", "", ""},
        {"GET //x HTTP/1.0\r\n\r\n", "GET", "//x", "//x", NULL, NULL},
        {"GET http://E.org:80/x?z HTTP/1.1\r\nHost: e.org\r\n\r\n", "GET", "http://E.org:80/x?z", "/x", "z",
         "E.org:80"},
        {"GET http://e.org HTTP/1.0\r\n\r\n", "GET", "http://e.org", "/", NULL, "e.org"},
        {"OPTIONS * HTTP/1.1\r\nHost: h:80\r\n\r\n", "OPTIONS", "*", NULL, NULL, "h:80"},
        {"CONNECT e.org:443 HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT", "e.org:443", NULL, NULL, "e.org:443"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct head head = head_of(rows[i].text);
        struct span bytes = span_text(rows[i].text);
        assert_span(head_method(&head, bytes), rows[i].method);
        assert_span(head_target(&head, bytes), rows[i].target);
        assert_span(head_path(&head, bytes), rows[i].path);
        assert_span(head_query(&head, bytes), rows[i].query);
        assert_span(head_host(&head, bytes), rows[i].host);
    }
}

static void long_names_and_values_are_no_trouble(void **state)
{
    static const size_t lengths[] = {254, 255, 256, 257, 65534, 65535, 65536};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        static uint8_t bytes[3 * 65536];
        struct head head = {0};
        size_t length = (size_t)sprintf((char *)bytes, "GET / HTTP/1.0\r\n");
        memset(bytes + length, 'n', lengths[i]);
        bytes[length + lengths[i]] = ':';
        memset(bytes + length + lengths[i] + 1, 'v', lengths[i]);
        for (size_t k = 0; k < 4; k++)
            bytes[length + 2 * lengths[i] + 1 + k] = "\r\n\r\n"[k];
        struct span all = span_of(bytes, length + 2 * lengths[i] + 5);
        assert_int_equal(head_read(&head, all).verdict, PARSE_DONE);
        struct span name, value;
        uint32_t cursor = 0;
        assert_true(head_next_field(&head, all, &cursor, &name, &value));
        assert_int_equal(name.length, lengths[i]);
        assert_int_equal(value.length, lengths[i]);
        assert_false(head_next_field(&head, all, &cursor, &name, &value));
    }
}

static void fields_are_found_by_name(void **state)
{
    static const char text[] = "GET / HTTP/1.0\r\nA:  one \r\nb:\r\nA: two\r\nAA: three\r\nX:  \t \r\n\r\nA: body\r\n";
    struct head head = head_of(text);
    struct span bytes = span_text(text);
    unsigned count;
    assert_span(head_field(&head, bytes, span_text("a"), &count), "one");
    assert_int_equal(count, 2);
    assert_span(head_field(&head, bytes, span_text("B"), &count), "");
    assert_int_equal(count, 1);
    assert_span(head_field(&head, bytes, span_text("x"), &count), "");
    assert_span(head_field(&head, bytes, span_text("aaa"), &count), NULL);
    assert_int_equal(count, 0);
    assert_span(head_field(&head, bytes, span_text(""), &count), NULL);
    assert_span(head_host(&head, bytes), NULL);
}

static void the_first_cookie_of_a_name_counts(void **state)
{
    static const char text[] = "GET / HTTP/1.0\r\nCookie: a=1; ab=2;b=3;  c=\"x y\"; d; e=; f=g=h; =i\r\n"
                               "X: j=k\r\ncookie: b=4; l=5\r\n\r\n";
    struct head head = head_of(text);
    struct span bytes = span_text(text);
    static const char *const rows[][2] = {{"a", "1"},  {"ab", "2"}, {"b", "3"},   {"c", "\"x y\""},
                                          {"d", NULL}, {"e", ""},   {"f", "g=h"}, {"l", "5"},
                                          {"j", NULL}, {"A", NULL}, {"", "i"},    {"g", NULL}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_span(head_cookie(&head, bytes, span_text(rows[i][0])), rows[i][1]);
}

static void odd_cookies_cost_no_more_than_their_length(void **state)
{
    static const char *const odd[] = {";", "=", ";;a", ",", ":", "", " ", "==", ";=;", "a", "a;", ";a=", " ; ; a"};
    char text[64];
    for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.0\r\nCookie: %s\r\n\r\n", odd[i]);
        struct head head = head_of(text);
        assert_span(head_cookie(&head, span_text(text), span_text("zz")), NULL);
    }
    static char many[10100] = "GET / HTTP/1.0\r\nCookie: ";
    size_t length = strlen(many);
    memset(many + length, ';', 10000);
    strcpy(many + length + 10000, "a=1\r\n\r\n");
    struct head head = {0};
    assert_int_equal(head_read(&head, span_text(many)).verdict, PARSE_DONE);
    assert_span(head_cookie(&head, span_text(many), span_text("a")), "1");
}

static void query_parameters_are_taken_as_they_are_written(void **state)
{
    static const char query[] = "a=1&b=%20+x&ab=2&a=3&&c&d=&=e&f=g=h";
    static const char *const rows[][2] = {{"a", "1"}, {"b", "%20+x"}, {"ab", "2"}, {"c", ""},     {"d", ""},
                                          {"", "e"},  {"f", "g=h"},   {"g", NULL}, {"%61", NULL}, {"A", NULL}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_span(query_parameter(span_text(query), span_text(rows[i][0])), rows[i][1]);
    assert_span(query_parameter(span_of(NULL, 0), span_text("a")), NULL);
    assert_span(query_parameter(span_text(""), span_text("")), NULL);
    assert_span(query_parameter(span_text("&"), span_text("a")), NULL);
}

static void path_segments_are_counted_from_one(void **state)
{
    assert_span(path_segment(span_text("/one/two"), 1), "one");
    assert_span(path_segment(span_text("/one/two"), 2), "two");
    assert_span(path_segment(span_text("/one/two"), 3), NULL);
    assert_span(path_segment(span_text("/one/"), 2), "");
    assert_span(path_segment(span_text("/"), 1), "");
    assert_span(path_segment(span_text("/"), 2), NULL);
    assert_span(path_segment(span_text("//a"), 2), "a");
    assert_span(path_segment(span_of(NULL, 0), 1), NULL);
    assert_span(path_segment(span_text("/a"), 4294967295u), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_line_has_parts),
        cmocka_unit_test(long_names_and_values_are_no_trouble),
        cmocka_unit_test(fields_are_found_by_name),
        cmocka_unit_test(the_first_cookie_of_a_name_counts),
        cmocka_unit_test(odd_cookies_cost_no_more_than_their_length),
        cmocka_unit_test(query_parameters_are_taken_as_they_are_written),
        cmocka_unit_test(path_segments_are_counted_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
