#include "proto/forwarded.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef enum forwarded_verdict last_function(struct span *list, struct endpoint *address);

/* Walks the list from the right and writes what it meets: "3.3.3.3 ? 1.1.1.1". */
static void walk(last_function *last, const char *text, char *met, size_t size)
{
    struct span source = span_text(text);
    uint8_t *copy = malloc(source.length + 1);
    memcpy(copy, source.data, source.length);
    struct span list = span_of(copy, source.length);
    struct endpoint e;
    enum forwarded_verdict verdict;
    met[0] = '\0';
    while ((verdict = last(&list, &e)) != FORWARDED_END) {
        char word[ENDPOINT_TEXT_SIZE] = "?";
        if (verdict == FORWARDED_ADDRESS)
            endpoint_text(&e, word);
        size_t used = strlen(met);
        snprintf(met + used, size - used, "%s%s", used > 0 ? " " : "", word);
    }
    free(copy);
}

static void assert_walk(last_function *last, const char *text, const char *expected)
{
    char met[512];
    walk(last, text, met, sizeof(met));
    if (strcmp(met, expected) != 0)
        fail_msg("%s: \"%s\" instead of \"%s\"", text, met, expected);
}

static void x_forwarded_for_is_read_from_the_right(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {" ", ""},
        {",", ""},
        {" , ,,", ""},
        {"1.1.1.1", "1.1.1.1"},
        {"1.1.1.1, 2.2.2.2,3.3.3.3", "3.3.3.3 2.2.2.2 1.1.1.1"},
        {",1.1.1.1,,\t2.2.2.2 ,", "2.2.2.2 1.1.1.1"},
        {"::1, [2001:db8::1], [::2]:5, 1.2.3.4:5, ::ffff:9.9.9.9", "9.9.9.9 1.2.3.4:5 [::2]:5 2001:db8::1 ::1"},
        {"unknown, 1.1.1.1", "1.1.1.1 ?"},
        {"1.1.1.1, unknown, _x, 1.2.3.04, 1.1.1.1 2.2.2.2, \"1.1.1.1\"", "? ? ? ? ? 1.1.1.1"},
        {"1.1.1.1;2.2.2.2", "?"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_walk(x_forwarded_for_last, rows[i][0], rows[i][1]);
}

static void the_number_of_entries_does_not_matter(void **state)
{
    static char text[1024 * 16];
    text[0] = '\0';
    size_t length = 0;
    for (unsigned entries = 1; entries <= 1024; entries++) {
        length += (size_t)sprintf(text + length, "%s10.0.%u.%u", entries > 1 ? ", " : "", entries / 256, entries % 256);
        struct span list = span_of(text, length);
        struct endpoint e;
        for (unsigned left = entries; left > 0; left--) {
            assert_int_equal(x_forwarded_for_last(&list, &e), FORWARDED_ADDRESS);
            assert_int_equal(e.ip[14] * 256 + e.ip[15], left);
        }
        assert_int_equal(x_forwarded_for_last(&list, &e), FORWARDED_END);
        assert_int_equal(x_forwarded_for_last(&list, &e), FORWARDED_END);
    }
}

static void forwarded_is_read_from_the_right(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {" , ", ""},
        {"for=192.0.2.60", "192.0.2.60"},
        {"For=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"},
        {"by=203.0.113.43 ; FOR=192.0.2.60 ;", "192.0.2.60"},
        {"for=192.0.2.43, for=198.51.100.17", "198.51.100.17 192.0.2.43"},
        {"for=\"[2001:db8:cafe::17]:4711\"", "[2001:db8:cafe::17]:4711"},
        {"for=\"[2001:db8::1]\", for=\"192.0.2.1:80\"", "192.0.2.1:80 2001:db8::1"},
        {"for=[2001:db8::1]:5, for=1.2.3.4:6", "1.2.3.4:6 [2001:db8::1]:5"},
        {"for=\"1.2.3.4:_gazonk\", for=\"[::1]:_x\"", "::1 1.2.3.4"},
        {"for=\"\\1.2.3\\.4\"", "1.2.3.4"},
        {"for=unknown, for=_hidden, for=\"_gazonk\", for=\"_x:_y\"", "? ? ? ?"},
        {"for=1.1.1.1;host=\"a,b;c\\\"d\", by=2.2.2.2", "? 1.1.1.1"},
        {"host=\"\\\\\";for=1.1.1.1, for=2.2.2.2", "2.2.2.2 1.1.1.1"},
        {"for=1.1.1.1;for=1.1.1.1", "?"},
        {"for=\"1.1.1.1\"x", "?"},
        {"for= \"1.1.1.1\"", "?"},
        {"for=\"\"", "?"},
        {"for=", "?"},
        {"for", "?"},
        {"=", "?"},
        {";", "?"},
        {"1.1.1.1", "?"},
        {"for=1.1.1.1;x", "?"},
        {"for=1.1.1.1;x=a\"b\"", "?"},
        {"for=1.1.1.1 2.2.2.2", "?"},
        {"for=\"1.1.1.1                                                                      \"", "?"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_walk(forwarded_last, rows[i][0], rows[i][1]);
}

static void an_open_quotation_swallows_nothing_of_the_nearest_proxy(void **state)
{
    assert_walk(forwarded_last, "for=\"6.6.6.6, for=1.1.1.1", "1.1.1.1 ?");
    assert_walk(forwarded_last, "for=\"6.6.6.6, for=\"1.1.1.1\"", "1.1.1.1 ?");
    assert_walk(forwarded_last, "for=6.6.6.6, x=\"\\, for=\"1.1.1.1\"", "1.1.1.1 ?");
    assert_walk(forwarded_last, "for=6.6.6.6\", for=1.1.1.1;by=2.2.2.2", "1.1.1.1 ?");
    assert_walk(forwarded_last, "\"", "?");
    assert_walk(forwarded_last, "for=\"\\\"", "?");
    assert_walk(forwarded_last, "for=\"\\", "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x_forwarded_for_is_read_from_the_right),
        cmocka_unit_test(the_number_of_entries_does_not_matter),
        cmocka_unit_test(forwarded_is_read_from_the_right),
        cmocka_unit_test(an_open_quotation_swallows_nothing_of_the_nearest_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
