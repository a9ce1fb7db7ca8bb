#include "proto/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct outcome {
    struct head head;
    struct parse_result result;
};

/* Shows the bytes in steps of 1 to `step` bytes, always in a copy that ends where they end. */
static struct outcome read_in_steps(struct span all, size_t step, unsigned seed)
{
    struct outcome o = {.result = PARSE_RESULT_MORE};
    size_t shown = 0;
    while (shown < all.length && o.result.verdict == PARSE_MORE) {
        seed = seed * 1103515245 + 12345;
        shown += 1 + (seed >> 16) % step;
        shown = shown < all.length ? shown : all.length;
        uint8_t *copy = malloc(shown);
        memcpy(copy, all.data, shown);
        o.result = head_read(&o.head, span_of(copy, shown));
        free(copy);
    }
    return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b, const char *input)
{
    if (a->result.verdict != b->result.verdict || a->result.used != b->result.used || a->result.why != b->result.why ||
        a->head.position != b->head.position || a->head.is_http != b->head.is_http ||
        a->head.target_length != b->head.target_length || a->head.field_count != b->head.field_count ||
        a->head.fields_start != b->head.fields_start || a->head.length != b->head.length)
        fail_msg("read differently in pieces: %s", input);
}

static struct outcome read_all_ways(struct span all)
{
    struct outcome whole = {.result = PARSE_RESULT_MORE};
    if (all.length > 0)
        whole.result = head_read(&whole.head, all);
    struct outcome bytewise = read_in_steps(all, 1, 1);
    assert_same(&whole, &bytewise, (const char *)all.data);
    for (unsigned seed = 1; seed <= 5; seed++) {
        struct outcome pieces = read_in_steps(all, 9, seed);
        assert_same(&whole, &pieces, (const char *)all.data);
    }
    if (whole.result.verdict != PARSE_MORE) {
        struct outcome again = whole;
        again.result = head_read(&again.head, all);
        assert_same(&whole, &again, (const char *)all.data);
    }
    return whole;
}

struct example {
    const char *bytes;
    size_t length;
};
#define EXAMPLE(text)                                                                                                  \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static void assert_all(const struct example *examples, size_t count, enum parse_verdict verdict, bool is_http)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome o = read_all_ways(span_of(examples[i].bytes, examples[i].length));
        if (o.result.verdict != verdict || o.head.is_http != is_http)
            fail_msg("verdict %d (%s), is_http %d: %s", o.result.verdict, o.result.why ? o.result.why : "-",
                     o.head.is_http, examples[i].bytes);
        if (verdict == PARSE_DONE)
            assert_int_equal(o.result.used, examples[i].length);
    }
}

#define HOST "Host: h\r\n\r\n"

static void heads_within_the_rules_are_done(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
        EXAMPLE("\r\nGET / HTTP/1.1\r\n" HOST),
        EXAMPLE("GET / HTTP/1.0\r\n\r\n"),
        EXAMPLE("GET / HTTP/1.0\r\nA: b\r\n\r\n"),
        EXAMPLE("GET / HTTP/1.9\r\n" HOST),
        EXAMPLE("get / HTTP/1.1\r\n" HOST),
        EXAMPLE("X / HTTP/1.1\r\n" HOST),
        EXAMPLE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST),
        EXAMPLE("M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1\r\n" HOST),
        EXAMPLE("GET /a?b=%00&c=[]{}|\"<>^` HTTP/1.1\r\n" HOST),
        EXAMPLE("GET //..//%2e%2e/ HTTP/1.1\r\n" HOST),
        EXAMPLE("GET http://H HTTP/1.1\r\n" HOST),
        EXAMPLE("GET http://h HTTP/1.0\r\n\r\n"),
        EXAMPLE("GET http://h:80 HTTP/1.1\r\n" HOST),
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost: H:80\r\n\r\n"),
        EXAMPLE("GET HTTPS://[2001:DB8::1]:443/x?y HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n"),
        EXAMPLE("OPTIONS * HTTP/1.1\r\n" HOST),
        EXAMPLE("CONNECT example.org:443 HTTP/1.1\r\n" HOST),
        EXAMPLE("CONNECT [::1]:443 HTTP/1.1\r\n" HOST),
        EXAMPLE("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        EXAMPLE("GET / HTTP/1.1\r\nhOST:\t[::1]:80 \t\r\n\r\n"),
        EXAMPLE("GET / HTTP/1.1\r\nHost: a_b-c.example.org.:8080\r\n\r\n"),
        EXAMPLE("GET / HTTP/1.1\r\nHost: h:\r\n\r\n"),
        EXAMPLE("GET / HTTP/1.1\r\nX: a\tb \x80\xff\r\nY:\r\nZ: \r\n" HOST),
        EXAMPLE("GET / HTTP/1.1\r\nX_Forwarded_For: 1\r\n!#$%&'*+-.^_`|~09: x\r\n" HOST),
    };
    assert_all(examples, ARRAY_LENGTH(examples), PARSE_DONE, true);
}

static void every_beginning_of_a_head_waits_for_more(void **state)
{
    static const char all[] = "\r\nGET http://h/ HTTP/1.1\r\nHost: h\r\nA: b\r\nCookie: c=d\r\n\r\nbody";
    for (size_t length = 0; length < sizeof(all) - 1 - 4; length++) {
        struct outcome o = read_all_ways(span_of(all, length));
        assert_int_equal(o.result.verdict, PARSE_MORE);
    }
    assert_int_equal(read_all_ways(span_text(all)).result.used, sizeof(all) - 1 - 4);
}

static void malformed_request_lines_are_bad(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("GET  / HTTP/1.1\r\n"),
        EXAMPLE("GET  HTTP/1.1\r\n"),
        EXAMPLE("GET /a b HTTP/1.1\r\n"),
        EXAMPLE("FOO /a b HTTP/1.1\r\n"),
        EXAMPLE("GET\t/ HTTP/1.1\r\n"),
        EXAMPLE("GET\x0b/ HTTP/1.1\r\n"),
        EXAMPLE("GET\x0b / HTTP/1.1\r\n"),
        EXAMPLE("GET\x0c / HTTP/1.1\r\n"),
        EXAMPLE("GET\r / HTTP/1.1\r\n"),
        EXAMPLE("GET\r/\x0cHTTP/1.1\n"),
        EXAMPLE("GET \x0b/ HTTP/1.1\r\n"),
        EXAMPLE("GET /\x0bHTTP/1.1\r\n"),
        EXAMPLE("GET http://h/\x0cHTTP/1.1\r\n"),
        EXAMPLE("FOO\x0b/ HTTP/1.1\r\n"),
        EXAMPLE("G(T / HTTP/1.1\r\n"),
        EXAMPLE("GET /\\ HTTP/1.1\r\n"),
        EXAMPLE("FOO \\ HTTP/1.1\r\n"),
        EXAMPLE("GET /#x HTTP/1.1\r\n"),
        EXAMPLE("GET /\x01 HTTP/1.1\r\n"),
        EXAMPLE("GET /\0 HTTP/1.1\r\n"),
        EXAMPLE("GET /\x7f HTTP/1.1\r\n"),
        EXAMPLE("GET /\x80 HTTP/1.1\r\n"),
        EXAMPLE("GET /\xff HTTP/1.1\r\n"),
        EXAMPLE("GET /\t HTTP/1.1\r\n"),
        EXAMPLE("GET /\r HTTP/1.1\r\n"),
        EXAMPLE("GET * HTTP/1.1\r\n"),
        EXAMPLE("OPTIONS ** HTTP/1.1\r\n"),
        EXAMPLE("GET x HTTP/1.1\r\n"),
        EXAMPLE("GET example.org:80 HTTP/1.1\r\n"),
        EXAMPLE("GET http:// HTTP/1.1\r\n"),
        EXAMPLE("GET http:///x HTTP/1.1\r\n"),
        EXAMPLE("GET http:/x HTTP/1.1\r\n"),
        EXAMPLE("GET ftp://h/x HTTP/1.1\r\n"),
        EXAMPLE("GET http://user@h/ HTTP/1.1\r\n"),
        EXAMPLE("GET http://user:word@h/ HTTP/1.1\r\n"),
        EXAMPLE("GET http://h:80x/ HTTP/1.1\r\n"),
        EXAMPLE("GET http://h:123456/ HTTP/1.1\r\n"),
        EXAMPLE("GET http://[::1/ HTTP/1.1\r\n"),
        EXAMPLE("GET http://[::1]x/ HTTP/1.1\r\n"),
        EXAMPLE("GET http://a,b/ HTTP/1.1\r\n"),
        EXAMPLE("CONNECT / HTTP/1.1\r\n"),
        EXAMPLE("CONNECT h HTTP/1.1\r\n"),
        EXAMPLE("CONNECT h: HTTP/1.1\r\n"),
        EXAMPLE("CONNECT :443 HTTP/1.1\r\n"),
        EXAMPLE("CONNECT u@h:443 HTTP/1.1\r\n"),
        EXAMPLE("CONNECT http://h:80 HTTP/1.1\r\n"),
        EXAMPLE("GET / HTTP/2.0\r\n"),
        EXAMPLE("GET / HTTP/0.9\r\n"),
        EXAMPLE("GET / HTTP/9.9\r\n"),
        EXAMPLE("GET / HTTP/1.\r\n"),
        EXAMPLE("GET / HTTP/1\r\n"),
        EXAMPLE("GET / HTTP/01.1\r\n"),
        EXAMPLE("GET / HTTP/1.10\r\n"),
        EXAMPLE("GET / HTTP/1.1 \r\n"),
        EXAMPLE("GET / HTTP/1.1\n"),
        EXAMPLE("GET / HTTP/1.1\r\r\n"),
        EXAMPLE("GET / http/1.1\r\n"),
        EXAMPLE("FOO x Http/1.1\r\n"),
        EXAMPLE("FOO / HTTP/x\r\n"),
        EXAMPLE("GET /x\r\n"),
        EXAMPLE("GET /x\n"),
        EXAMPLE("GET /x \r\n"),
        EXAMPLE("PRI * HTTP/1.1\r\n"),
        EXAMPLE("PRI / HTTP/2.0\r\n"),
        EXAMPLE("PRI * HTTP/2.1\r\n"),
        EXAMPLE("PRI * HTTP/2.0\n"),
        EXAMPLE("PRI * HTTP/2.0 \r\n"),
        EXAMPLE("PRI * HTTP/2.0\r\nHost: h\r\n\r\n"),
        EXAMPLE("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        EXAMPLE("PRI * HTTP/2.0\r\n\r\nSM\r\n\n"),
        EXAMPLE("PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        EXAMPLE("\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        EXAMPLE("HTTP/1.1 200 OK\r\n"),
    };
    assert_all(examples, ARRAY_LENGTH(examples), PARSE_BAD, true);
}

static void malformed_fields_are_bad(void **state)
{
#define LINE "GET / HTTP/1.1\r\n"
    static const struct example examples[] = {
        EXAMPLE(LINE "\r\n"),
        EXAMPLE(LINE "Host: a\r\nHost: a\r\n"),
        EXAMPLE("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n"),
        EXAMPLE(LINE "Host:\r\nHost:\r\n"),
        EXAMPLE(LINE "Host: a,b\r\n"),
        EXAMPLE(LINE "Host: a@b\r\n"),
        EXAMPLE(LINE "Host: a b\r\n"),
        EXAMPLE(LINE "Host: a/b\r\n"),
        EXAMPLE(LINE "Host: a\x01\r\n"),
        EXAMPLE(LINE "Host: \xc3\xa4\r\n"),
        EXAMPLE(LINE "Host: a:b\r\n"),
        EXAMPLE(LINE "Host: a:1:2\r\n"),
        EXAMPLE(LINE "Host: :80\r\n"),
        EXAMPLE(LINE "Host: ::1\r\n"),
        EXAMPLE(LINE "Host: []\r\n"),
        EXAMPLE(LINE "Host: [::g]\r\n"),
        EXAMPLE(LINE "Host: [\r\n"),
        EXAMPLE(LINE "Host: a:123456\r\n"),
        EXAMPLE(LINE "A : b\r\n"),
        EXAMPLE(LINE "A\t: b\r\n"),
        EXAMPLE(LINE "A\r\n"),
        EXAMPLE(LINE "A\n"),
        EXAMPLE(LINE ": b\r\n"),
        EXAMPLE(LINE "A(: b\r\n"),
        EXAMPLE(LINE "\xc3\xa4: b\r\n"),
        EXAMPLE(LINE "A\0: b\r\n"),
        EXAMPLE(LINE " A: b\r\n"),
        EXAMPLE(LINE "A: b\r\n c\r\n"),
        EXAMPLE(LINE "A: b\r\n\tc\r\n"),
        EXAMPLE(LINE "A: b\r\n \r\n"),
        EXAMPLE(LINE "A: \0\r\n"),
        EXAMPLE(LINE "A: b\x01\r\n"),
        EXAMPLE(LINE "A: b\x0b\r\n"),
        EXAMPLE(LINE "A: b\x7f\r\n"),
        EXAMPLE(LINE "A: b\x1b[1m\r\n"),
        EXAMPLE(LINE "A: b\n"),
        EXAMPLE(LINE "A: b\rc\r\n"),
        EXAMPLE(LINE "A: b\r\r\n"),
        EXAMPLE(LINE "Host: b\r\r\n"),
        EXAMPLE(LINE "Host: b\n"),
        EXAMPLE(LINE "Host: h\r\n\n"),
        EXAMPLE(LINE "Host: h\r\n\r\r"),
        EXAMPLE(LINE "Host: h\r\n\rA"),
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost: g\r\n"),
        EXAMPLE("GET http://h/ HTTP/1.0\r\nHost: g\r\n"),
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost:\r\n"),
        EXAMPLE("GET http://h/ HTTP/1.1\r\nA: b\r\nHost: h:443\r\n"),
        EXAMPLE("GET http://h:81/ HTTP/1.1\r\n" HOST),
    };
    assert_all(examples, ARRAY_LENGTH(examples), PARSE_BAD, true);
}

static void other_protocols_are_none(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("\x16\x03\x01"),
        EXAMPLE(" GET / HTTP/1.1\r\n"),
        EXAMPLE("\tGET / HTTP/1.1\r\n"),
        EXAMPLE("\nGET / HTTP/1.1\r\n"),
        EXAMPLE("\rGET / HTTP/1.1\r\n"),
        EXAMPLE("\r\n\r\nGET / HTTP/1.1\r\n"),
        EXAMPLE("\0GET / HTTP/1.1\r\n"),
        EXAMPLE("\xef\xbb\xbfGET / HTTP/1.1\r\n"),
        EXAMPLE("\x80"),
        EXAMPLE("*1\r\n$4\r\nPING\r\n"),
        EXAMPLE("@RSYNCD: 31.0\n"),
        EXAMPLE("GET\0"),
        EXAMPLE("GET\x0bkey\r\n"),
        EXAMPLE("GET\r\r\n"),
        EXAMPLE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"),
        EXAMPLE("EHLO example.org\r\n"),
        EXAMPLE("HELP\r\n"),
        EXAMPLE("QUIT\n"),
        EXAMPLE("SSH-2.0-OpenSSH_9.2\r\n"),
        EXAMPLE("CONNECT\n"),
        EXAMPLE("CONNECT\r\n"),
        EXAMPLE("REGISTER sip:example.org SIP/2.0\r\n"),
        EXAMPLE("OPTIONS sip:a@example.org SIP/2.0\r\n"),
        EXAMPLE("DESCRIBE rtsp://example.org/x RTSP/1.0\r\n"),
        EXAMPLE("OPTIONS * RTSP/1.0\r\n"),
        EXAMPLE("get key\r\n"),
        EXAMPLE("GET key\r\n"),
        EXAMPLE("set key 0 0 5\r\n"),
        EXAMPLE("NICK somebody\r\n"),
        EXAMPLE("a1 LOGIN x y\r\n"),
        EXAMPLE("{\"method\": 1}\n"),
        EXAMPLE("abc\x01"),
        EXAMPLE("abc def\x01"),
        EXAMPLE("abc def ghi\x80"),
        EXAMPLE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    };
    assert_all(examples, ARRAY_LENGTH(examples), PARSE_NONE, false);
}

static void a_preface_is_waited_for_to_its_last_byte(void **state)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (size_t length = 0; length < sizeof(preface) - 1; length++)
        assert_int_equal(read_all_ways(span_of(preface, length)).result.verdict, PARSE_MORE);
    struct outcome o = read_all_ways(span_of(preface, sizeof(preface) - 1));
    assert_int_equal(o.result.verdict, PARSE_NONE);
    static const char with_settings[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    o = read_all_ways(span_of(with_settings, sizeof(with_settings) - 1));
    assert_int_equal(o.result.verdict, PARSE_NONE);
}

static void a_hundred_fields_are_allowed_and_no_more(void **state)
{
    char bytes[2048] = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < 99; i++)
        strcat(bytes, "A: b\r\n");
    size_t length = strlen(bytes);
    strcat(bytes, "\r\n");
    assert_int_equal(read_all_ways(span_text(bytes)).result.verdict, PARSE_DONE);
    bytes[length] = '\0';
    strcat(bytes, "A: b\r\n\r\n");
    struct outcome o = read_all_ways(span_text(bytes));
    assert_int_equal(o.result.verdict, PARSE_BAD);
    assert_string_equal(o.result.why, "more than 100 fields");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_within_the_rules_are_done),
        cmocka_unit_test(every_beginning_of_a_head_waits_for_more),
        cmocka_unit_test(malformed_request_lines_are_bad),
        cmocka_unit_test(malformed_fields_are_bad),
        cmocka_unit_test(other_protocols_are_none),
        cmocka_unit_test(a_preface_is_waited_for_to_its_last_byte),
        cmocka_unit_test(a_hundred_fields_are_allowed_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
