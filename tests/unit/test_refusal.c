#include "route/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 200

/* "405 method_refused", or "0" if it goes on. */
static const char *told(struct refusal refusal)
{
    static char text[64];
    if (refusal.status == 0)
        return "0";
    snprintf(text, sizeof(text), "%u %s", refusal.status, reason_text(refusal.reason));
    return text;
}

static const char *told_of_head(const char *bytes)
{
    struct head head = {0};
    struct parse_result result = head_read(&head, span_text(bytes));
    return told(refusal_of_head(&head, &result, strlen(bytes), LIMIT));
}

static const char *told_of_request(const char *bytes)
{
    struct message message;
    struct head head = {0};
    assert_int_equal(head_read(&head, span_text(bytes)).verdict, PARSE_DONE);
    return told(refusal_of_request(&message, &head, span_text(bytes), span_text("limpet-1"), 10));
}

static void a_head_may_be_bad_too_long_or_not_complete(void **state)
{
    char line[2 * LIMIT], value[2 * LIMIT];
    snprintf(line, sizeof(line), "GET /%0*d HTTP/1.1\r\n", LIMIT, 0);
    snprintf(value, sizeof(value), "GET / HTTP/1.1\r\nX: %0*d", LIMIT, 0);
    assert_string_equal(told_of_head("GET / HTTP/1.1\r\n"), "0");
    assert_string_equal(told_of_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "0");
    assert_string_equal(told_of_head("GET / HTTP/1.1\r\n\r\n"), "400 bad_head");
    assert_string_equal(told_of_head("EHLO me\r\n"), "400 bad_head");
    assert_string_equal(told_of_head(line), "414 target_too_long");
    assert_string_equal(told_of_head(value), "431 head_too_large");
    strcat(value, "\r\nHost: a\r\n\r\n");
    assert_string_equal(told_of_head(value), "431 head_too_large");
    assert_string_equal(told(refusal_of_late_head), "408 head_timeout");
}

static void a_hundred_fields_are_the_most(void **state)
{
    char bytes[2048] = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < HEAD_FIELDS_MAX; i++)
        strcat(bytes, "a: b\r\n");
    struct head head = {0};
    struct parse_result result = head_read(&head, span_text(bytes));
    assert_string_equal(told(refusal_of_head(&head, &result, strlen(bytes), sizeof(bytes))), "431 head_too_large");
}

static void a_request_may_not_be_what_its_fields_say(void **state)
{
    static const char *const cases[][2] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "0"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400 bad_head"},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "417 expectation"},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n", "501 unknown_coding"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "0"},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "413 body_too_large"},
        {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "405 method_refused"},
        {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405 method_refused"},
        {"trace / HTTP/1.1\r\nHost: a\r\n\r\n", "0"},
        {"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 x, 1.1 limpet-1\r\n\r\n", "508 loop"},
        {"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 limpet-2\r\n\r\n", "0"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(told_of_request(cases[i][0]), cases[i][1]);
}

static void who_does_not_look_for_a_name_finds_no_loop(void **state)
{
    struct span bytes = span_text("GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 limpet-1\r\n\r\n");
    struct message message;
    struct head head = {0};
    assert_int_equal(head_read(&head, bytes).verdict, PARSE_DONE);
    assert_string_equal(told(refusal_of_request(&message, &head, bytes, span_of("", 0), 0)), "0");
}

static bool answers_options(const char *bytes)
{
    struct message message;
    struct head head = {0};
    struct span all = span_text(bytes);
    assert_int_equal(head_read(&head, all).verdict, PARSE_DONE);
    assert_string_equal(told(refusal_of_request(&message, &head, all, span_of("", 0), 0)), "0");
    return refusal_answers_options(&message, head_method(&head, all));
}

static void options_may_go_no_further(void **state)
{
    assert_true(answers_options("OPTIONS * HTTP/1.1\r\nHost: a\r\nmax-forwards: 0\r\n\r\n"));
    assert_false(answers_options("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n"));
    assert_false(answers_options("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"));
}

static void a_decision_may_be_the_end(void **state)
{
    struct decision decision = {.verdict = DECIDE_KEY};
    assert_string_equal(told(refusal_of_decision(&decision)), "0");
    decision.verdict = DECIDE_END;
    decision.reason = REASON_NO_ROUTE;
    assert_string_equal(told(refusal_of_decision(&decision)), "404 no_route");
    decision.reason = REASON_NO_KEY;
    assert_string_equal(told(refusal_of_decision(&decision)), "403 no_key");
    decision.reason = REASON_BAD_HEAD;
    assert_string_equal(told(refusal_of_decision(&decision)), "400 bad_head");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_may_be_bad_too_long_or_not_complete),
        cmocka_unit_test(a_hundred_fields_are_the_most),
        cmocka_unit_test(a_request_may_not_be_what_its_fields_say),
        cmocka_unit_test(who_does_not_look_for_a_name_finds_no_loop),
        cmocka_unit_test(options_may_go_no_further),
        cmocka_unit_test(a_decision_may_be_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
