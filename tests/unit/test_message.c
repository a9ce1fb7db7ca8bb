#include "proto/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The head, which ends where its memory ends, and what was read of it. */
struct reading {
    uint8_t *bytes;
    struct head head;
    struct message message;
    struct message_verdict verdict;
};

static struct reading *begin(const char *first_line, struct span fields,
                             struct parse_result (*read)(struct head *head, struct span bytes))
{
    struct reading *r = calloc(1, sizeof(*r));
    size_t length = strlen(first_line) + 2 + fields.length + 2;
    r->bytes = malloc(length + 1);
    char *end = stpcpy(stpcpy((char *)r->bytes, first_line), "\r\n");
    memcpy(mempcpy(end, fields.data, fields.length), "\r\n", 3);
    struct parse_result result = read(&r->head, span_of(r->bytes, length));
    if (result.verdict != PARSE_DONE)
        fail_msg("%s in %s %.*s", result.why, first_line, (int)fields.length, (const char *)fields.data);
    return r;
}

static struct span bytes_of(const struct reading *r)
{
    return span_of(r->bytes, r->head.length);
}

static void end(struct reading *r)
{
    free(r->bytes);
    free(r);
}

static struct reading *request(const char *first_line, struct span fields)
{
    struct reading *r = begin(first_line, fields, head_read);
    memset(&r->message, 0xa5, sizeof(r->message));
    r->verdict = message_read_request(&r->message, &r->head, bytes_of(r));
    return r;
}

static struct reading *post(const char *fields)
{
    char all[16384];
    snprintf(all, sizeof(all), "Host: h\r\n%s\r\n", fields);
    return request("POST / HTTP/1.1", span_text(all));
}

static struct reading *answer(const char *first_line, const char *fields, bool to_head)
{
    struct reading *r = begin(first_line, span_text(fields), head_read_answer);
    memset(&r->message, 0xa5, sizeof(r->message));
    r->verdict = message_read_answer(&r->message, &r->head, bytes_of(r), to_head);
    return r;
}

static void assert_refused(const char *const *fields, size_t count, unsigned status)
{
    for (size_t i = 0; i < count; i++) {
        struct reading *r = post(fields[i]);
        if (r->verdict.status != status || r->verdict.why == NULL)
            fail_msg("status %u (%s): %s", r->verdict.status, r->verdict.why ? r->verdict.why : "-", fields[i]);
        end(r);
    }
}

static void assert_body(const char *fields, enum body_kind body, uint64_t length)
{
    struct reading *r = post(fields);
    if (r->verdict.status != 0 || r->message.body != body || r->message.length != length)
        fail_msg("status %u (%s), body %d of %lu: %s", r->verdict.status, r->verdict.why ? r->verdict.why : "-",
                 r->message.body, (unsigned long)r->message.length, fields);
    end(r);
}

static void a_request_has_a_body_if_it_says_so(void **state)
{
    assert_body("A: b", BODY_NONE, 0);
    assert_body("Content-Length: 0", BODY_NONE, 0);
    assert_body("Content-Length: 5", BODY_LENGTH, 5);
    assert_body("content-LENGTH:\t5 ", BODY_LENGTH, 5);
    assert_body("Content-Length: 0000000000000000005", BODY_LENGTH, 5);
    assert_body("Content-Length: 5000000000", BODY_LENGTH, 5000000000);
    assert_body("Content-Length: 9223372036854775807", BODY_LENGTH, INT64_MAX);
    assert_body("Transfer-Encoding: chunked", BODY_CHUNKED, 0);
    assert_body("transfer-encoding: \t Chunked \t", BODY_CHUNKED, 0);
}

static void lengths_that_are_no_plain_number_are_refused(void **state)
{
    static const char *const fields[] = {
        "Content-Length:",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: -0",
        "Content-Length: 5 5",
        "Content-Length: 5,5",
        "Content-Length: 5, 6",
        "Content-Length: ,5",
        "Content-Length: 5,",
        "Content-Length: 0x5",
        "Content-Length: 5_0",
        "Content-Length: 5.0",
        "Content-Length: 5e0",
        "Content-Length: \"5\"",
        "Content-Length: 5;",
        "Content-Length: \xd9\xa5",
        "Content-Length: five",
        "Content-Length: 9223372036854775808",
        "Content-Length: 9999999999999999999",
        "Content-Length: 18446744073709551616",
        "Content-Length: 18446744073709551621",
        "Content-Length: 00000000000000000005",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 0\r\ncontent-length: 0",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
    };
    assert_refused(fields, ARRAY_LENGTH(fields), 400);
    char digits[1100] = "Content-Length: ";
    memset(digits + strlen(digits), '1', 1000);
    assert_refused((const char *const[]){digits}, 1, 400);
}

static void codings_other_than_chunked_are_refused(void **state)
{
    static const char *const wrong[] = {
        "Transfer-Encoding:",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: foobar",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, gzip, chunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: gzip;q=1, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked chunked",
        "Transfer-Encoding: \240chunked",
        "Transfer-Encoding: chunked\xa0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    };
    static const char *const unknown[] = {
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip,deflate ,CHUNKED",
        "Transfer-Encoding: identity, chunked",
    };
    assert_refused(wrong, ARRAY_LENGTH(wrong), 400);
    assert_refused(unknown, ARRAY_LENGTH(unknown), 501);
}

static void old_requests_have_no_coding(void **state)
{
    struct reading *r = request("POST / HTTP/1.0", span_text("Transfer-Encoding: chunked\r\n"));
    assert_int_equal(r->verdict.status, 400);
    end(r);
    r = request("POST / HTTP/1.0", span_text("Content-Length: 7\r\nExpect: 100-continue\r\n"));
    assert_int_equal(r->verdict.status, 0);
    assert_int_equal(r->message.length, 7);
    assert_false(r->message.expects);
    end(r);
    r = request("GET / HTTP/1.0", span_text("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
    assert_null(r->message.upgrade.data);
    end(r);
}

static void names_that_fold_into_others_end_here(void **state)
{
    static const char *const names[] = {
        "Content_Length",    "Transfer_Encoding", "X_Forwarded_For", "X-Forwarded_For",
        "x_forwarded_proto", "X_Forwarded-Host",  "X_Request_Id",    "Set_Cookie",
        "X.Forwarded.For",   "Content!Length",    "Keep_Alive",      "Proxy_Connection",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char fields[100];
        snprintf(fields, sizeof(fields), "%s: 5\r\n%s: 6", names[i], names[i]);
        struct reading *r = post(fields);
        assert_int_equal(r->verdict.status, 0);
        assert_int_equal(r->message.body, BODY_NONE);
        assert_int_equal(r->message.fields[1].kind, FIELD_HOP);
        assert_int_equal(r->message.fields[2].kind, FIELD_HOP);
        end(r);
    }
}

struct kind_of {
    const char *name;
    enum field_kind kind;
};

static void every_name_has_its_kind(void **state)
{
    static const struct kind_of kinds[] = {
        {"Te", FIELD_HOP},
        {"Via", FIELD_VIA},
        {"Proxy", FIELD_HOP},
        {"Cookie", FIELD_COOKIE},
        {"Upgrade", FIELD_HOP},
        {"Forwarded", FIELD_FORWARDED},
        {"Connection", FIELD_HOP},
        {"Keep-Alive", FIELD_HOP},
        {"Set-Cookie", FIELD_SET_COOKIE},
        {"X-Request-ID", FIELD_X_REQUEST_ID},
        {"HTTP2-Settings", FIELD_HOP},
        {"X-Forwarded-For", FIELD_X_FORWARDED_FOR},
        {"X-Forwarded-Host", FIELD_X_FORWARDED_HOST},
        {"X-Forwarded-Proto", FIELD_X_FORWARDED_PROTO},
        {"Proxy-Connection", FIELD_HOP},
        {"Proxy-Authorization", FIELD_OTHER},
        {"Accept", FIELD_OTHER},
        {"Hosts", FIELD_OTHER},
        {"Hoss", FIELD_OTHER},
        {"T", FIELD_OTHER},
        {"-e", FIELD_OTHER},
        {"X-Forwarded-Port", FIELD_OTHER},
        {"Content-Lengtg", FIELD_OTHER},
        {"Set-Cookie2", FIELD_OTHER},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
        for (int upper = 0; upper < 2; upper++) {
            char fields[100];
            snprintf(fields, sizeof(fields), "%s: x", kinds[i].name);
            for (char *c = fields; upper && *c != ':'; c++)
                *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
            struct reading *r = post(fields);
            if (r->verdict.status != 0 || r->message.fields[1].kind != kinds[i].kind)
                fail_msg("kind %d: %s", r->message.fields[1].kind, fields);
            assert_int_equal(r->message.fields[0].kind, FIELD_HOST);
            end(r);
        }
}

static void fields_lie_side_by_side(void **state)
{
    struct reading *r = post("A:\r\nLonger-Name: \t value with: colon\t \r\nB: c");
    const struct message *m = &r->message;
    assert_int_equal(m->count, 4);
    assert_true(span_equal(m->fields[1].line, span_text("A:\r\n")));
    assert_int_equal(m->fields[1].value.length, 0);
    assert_true(span_equal(message_field_name(&m->fields[2]), span_text("Longer-Name")));
    assert_true(span_equal(m->fields[2].value, span_text("value with: colon")));
    const uint8_t *at = r->bytes + r->head.fields_start;
    for (size_t i = 0; i < m->count; at += m->fields[i++].line.length)
        assert_ptr_equal(m->fields[i].line.data, at);
    assert_ptr_equal(at, r->bytes + r->head.length - 2);
    end(r);
}

static void what_connection_says_is_understood(void **state)
{
    struct reading *r = post("Connection: close, keep-alive");
    assert_true(r->message.close && !r->message.keep_alive);
    end(r);
    r = post("Connection: keep-alive\r\nConnection: ,, CLOSE");
    assert_true(r->message.close && !r->message.keep_alive);
    end(r);
    r = post("Connection: Keep-Alive,");
    assert_true(!r->message.close && r->message.keep_alive);
    end(r);
    r = post("Connection: closed, close-x, close;x, x close");
    assert_true(!r->message.close && !r->message.keep_alive);
    end(r);
    r = post("TE: gzip;q=0.5, Trailers;q=1\r\nConnection: TE");
    assert_true(r->message.trailers);
    end(r);
}

static enum field_kind kind_of_name(const struct message *message, const char *name)
{
    for (size_t i = 0; i < message->count; i++)
        if (span_equal_nocase(message_field_name(&message->fields[i]), span_text(name)))
            return message->fields[i].kind;
    fail_msg("no %s", name);
    return FIELD_OTHER;
}

static void what_connection_names_ends_here(void **state)
{
    struct reading *r =
        post("X-A: 1\r\nConnection: x-a\r\nX-B: 2\r\nConnection: close , X-B,X-C\r\nX-C: 3\r\nX-D: 4\r\nX-A: 5");
    assert_int_equal(r->verdict.status, 0);
    assert_int_equal(kind_of_name(&r->message, "x-a"), FIELD_HOP);
    assert_int_equal(kind_of_name(&r->message, "x-b"), FIELD_HOP);
    assert_int_equal(kind_of_name(&r->message, "x-c"), FIELD_HOP);
    assert_int_equal(kind_of_name(&r->message, "x-d"), FIELD_OTHER);
    assert_int_equal(r->message.fields[r->message.count - 1].kind, FIELD_HOP);
    assert_true(r->message.close);
    end(r);
}

static void connection_cannot_strip_what_is_protected(void **state)
{
    static const char *const names[] = {
        "Host",
        "Content-Length",
        "Cookie",
        "Set-Cookie",
        "Authorization",
        "Cache-Control",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "Forwarded",
        "Via",
        "X-Request-Id",
        "Date",
        "Content-Type",
        "Location",
        "Expect",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char fields[200];
        bool host = strcmp(names[i], "Host") == 0;
        const char *value = strcmp(names[i], "Expect") == 0 ? "100-continue" : "5";
        snprintf(fields, sizeof(fields), "Connection: %s\r\n%s: %s", names[i], host ? "X" : names[i], value);
        struct reading *r = post(fields);
        assert_int_equal(r->verdict.status, 0);
        if (kind_of_name(&r->message, names[i]) == FIELD_HOP)
            fail_msg("stripped: %s", names[i]);
        end(r);
    }
}

static void connection_names_a_few_fields_and_no_more(void **state)
{
    char fields[4096] = "Connection: a0";
    for (int i = 1; i < 32; i++)
        sprintf(fields + strlen(fields), ", a%d", i);
    size_t length = strlen(fields);
    strcat(fields, "\r\nA31: x");
    struct reading *r = post(fields);
    assert_int_equal(r->verdict.status, 0);
    assert_int_equal(kind_of_name(&r->message, "a31"), FIELD_HOP);
    end(r);
    strcpy(fields + length, "\r\nConnection: a32");
    assert_refused((const char *const[]){fields}, 1, 400);
}

static void an_upgrade_is_told_if_it_is_for_servers(void **state)
{
    struct reading *r = post("Upgrade: websocket\r\nConnection: keep-alive, Upgrade");
    assert_true(span_equal(r->message.upgrade, span_text("websocket")));
    end(r);
    static const char *const none[] = {
        "Upgrade: websocket",
        "Connection: upgrade",
        "Connection: upgrade\r\nUpgrade:",
        "Connection: upgrade\r\nUpgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nContent-Length: 5",
        "Connection: upgrade\r\nUpgrade: websocket, H2C",
        "Connection: upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1",
        "Upgrade: websocket\r\nContent-Length: 5",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(none); i++) {
        r = post(none[i]);
        if (r->verdict.status != 0 || r->message.upgrade.data != NULL)
            fail_msg("an upgrade: %s", none[i]);
        end(r);
    }
    static const char *const refused[] = {
        "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5",
        "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked",
        "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: x",
        "Upgrade: websocket\r\nUpgrade: websocket",
    };
    assert_refused(refused, ARRAY_LENGTH(refused), 400);
    r = post("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0");
    assert_true(span_equal(r->message.upgrade, span_text("websocket")));
    end(r);
}

static void expectations_other_than_100_continue_are_refused(void **state)
{
    struct reading *r = post("Expect: 100-Continue\r\nContent-Length: 5");
    assert_true(r->message.expects);
    end(r);
    r = post("Expect: 100-continue");
    assert_int_equal(r->verdict.status, 0);
    assert_false(r->message.expects);
    end(r);
    static const char *const unknown[] = {"Expect:", "Expect: 200-ok", "Expect: 100-continue, x",
                                          "Expect: 100-continue;a"};
    assert_refused(unknown, ARRAY_LENGTH(unknown), 417);
    static const char *const twice[] = {"Expect: 100-continue\r\nExpect: 100-continue"};
    assert_refused(twice, ARRAY_LENGTH(twice), 400);
}

static void an_id_stands_once_and_via_is_counted(void **state)
{
    static const char *const twice[] = {"X-Request-Id: a\r\nX-Request-Id: a"};
    assert_refused(twice, ARRAY_LENGTH(twice), 400);
    struct reading *r = post("Via: 1.1 a, 1.0 b,,\r\nVia: 1.1 c (d)\r\nVia:");
    assert_int_equal(r->message.via_count, 3);
    end(r);
}

/* CVE-2021-40346: a length of a name that does not fit its counter hid a second Content-Length. */
static void long_names_hide_nothing(void **state)
{
    static const size_t lengths[] = {254, 255, 256, 257, 270, 4096, 32767, 32768, 65535, 65536, 65537, 65550};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        char *fields = calloc(1, lengths[i] + 200);
        strcpy(fields, "Host: h\r\n");
        memset(fields + strlen(fields), 'c', lengths[i]);
        strcat(fields, ": 1\r\nContent-Length: 5\r\nConnection: x\r\nX: y\r\n");
        struct reading *r = request("POST / HTTP/1.1", span_text(fields));
        if (lengths[i] <= UINT16_MAX) {
            assert_int_equal(r->verdict.status, 0);
            assert_int_equal(r->message.length, 5);
            assert_int_equal(r->message.fields[1].name_length, lengths[i]);
            assert_int_equal(r->message.fields[1].kind, FIELD_OTHER);
        } else {
            assert_int_equal(r->verdict.status, 431);
        }
        end(r);
        free(fields);
    }
}

static void a_hundred_fields_of_every_kind_fit(void **state)
{
    char fields[8192] = "Host: h\r\n";
    for (int i = 0; i < 99; i++)
        strcat(fields, i % 2 ? "Connection: x,close\r\n" : "X: y\r\n");
    struct reading *r = request("GET / HTTP/1.1", span_text(fields));
    assert_int_equal(r->message.count, 100);
    assert_int_equal(r->verdict.status, 400);
    end(r);
}

struct answer_case {
    const char *line, *fields;
    bool to_head;
    unsigned status;
    enum body_kind body;
    uint64_t length;
};

static void an_answer_ends_where_its_rules_say(void **state)
{
    static const struct answer_case cases[] = {
        {"HTTP/1.1 200 OK", "", false, 0, BODY_UNTIL_END, 0},
        {"HTTP/1.0 200 OK", "", false, 0, BODY_UNTIL_END, 0},
        {"HTTP/1.1 200", "Content-Length: 5\r\n", false, 0, BODY_LENGTH, 5},
        {"HTTP/1.1 200", "Content-Length: 0\r\n", false, 0, BODY_NONE, 0},
        {"HTTP/1.1 200", "Transfer-Encoding: chunked\r\n", false, 0, BODY_CHUNKED, 0},
        {"HTTP/1.1 200", "Transfer-Encoding: chunked\r\n", true, 0, BODY_NONE, 0},
        {"HTTP/1.1 200", "Content-Length: 5\r\n", true, 0, BODY_NONE, 0},
        {"HTTP/1.1 200", "", true, 0, BODY_NONE, 0},
        {"HTTP/1.1 304", "Content-Length: 5\r\n", false, 0, BODY_NONE, 0},
        {"HTTP/1.1 304", "", false, 0, BODY_NONE, 0},
        {"HTTP/1.1 204", "", false, 0, BODY_NONE, 0},
        {"HTTP/1.1 204", "Content-Length: 0\r\n", false, 0, BODY_NONE, 0},
        {"HTTP/1.1 204", "Content-Length: 5\r\n", false, 502, 0, 0},
        {"HTTP/1.1 204", "Transfer-Encoding: chunked\r\n", false, 502, 0, 0},
        {"HTTP/1.1 100", "", false, 0, BODY_NONE, 0},
        {"HTTP/1.1 103", "Link: x\r\n", true, 0, BODY_NONE, 0},
        {"HTTP/1.1 101", "Content-Length: 5\r\n", false, 502, 0, 0},
        {"HTTP/1.1 199", "Transfer-Encoding: chunked\r\n", true, 502, 0, 0},
        {"HTTP/1.1 205", "Content-Length: 5\r\n", false, 0, BODY_LENGTH, 5},
        {"HTTP/1.0 200", "Transfer-Encoding: chunked\r\n", false, 502, 0, 0},
        {"HTTP/1.1 200", "Transfer-Encoding: gzip, chunked\r\n", false, 502, 0, 0},
        {"HTTP/1.1 200", "Transfer-Encoding: gzip\r\n", true, 502, 0, 0},
        {"HTTP/1.1 200", "Content-Length: 5\r\nContent-Length: 5\r\n", false, 502, 0, 0},
        {"HTTP/1.1 200", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", true, 502, 0, 0},
        {"HTTP/1.1 200", "Content-Length: 5x\r\n", false, 502, 0, 0},
        {"HTTP/1.1 200", "Expect: x\r\nX-Request-Id: a\r\nX-Request-Id: b\r\nHost: \r\nHost: ,\r\n", false, 0,
         BODY_UNTIL_END, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct answer_case *c = &cases[i];
        struct reading *r = answer(c->line, c->fields, c->to_head);
        if (r->verdict.status != c->status ||
            (c->status == 0 && (r->message.body != c->body || r->message.length != c->length)))
            fail_msg("status %u, body %d: %s %s", r->verdict.status, r->message.body, c->line, c->fields);
        assert_int_equal(r->message.has_length && c->status == 0,
                         strncmp(c->fields, "Content-Length", 14) == 0 && c->status == 0);
        end(r);
    }
}

static void an_answer_tells_of_its_connection(void **state)
{
    struct reading *r =
        answer("HTTP/1.1 101 Switching", "Upgrade: websocket\r\nConnection: upgrade, x\r\nX: y\r\n", false);
    assert_true(span_equal(r->message.upgrade, span_text("websocket")));
    assert_int_equal(kind_of_name(&r->message, "x"), FIELD_HOP);
    assert_int_equal(kind_of_name(&r->message, "upgrade"), FIELD_HOP);
    end(r);
    r = answer("HTTP/1.1 200", "Connection: Close\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n", false);
    assert_true(r->message.close);
    assert_int_equal(r->message.fields[2].kind, FIELD_SET_COOKIE);
    end(r);
}

static void words_are_found_in_lists(void **state)
{
    assert_true(message_lists(span_text("a"), "a"));
    assert_true(message_lists(span_text(" x ,\tA;q=1 , y"), "a"));
    assert_true(message_lists(span_text("websocket/13"), "websocket"));
    assert_true(message_lists(span_text(",,a,,"), "a"));
    assert_false(message_lists(span_text("aa, b a, =a"), "a"));
    assert_false(message_lists(span_text(""), "a"));
    assert_false(message_lists(span_of(NULL, 0), "a"));
}

static void some_fields_may_not_be_trailers(void **state)
{
    struct head head = {0};
    struct message message;
    struct span bytes =
        span_text("Server-Timing: x\r\nGrpc-Status: 0\r\nContent-Length: x\r\nHost: h\r\nHost: i\r\n"
                  "Authorization: x\r\nIf-Match: x\r\nX-Forwarded-Port: x\r\nX-Request-Id: x\r\n"
                  "Set-Cookie: x\r\nTrailer: x\r\nConnection: x\r\nContent_Length: 5\r\nExpect: x\r\n\r\n");
    assert_int_equal(head_read_trailers(&head, bytes).verdict, PARSE_DONE);
    assert_int_equal(message_read_trailers(&message, &head, bytes).status, 0);
    assert_int_equal(message.count, 14);
    for (size_t i = 0; i < message.count; i++)
        assert_int_equal(message_allows_trailer(&message.fields[i]), i < 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_a_body_if_it_says_so),
        cmocka_unit_test(lengths_that_are_no_plain_number_are_refused),
        cmocka_unit_test(codings_other_than_chunked_are_refused),
        cmocka_unit_test(old_requests_have_no_coding),
        cmocka_unit_test(names_that_fold_into_others_end_here),
        cmocka_unit_test(every_name_has_its_kind),
        cmocka_unit_test(fields_lie_side_by_side),
        cmocka_unit_test(what_connection_says_is_understood),
        cmocka_unit_test(what_connection_names_ends_here),
        cmocka_unit_test(connection_cannot_strip_what_is_protected),
        cmocka_unit_test(connection_names_a_few_fields_and_no_more),
        cmocka_unit_test(an_upgrade_is_told_if_it_is_for_servers),
        cmocka_unit_test(expectations_other_than_100_continue_are_refused),
        cmocka_unit_test(an_id_stands_once_and_via_is_counted),
        cmocka_unit_test(long_names_hide_nothing),
        cmocka_unit_test(a_hundred_fields_of_every_kind_fit),
        cmocka_unit_test(an_answer_ends_where_its_rules_say),
        cmocka_unit_test(an_answer_tells_of_its_connection),
        cmocka_unit_test(words_are_found_in_lists),
        cmocka_unit_test(some_fields_may_not_be_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
