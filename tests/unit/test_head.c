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

/* One of those that proto/head.h offers. */
typedef struct parse_result reading(struct head *head, struct span bytes);

/* Shows the bytes in steps of 1 to `step` bytes, always in a copy that ends where they end. */
static struct outcome read_in_steps(reading *read, struct head begin, struct span all, size_t step, unsigned seed)
{
    struct outcome o = {.head = begin, .result = PARSE_RESULT_MORE};
    size_t shown = 0;
    while (shown < all.length && o.result.verdict == PARSE_MORE) {
        seed = seed * 1103515245 + 12345;
        shown += 1 + (seed >> 16) % step;
        shown = shown < all.length ? shown : all.length;
        uint8_t *copy = malloc(shown);
        memcpy(copy, all.data, shown);
        o.result = read(&o.head, span_of(copy, shown));
        free(copy);
    }
    return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b, const char *input)
{
    if (a->result.verdict != b->result.verdict || a->result.used != b->result.used || a->result.why != b->result.why ||
        a->head.position != b->head.position || a->head.is_http != b->head.is_http ||
        a->head.target_length != b->head.target_length || a->head.field_count != b->head.field_count ||
        a->head.fields_start != b->head.fields_start || a->head.length != b->head.length ||
        a->head.status != b->head.status || a->head.reason_start != b->head.reason_start ||
        a->head.reason_length != b->head.reason_length || a->head.version_minor != b->head.version_minor)
        fail_msg("read differently in pieces: %s", input);
}

static struct outcome read_so(reading *read, struct head begin, struct span all)
{
    struct outcome whole = {.head = begin, .result = PARSE_RESULT_MORE};
    if (all.length > 0)
        whole.result = read(&whole.head, all);
    struct outcome bytewise = read_in_steps(read, begin, all, 1, 1);
    assert_same(&whole, &bytewise, (const char *)all.data);
    for (unsigned seed = 1; seed <= 5; seed++) {
        struct outcome pieces = read_in_steps(read, begin, all, 9, seed);
        assert_same(&whole, &pieces, (const char *)all.data);
    }
    if (whole.result.verdict != PARSE_MORE) {
        struct outcome again = whole;
        again.result = read(&again.head, all);
        assert_same(&whole, &again, (const char *)all.data);
    }
    return whole;
}

static struct outcome read_all_ways(struct span all)
{
    return read_so(head_read, (struct head){0}, all);
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
        EXAMPLE("PRI / HTTP/1.1\r\n"),
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

static void assert_all_so(reading *read, const struct example *examples, size_t count, enum parse_verdict verdict)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome o = read_so(read, (struct head){0}, span_of(examples[i].bytes, examples[i].length));
        if (o.result.verdict != verdict)
            fail_msg("verdict %d (%s): %s", o.result.verdict, o.result.why ? o.result.why : "-", examples[i].bytes);
        if (verdict == PARSE_DONE)
            assert_int_equal(o.result.used, examples[i].length);
    }
}

static void a_target_may_win_over_host(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost: g\r\n\r\n"),
        EXAMPLE("GET http://h:81/ HTTP/1.1\r\n" HOST),
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n"),
        EXAMPLE("GET /x HTTP/1.1\r\n" HOST),
    };
    static const struct example wrong[] = {
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost: g,h\r\n\r\n"),
        EXAMPLE("GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
        EXAMPLE("GET http://u@h/ HTTP/1.1\r\n" HOST),
        EXAMPLE("GET http://h/ HTTP/1.1\r\n\r\n"),
    };
    const struct head begin = {.target_wins = true};
    for (size_t i = 0; i < ARRAY_LENGTH(examples); i++)
        assert_int_equal(read_so(head_read, begin, span_text(examples[i].bytes)).result.verdict, PARSE_DONE);
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_int_equal(read_so(head_read, begin, span_text(wrong[i].bytes)).result.verdict, PARSE_BAD);
}

static void answers_within_the_rules_are_done(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("HTTP/1.1 200 OK\r\n\r\n"),
        EXAMPLE("HTTP/1.0 100\r\n\r\n"),
        EXAMPLE("HTTP/1.7 599 \r\nA: b\r\n\r\n"),
        EXAMPLE("HTTP/1.1 404 Not: Found\t\x80\xff #\\\r\nHost: ,\r\nHost:\r\n\r\n"),
        EXAMPLE("HTTP/1.1 200  x \r\nA:\r\n\r\n"),
    };
    assert_all_so(head_read_answer, examples, ARRAY_LENGTH(examples), PARSE_DONE);
}

static void malformed_answers_are_bad(void **state)
{
#define OK "HTTP/1.1 200 OK\r\n"
    static const struct example examples[] = {
        EXAMPLE("\r\nHTTP/1.1 200 OK\r\n"),
        EXAMPLE(" HTTP/1.1 200 OK\r\n"),
        EXAMPLE("http/1.1 200 OK\r\n"),
        EXAMPLE("HTTP/2.0 200 OK\r\n"),
        EXAMPLE("HTTP/1. 200 OK\r\n"),
        EXAMPLE("HTTP/1.10 200 OK\r\n"),
        EXAMPLE("HTTP/1.1  200 OK\r\n"),
        EXAMPLE("HTTP/1.1\t200 OK\r\n"),
        EXAMPLE("HTTP/1.1 20 OK\r\n"),
        EXAMPLE("HTTP/1.1 2000 OK\r\n"),
        EXAMPLE("HTTP/1.1 +20 OK\r\n"),
        EXAMPLE("HTTP/1.1 2x0 OK\r\n"),
        EXAMPLE("HTTP/1.1 099 OK\r\n"),
        EXAMPLE("HTTP/1.1 000 OK\r\n"),
        EXAMPLE("HTTP/1.1 600 OK\r\n"),
        EXAMPLE("HTTP/1.1 999 OK\r\n"),
        EXAMPLE("HTTP/1.1 200\tOK\r\n"),
        EXAMPLE("HTTP/1.1 200OK\r\n"),
        EXAMPLE("HTTP/1.1 200\n"),
        EXAMPLE("HTTP/1.1 200 OK\n"),
        EXAMPLE("HTTP/1.1 200 O\rK\r\n"),
        EXAMPLE("HTTP/1.1 200 \r\r\n"),
        EXAMPLE("HTTP/1.1 200 O\0K\r\n"),
        EXAMPLE("HTTP/1.1 200 \x7f\r\n"),
        EXAMPLE("HTTP/1.1 200 \x1b[1m\r\n"),
        EXAMPLE("HTTP/1.1\r\n"),
        EXAMPLE("<html>"),
        EXAMPLE("\0"),
        EXAMPLE("ICY 200 OK\r\n"),
        EXAMPLE(OK "A : b\r\n"),
        EXAMPLE(OK "A: b\n"),
        EXAMPLE(OK "A: b\r\n c\r\n"),
        EXAMPLE(OK " A: b\r\n"),
        EXAMPLE(OK ": b\r\n"),
        EXAMPLE(OK "A\r\n"),
        EXAMPLE(OK "A: \0\r\n"),
        EXAMPLE(OK "A: b\rc\r\n"),
        EXAMPLE(OK "\n"),
        EXAMPLE(OK "\rx"),
    };
    assert_all_so(head_read_answer, examples, ARRAY_LENGTH(examples), PARSE_BAD);
}

static void an_answer_tells_its_status_and_words(void **state)
{
    struct span bytes = span_text("HTTP/1.0 418 I'm a teapot\r\nA: b\r\n\r\nbody");
    struct outcome o = read_so(head_read_answer, (struct head){0}, bytes);
    assert_int_equal(o.head.status, 418);
    assert_int_equal(o.head.version_minor, 0);
    assert_int_equal(o.head.field_count, 1);
    assert_int_equal(o.head.fields_start, strlen("HTTP/1.0 418 I'm a teapot\r\n"));
    assert_int_equal(o.result.used, bytes.length - 4);
    assert_true(span_equal(head_reason(&o.head, bytes), span_text("I'm a teapot")));
    bytes = span_text("HTTP/1.1 200\r\n\r\n");
    o = read_so(head_read_answer, (struct head){0}, bytes);
    assert_int_equal(head_reason(&o.head, bytes).length, 0);
    assert_int_equal(o.head.version_minor, 1);
}

static void every_beginning_of_an_answer_waits_for_more(void **state)
{
    static const char all[] = "HTTP/1.1 200 OK\r\nHost: h\r\nA: b\r\n\r\n";
    for (size_t length = 0; length < sizeof(all) - 1; length++) {
        struct outcome o = read_so(head_read_answer, (struct head){0}, span_of(all, length));
        assert_int_equal(o.result.verdict, PARSE_MORE);
    }
}

static void trailers_are_lines_and_an_empty_one(void **state)
{
    static const struct example done[] = {
        EXAMPLE("\r\n"),
        EXAMPLE("A: b\r\n\r\n"),
        EXAMPLE("Host: ,\r\nhost: \r\nA_b: c\td\r\n\r\n"),
    };
    static const struct example bad[] = {
        EXAMPLE("\n"),         EXAMPLE("\rx"),        EXAMPLE(" A: b\r\n"),          EXAMPLE("A: b\n"),
        EXAMPLE("A: b\r\n c"), EXAMPLE("A b\r\n"),    EXAMPLE("A: \x01\r\n"),        EXAMPLE(":\r\n"),
        EXAMPLE("\0"),         EXAMPLE("A: b\r\n\n"), EXAMPLE("GET / HTTP/1.1\r\n"),
    };
    static const struct example more[] = {
        EXAMPLE(""), EXAMPLE("\r"), EXAMPLE("A"), EXAMPLE("A: b\r\n"), EXAMPLE("A: b\r\n\r"),
    };
    assert_all_so(head_read_trailers, done, ARRAY_LENGTH(done), PARSE_DONE);
    assert_all_so(head_read_trailers, bad, ARRAY_LENGTH(bad), PARSE_BAD);
    assert_all_so(head_read_trailers, more, ARRAY_LENGTH(more), PARSE_MORE);
    struct outcome o = read_so(head_read_trailers, (struct head){0}, span_text("A: b\r\n\r\nGET / HTTP/1.1\r\n\r\n"));
    assert_int_equal(o.result.used, 8);
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
        cmocka_unit_test(a_target_may_win_over_host),
        cmocka_unit_test(answers_within_the_rules_are_done),
        cmocka_unit_test(malformed_answers_are_bad),
        cmocka_unit_test(an_answer_tells_its_status_and_words),
        cmocka_unit_test(every_beginning_of_an_answer_waits_for_more),
        cmocka_unit_test(trailers_are_lines_and_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
