#include "proto/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Null stands for a span that is not there. */
static void assert_span(struct span s, const char *expected)
{
    if (expected == NULL)
        assert_null(s.data);
    else if (s.data == NULL || !span_equal(s, span_text(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)s.length, s.data ? (const char *)s.data : "", expected);
}

static void a_target_must_have_a_form_of_its_method(void **state)
{
    static const struct {
        const char *method, *target, *why;
    } rows[] = {
        {"GET", "/", NULL},
        {"GET", "/http://h", NULL},
        {"GET", "http://h", NULL},
        {"GET", "Https://h:443/", NULL},
        {"GET", "http://[::1]:/x", NULL},
        {"OPTIONS", "*", NULL},
        {"OPTIONS", "/", NULL},
        {"CONNECT", "h:443", NULL},
        {"CONNECT", "[::1]:443", NULL},
        {"connect", "/", NULL},
        {"GET", "*", "target * without OPTIONS"},
        {"options", "*", "target * without OPTIONS"},
        {"GET", "h:80", "request target of no known form"},
        {"GET", "x", "request target of no known form"},
        {"GET", "http:/h", "request target of no known form"},
        {"GET", "ftp://h/", "request target of no known form"},
        {"GET", "http://", "invalid host in the request target"},
        {"GET", "http://?x", "invalid host in the request target"},
        {"GET", "http://u@h/", "invalid host in the request target"},
        {"GET", "http://h:80x/", "invalid host in the request target"},
        {"CONNECT", "/", "CONNECT without host and port"},
        {"CONNECT", "*", "CONNECT without host and port"},
        {"CONNECT", "h", "CONNECT without host and port"},
        {"CONNECT", "h:", "CONNECT without host and port"},
        {"CONNECT", "http://h:80", "CONNECT without host and port"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *why = target_judge(span_text(rows[i].method), span_text(rows[i].target));
        if ((why == NULL) != (rows[i].why == NULL) || (why != NULL && strcmp(why, rows[i].why) != 0))
            fail_msg("%s %s: %s", rows[i].method, rows[i].target, why ? why : "fine");
    }
}

static void the_text_of_a_target_tells_its_parts(void **state)
{
    static const struct {
        const char *target, *host, *path, *query;
    } rows[] = {
        {"/", NULL, "/", NULL},
        {"/a/b?c=d?e", NULL, "/a/b", "c=d?e"},
        {"//h/x?", NULL, "//h/x", ""},
        {"http://h", "h", "/", NULL},
        {"http://h?q/r", "h", "/", "q/r"},
        {"HTTPS://[::1]:1/x?y", "[::1]:1", "/x", "y"},
        {"h:443", "h:443", NULL, NULL},
        {"*:443", "*:443", NULL, NULL},
        {"*", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span target = span_text(rows[i].target);
        assert_span(target_host(target), rows[i].host);
        assert_span(target_path(target), rows[i].path);
        assert_span(target_query(target), rows[i].query);
    }
}

static void an_absolute_target_and_host_must_say_the_same(void **state)
{
    static const struct {
        const char *target, *host;
        bool fits;
    } rows[] = {
        {"/", "anything", true},
        {"*", "", true},
        {"h:443", "g", true},
        {"http://h", "h", true},
        {"http://Example.ORG/h", "eXAMPLE.org", true},
        {"http://h:80/", "h", true},
        {"http://h", "h:80", true},
        {"http://h:", "h:80", true},
        {"http://h", "h:", true},
        {"https://h:443", "h", true},
        {"HTTPS://h?x", "h:443", true},
        {"http://h:8080", "H:8080", true},
        {"http://[::A]:80", "[::a]", true},
        {"http://h", "", false},
        {"http://h", "g", false},
        {"http://h", "h.", false},
        {"http://h/g", "g", false},
        {"http://h:443", "h", false},
        {"https://h:80", "h", false},
        {"http://h:8080", "h", false},
        {"http://h:8080", "h:80", false},
        {"http://h:0080", "h", false},
        {"http://[::1]", "[::01]", false},
        {"http://h8", "h:8", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (target_fits_host(span_text(rows[i].target), span_text(rows[i].host)) != rows[i].fits)
            fail_msg("%s, Host: %s", rows[i].target, rows[i].host);
}

static void a_host_is_a_name_or_an_address_with_a_port_or_none(void **state)
{
    static const char *const good[] = {"h",     "h:",      "h:1",    "H:65535", "a_b-c.d.:80", "%41!$&'()*+;=~",
                                       "[::1]", "[::1]:1", "1.2.3.4"};
    static const char *const bad[] = {"",     ":",     ":1",     "h:123456", "h:1:2",     "h:x",      "h:-1",     "a,b",
                                      "u@h",  "a b",   "a/b",    "a?b",      "a#b",       "a\\b",     "[",        "[]",
                                      "[::1", "[::g]", "[::1]x", "::1",      "[1.2.3.4]", "\xc3\xa4", "[::1]:1:2"};
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        if (!host_is_valid(span_text(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        if (host_is_valid(span_text(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void a_host_can_be_had_without_its_port(void **state)
{
    assert_span(host_without_port(span_text("EXAMPLE.org:80")), "EXAMPLE.org");
    assert_span(host_without_port(span_text("example.org")), "example.org");
    assert_span(host_without_port(span_text("[::1]:80")), "[::1]");
    assert_span(host_without_port(span_text("[::1]")), "[::1]");
    assert_span(host_without_port(span_text("")), "");
    assert_span(host_without_port(span_of(NULL, 0)), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_must_have_a_form_of_its_method),
        cmocka_unit_test(the_text_of_a_target_tells_its_parts),
        cmocka_unit_test(an_absolute_target_and_host_must_say_the_same),
        cmocka_unit_test(a_host_is_a_name_or_an_address_with_a_port_or_none),
        cmocka_unit_test(a_host_can_be_had_without_its_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
