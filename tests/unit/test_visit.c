#include "session/visit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct plan_listener listener = {.name = ":443"};
static const struct plan_key keys[] = {
    {.kind = KEY_HEADER, .text = "header:X-User", .name = "x-user"},
    {.kind = KEY_CLIENT, .text = "client"},
};
static const struct plan_server servers[] = {{.name = "s1"}, {.name = "s2"}, {.name = "s3"}, {.name = "s4"}};
static const struct plan_pool pool = {
    .name = "app", .keys = keys, .key_count = 2, .servers = servers, .server_count = 4};

static struct visit visit;
static char line[VISIT_LINE_SIZE];

static int start(void **state)
{
    visit = (struct visit){.listener = &listener, .source = -1, .reason = REASON_DONE};
    visit.accepted = clock_steady() - 5000000;
    visit.peer = endpoint_from_ip4((uint8_t[]){192, 0, 2, 1}, 4711);
    visit.client = endpoint_from_ip6((uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 7}, 0);
    return 0;
}

/* The common case: it came home. */
static void go_home(void)
{
    visit.decided = visit.accepted + 1234;
    visit.connected = visit.decided + 2005;
    visit.pool = &pool;
    visit.server = &servers[1];
    visit.source = 0;
    visit.key_hash = 0xabc;
    visit.choice = VISIT_HOME;
}

static void pass_over(uint32_t server, int error)
{
    visit_pass(&visit, server, error);
}

static void show_key(const void *key, size_t length)
{
    free(visit.plain_key);
    visit.plain_key = malloc(length);
    assert_non_null(visit.plain_key);
    memcpy(visit.plain_key, key, length);
    visit.plain_key_length = (uint16_t)length;
}

static void write_line(enum log_format format)
{
    struct plan_log log = {.format = format};
    struct text text;
    text_init(&text, line, sizeof(line));
    visit_line(&visit, &log, 17, 123456789012, &text);
    assert_false(text.cut);
    assert_int_equal(strlen(line), text.length);
    assert_ptr_equal(strchr(line, '\n'), line + text.length - 1);
}

/* The times of the run are different each time: the rest of the line is compared. */
static void cut_times(void)
{
    static const char *const names[] = {"time=", "total_ms=", "\"time\":", "\"total_ms\":"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char *at = strstr(line, names[i]);
        if (!at)
            continue;
        at += strlen(names[i]);
        char *end = at + strcspn(at, names[i][0] == '"' ? ",}" : " \n");
        memmove(at + 1, end, strlen(end) + 1);
        *at = '*';
    }
}

static void assert_text(const char *expected)
{
    write_line(LOG_FORMAT_TEXT);
    cut_times();
    assert_string_equal(line, expected);
}

static void assert_json(const char *expected)
{
    write_line(LOG_FORMAT_JSON);
    cut_times();
    assert_string_equal(line, expected);
}

static void a_visit_that_came_home(void **state)
{
    go_home();
    assert_text(
        "time=* client=2001:db8::7 peer=192.0.2.1:4711 listener=:443 pool=app source=header:X-User key=00000abc "
        "server=s2 why=home bytes_in=17 bytes_out=123456789012 wait_ms=1.234 connect_ms=2.005 total_ms=* "
        "reason=done\n");
    assert_json("{\"time\":*,\"client\":\"2001:db8::7\",\"peer\":\"192.0.2.1:4711\",\"listener\":\":443\","
                "\"pool\":\"app\",\"source\":\"header:X-User\",\"key\":\"00000abc\",\"server\":\"s2\",\"why\":\"home\","
                "\"bytes_in\":17,\"bytes_out\":123456789012,\"wait_ms\":1.234,\"connect_ms\":2.005,\"total_ms\":*,"
                "\"reason\":\"done\"}\n");
}

static void a_visit_that_ended_before_it_was_decided(void **state)
{
    visit.reason = REASON_BAD_HEAD;
    visit.detail = "two Host fields";
    assert_text(
        "time=* client=2001:db8::7 peer=192.0.2.1:4711 listener=:443 pool=- source=- key=- server=- why=nowhere "
        "bytes_in=17 bytes_out=123456789012 wait_ms=- connect_ms=- total_ms=* reason=bad_head "
        "detail=two_Host_fields\n");
    assert_json(
        "{\"time\":*,\"client\":\"2001:db8::7\",\"peer\":\"192.0.2.1:4711\",\"listener\":\":443\",\"pool\":\"\","
        "\"source\":\"\",\"key\":\"\",\"server\":\"\",\"why\":\"nowhere\",\"bytes_in\":17,"
        "\"bytes_out\":123456789012,\"wait_ms\":null,\"connect_ms\":null,\"total_ms\":*,\"reason\":\"bad_head\","
        "\"detail\":\"two Host fields\"}\n");
}

static void a_visit_without_a_key_was_spread(void **state)
{
    go_home();
    visit.source = -1;
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " source=spread key=00000abc "));
}

static void a_visit_that_found_no_server(void **state)
{
    go_home();
    visit.server = NULL;
    visit.connected = 0;
    visit.choice = VISIT_NOWHERE;
    visit.reason = REASON_NO_SERVER;
    pass_over(0, 0);
    pass_over(1, ECONNREFUSED);
    pass_over(2, ETIMEDOUT);
    pass_over(3, EHOSTUNREACH);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " server=- why=nowhere:s1:resting,s2:refused,s3:timeout,s4:unreachable "));
    assert_non_null(strstr(line, " connect_ms=- "));
    assert_non_null(strstr(line, " reason=no_server\n"));
    write_line(LOG_FORMAT_JSON);
    assert_non_null(strstr(line, "\"why\":\"nowhere:s1:resting,s2:refused,s3:timeout,s4:unreachable\","));
}

static void a_server_that_rested_and_was_tried_all_the_same_is_told_once(void **state)
{
    go_home();
    visit.server = NULL;
    visit.choice = VISIT_NOWHERE;
    pass_over(0, 0);
    pass_over(1, ECONNREFUSED);
    pass_over(0, ETIMEDOUT);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " why=nowhere:s1:timeout,s2:refused "));
}

static void a_visit_that_went_elsewhere_says_why(void **state)
{
    go_home();
    visit.choice = VISIT_NEXT_RANKED;
    pass_over(0, ECONNREFUSED);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " server=s2 why=next_ranked:s1:refused "));
    visit.choice = VISIT_LAST_RESORT;
    visit.passed->errors[0] = 0;
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " server=s2 why=last_resort:s1:resting "));
}

static void eight_that_were_passed_over_are_named_and_more_are_hinted_at(void **state)
{
    static struct plan_server many[9];
    struct plan_pool wide = {.name = "wide", .keys = pool.keys, .servers = many};
    go_home();
    visit.pool = &wide;
    visit.server = &many[8];
    visit.choice = VISIT_NEXT_RANKED;
    for (uint32_t i = 0; i < 9; i++)
        many[i].name = "s";
    for (uint32_t i = 0; i < 8; i++)
        pass_over(i, 0);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, ",s:resting bytes_in="));
    pass_over(8, 0);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, ",s:resting,... bytes_in="));
}

static void a_key_of_bytes_is_shown_to_its_last_one(void **state)
{
    go_home();
    show_key("\x0a\x00\x00\x01\x00", 5);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " key_text=\\x0a\\x00\\x00\\x01\\x00 "));
    write_line(LOG_FORMAT_JSON);
    assert_non_null(strstr(line, "\"key_text\":\"\\u000a\\u0000\\u0000\\u0001\\u0000\""));
}

static void every_reason_is_written_as_it_is_called(void **state)
{
    for (int reason = 0; reason < REASON_COUNT; reason++) {
        char expected[64];
        visit.reason = (uint8_t)reason;
        snprintf(expected, sizeof(expected), " reason=%s\n", reason_text((enum reason)reason));
        write_line(LOG_FORMAT_TEXT);
        assert_non_null(strstr(line, expected));
    }
}

static void a_hostile_key_adds_no_line_and_no_field(void **state)
{
    static const char hostile[] = "a b\n\"x\" reason=done\\\x1b[2J\xff\xc3\xa9\x7f";
    go_home();
    show_key(hostile, sizeof(hostile) - 1);
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(
        strstr(line, " key_text=a\\x20b\\x0a\\x22x\\x22\\x20reason=done\\x5c\\x1b[2J\\xff\\xc3\\xa9\\x7f "));
    write_line(LOG_FORMAT_JSON);
    assert_non_null(strstr(line, "\"key_text\":\"a b\\u000a\\\"x\\\" reason=done\\\\\\u001b[2J\\u00ff\xc3\xa9"));
}

static void peers_on_unix_sockets_and_unknown_clients_are_written_too(void **state)
{
    visit.peer = (struct endpoint){.kind = ENDPOINT_UNIX};
    visit.client = (struct endpoint){.kind = ENDPOINT_NONE};
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " client=- peer=unix "));
}

/* Texts of times are in the order of the times. */
static void the_time_is_when_the_client_came(void **state)
{
    char before[CLOCK_TEXT_SIZE], after[CLOCK_TEXT_SIZE];
    micros come = clock_wall() - (clock_steady() - visit.accepted);
    clock_text(come - 50 * MILLIS_IN_MICROS, before);
    clock_text(come + 50 * MILLIS_IN_MICROS, after);
    write_line(LOG_FORMAT_TEXT);
    assert_memory_equal(line, "time=", 5);
    assert_true(memcmp(line + 5, before, strlen(before)) >= 0);
    assert_true(memcmp(line + 5, after, strlen(after)) <= 0);
    assert_non_null(strstr(line, " total_ms=5"));
}

static void ask_for(const char *method, const char *host, const char *path)
{
    visit.request = visit_request_new(span_text(method), span_text(host), span_text(path));
    assert_non_null(visit.request);
}

static void a_request_tells_of_itself_too(void **state)
{
    go_home();
    ask_for("GET", "www.example.org", "/a/b");
    visit.request->status = 304;
    visit.request->asked = visit.connected;
    visit.request->answered = visit.connected + 12345;
    strcpy(visit.request->id, "0123abcd");
    assert_text(
        "time=* client=2001:db8::7 peer=192.0.2.1:4711 listener=:443 pool=app source=header:X-User key=00000abc "
        "server=s2 why=home bytes_in=17 bytes_out=123456789012 wait_ms=1.234 connect_ms=2.005 total_ms=* "
        "method=GET host=www.example.org path=/a/b status=304 server_ms=12.345 request_id=0123abcd reason=done\n");
    assert_json("{\"time\":*,\"client\":\"2001:db8::7\",\"peer\":\"192.0.2.1:4711\",\"listener\":\":443\","
                "\"pool\":\"app\",\"source\":\"header:X-User\",\"key\":\"00000abc\",\"server\":\"s2\",\"why\":\"home\","
                "\"bytes_in\":17,\"bytes_out\":123456789012,\"wait_ms\":1.234,\"connect_ms\":2.005,\"total_ms\":*,"
                "\"method\":\"GET\",\"host\":\"www.example.org\",\"path\":\"/a/b\",\"status\":304,"
                "\"server_ms\":12.345,\"request_id\":\"0123abcd\",\"reason\":\"done\"}\n");
    visit.request->retried = true;
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " server_ms=12.345 retried=true request_id="));
    write_line(LOG_FORMAT_JSON);
    assert_non_null(strstr(line, ",\"server_ms\":12.345,\"retried\":true,\"request_id\":"));
}

static void a_request_that_was_never_answered_says_so(void **state)
{
    ask_for("", "", "");
    visit.request->answered = 7; /* whatever it is: nobody was asked */
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " method=- host=- path=- status=- server_ms=- request_id=- reason="));
    write_line(LOG_FORMAT_JSON);
    assert_non_null(strstr(line, ",\"method\":\"\",\"host\":\"\",\"path\":\"\",\"status\":null,\"server_ms\":null,"
                                 "\"request_id\":\"\",\"reason\":"));
    visit.request->asked = 8;
    visit.request->answered = 0;
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " server_ms=- "));
}

static void a_hostile_request_adds_no_line_and_no_field(void **state)
{
    ask_for("GET\nX", "a b\"c\\", "/\r\n status=200\x1b[2J\xff");
    strcpy(visit.request->id, "x\" \n");
    write_line(LOG_FORMAT_TEXT);
    assert_non_null(strstr(line, " method=GET\\x0aX host=a\\x20b\\x22c\\x5c "
                                 "path=/\\x0d\\x0a\\x20status=200\\x1b[2J\\xff status=- server_ms=- "
                                 "request_id=x\\x22\\x20\\x0a reason="));
    write_line(LOG_FORMAT_JSON);
    assert_non_null(strstr(line, "\"method\":\"GET\\u000aX\",\"host\":\"a b\\\"c\\\\\","
                                 "\"path\":\"/\\u000d\\u000a status=200\\u001b[2J\\u00ff\""));
}

static void long_texts_of_a_request_are_cut(void **state)
{
    static char longer[4096];
    memset(longer, 'x', sizeof(longer) - 1);
    ask_for(longer, longer, longer);
    assert_int_equal(visit.request->method_length, VISIT_METHOD_MOST);
    assert_int_equal(visit.request->host_length, VISIT_HOST_MOST);
    assert_int_equal(visit.request->path_length, VISIT_PATH_MOST);
    write_line(LOG_FORMAT_TEXT);
    const char *path = strstr(line, " path=");
    assert_non_null(path);
    assert_int_equal(strspn(path + strlen(" path="), "x"), VISIT_PATH_MOST);
}

/* A reader of JSON that knows only what a log line may be: an object of strings, numbers, true and null. */
static const char *skip_string(const char *at)
{
    assert_int_equal(*at++, '"');
    for (; *at != '"'; at++) {
        assert_true((unsigned char)*at >= ' ');
        if (*at != '\\')
            continue;
        at++;
        assert_non_null(strchr("\"\\/bfnrtu", *at));
        if (*at == 'u') {
            assert_true(strspn(at + 1, "0123456789abcdefABCDEF") >= 4);
            at += 4;
        }
    }
    return at + 1;
}

static const char *skip_value(const char *at)
{
    if (*at == '"')
        return skip_string(at);
    if (strncmp(at, "null", 4) == 0 || strncmp(at, "true", 4) == 0)
        return at + 4;
    size_t digits = strspn(at, "0123456789");
    assert_true(digits > 0);
    at += digits;
    if (*at == '.') {
        digits = strspn(at + 1, "0123456789");
        assert_true(digits > 0);
        at += 1 + digits;
    }
    return at;
}

static void assert_is_json(void)
{
    const char *at = line;
    assert_int_equal(*at, '{');
    do {
        at = skip_string(at + 1);
        assert_int_equal(*at, ':');
        at = skip_value(at + 1);
    } while (*at == ',');
    assert_string_equal(at, "}\n");
}

static void every_byte_in_a_key_leaves_the_line_json_and_whole(void **state)
{
    static char all[VISIT_PLAIN_KEY_MOST];
    go_home();
    for (int start_at = 0; start_at < 256; start_at += 5) {
        for (int i = 0; i < VISIT_PLAIN_KEY_MOST; i++)
            all[i] = (char)(start_at + i * 7);
        show_key(all, sizeof(all));
        write_line(LOG_FORMAT_JSON);
        assert_is_json();
        write_line(LOG_FORMAT_TEXT);
        assert_null(strchr(line, '"'));
    }
}

/* As long as each text may be, of bytes that take the most room. */
static void the_longest_line_is_not_cut(void **state)
{
    static char longest[513];
    static char long_path[VISIT_PATH_MOST + 1];
    static struct plan_server worst_servers[VISIT_PASSED_MOST];
    static struct plan_key worst_key;
    static struct plan_pool worst_pool;
    static struct plan_listener worst_listener;
    memset(longest, '\x01', sizeof(longest) - 1);
    memset(long_path, '\x01', sizeof(long_path) - 1);
    go_home();
    worst_listener.name = longest;
    worst_key.text = longest;
    for (int i = 0; i < VISIT_PASSED_MOST; i++)
        worst_servers[i].name = longest;
    worst_pool = (struct plan_pool){.name = longest, .keys = &worst_key, .servers = worst_servers};
    visit.listener = &worst_listener;
    visit.pool = &worst_pool;
    visit.server = &worst_servers[0];
    show_key(longest, VISIT_PLAIN_KEY_MOST);
    visit.detail = longest;
    for (uint32_t i = 0; i < VISIT_PASSED_MOST; i++)
        pass_over(i, EADDRNOTAVAIL);
    ask_for(longest, longest, long_path);
    visit.request->retried = true;
    memset(visit.request->id, '\x01', VISIT_ID_SIZE - 1);
    write_line(LOG_FORMAT_JSON);
    assert_is_json();
    assert_non_null(strstr(line, ",\"reason\":\"done\""));
}

static int stop(void **state)
{
    visit_fini(&visit);
    visit_fini(&visit);
    return 0;
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_visit_that_came_home),
        fresh(a_visit_that_ended_before_it_was_decided),
        fresh(a_visit_without_a_key_was_spread),
        fresh(a_visit_that_found_no_server),
        fresh(a_server_that_rested_and_was_tried_all_the_same_is_told_once),
        fresh(a_visit_that_went_elsewhere_says_why),
        fresh(eight_that_were_passed_over_are_named_and_more_are_hinted_at),
        fresh(a_key_of_bytes_is_shown_to_its_last_one),
        fresh(every_reason_is_written_as_it_is_called),
        fresh(a_hostile_key_adds_no_line_and_no_field),
        fresh(peers_on_unix_sockets_and_unknown_clients_are_written_too),
        fresh(the_time_is_when_the_client_came),
        fresh(a_request_tells_of_itself_too),
        fresh(a_request_that_was_never_answered_says_so),
        fresh(a_hostile_request_adds_no_line_and_no_field),
        fresh(long_texts_of_a_request_are_cut),
        fresh(every_byte_in_a_key_leaves_the_line_json_and_whole),
        fresh(the_longest_line_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
