/* The head of a request as its server gets it. */

#include "carry/request.h"
#include "proto/head_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct request_telling telling;
static struct endpoint source;
static const struct plan_changes none;
static struct plan_pool pool;
static char out[4096];

static int set_up(void **state)
{
    assert_true(endpoint_parse(span_text("198.51.100.7"), &source));
    pool = (struct plan_pool){.name = "app"};
    telling = (struct request_telling){.source = &source, .id = span_text("id"), .pool = &pool, .changes = &none};
    return 0;
}

static const char *written(const char *request)
{
    static struct message message;
    struct head head = {.target_wins = true};
    struct span bytes = span_text(request);
    struct text text;
    assert_int_equal(head_read(&head, bytes).verdict, PARSE_DONE);
    assert_int_equal(message_read_request(&message, &head, bytes).status, 0);
    telling.host = head_host(&head, bytes);
    text_init(&text, out, sizeof(out));
    request_write(&text, &head, bytes, &message, &telling);
    assert_false(text.cut);
    return out;
}

#define OURS                                                                                                           \
    "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"                              \
    "Forwarded: for=198.51.100.7;host=\"a\";proto=http\r\nX-Request-Id: id\r\n"

static void a_request_goes_on_with_what_is_known_of_its_client(void **state)
{
    assert_string_equal(written("GET /x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"),
                        "GET /x?y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n" OURS "\r\n");
}

static void what_an_untrusted_client_claims_is_dropped(void **state)
{
    assert_string_equal(written("GET / HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1\r\nHost: a\r\nForwarded: for=1.1.1.1\r\n"
                                "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Request-Id: mine\r\n\r\n"),
                        "GET / HTTP/1.1\r\nHost: a\r\n" OURS "\r\n");
}

static void what_a_trusted_proxy_says_is_gone_on_with(void **state)
{
    telling.trusted = true;
    assert_string_equal(
        written("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"
                "Forwarded: for=1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"
        "X-Forwarded-Host: b\r\nForwarded: for=1.1.1.1, for=198.51.100.7;host=\"a\";proto=https\r\nX-Request-Id: id\r\n"
        "\r\n");
}

static void fields_of_the_hop_end_here_and_connection_cannot_strip_ours(void **state)
{
    assert_string_equal(
        written("GET / HTTP/1.1\r\nConnection: keep-alive, X-Mine, X-Forwarded-For, Host\r\nHost: a\r\n"
                "Keep-Alive: 5\r\nX-Mine: 1\r\nUpgrade: h2c\r\nProxy: x\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\n" OURS "\r\n");
}

static void an_absolute_target_wins_over_host(void **state)
{
    const char *got = written("GET http://a/p?q HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_string_equal(got, "GET /p?q HTTP/1.1\r\nHost: a\r\n" OURS "\r\n");
    got = written("OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_string_equal(got, "OPTIONS * HTTP/1.1\r\nHost: a\r\n" OURS "\r\n");
    got = written("OPTIONS http://a?x HTTP/1.1\r\nHost: b\r\n\r\n");
    assert_string_equal(got, "OPTIONS /?x HTTP/1.1\r\nHost: a\r\n" OURS "\r\n");
}

static void http10_without_host_gets_the_address_it_came_to(void **state)
{
    telling.local = span_text("192.0.2.1:80");
    assert_non_null(strstr(written("GET / HTTP/1.0\r\n\r\n"), "GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n"));
}

static void ipv6_and_unknown_clients_are_written_as_the_rules_say(void **state)
{
    assert_true(endpoint_parse(span_text("2001:db8::1"), &source));
    const char *got = written("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(strstr(got, "X-Forwarded-For: 2001:db8::1\r\n"));
    assert_non_null(strstr(got, "Forwarded: for=\"[2001:db8::1]\";host"));
    source = (struct endpoint){.kind = ENDPOINT_UNIX};
    got = written("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_null(strstr(got, "X-Forwarded-For"));
    assert_non_null(strstr(got, "Forwarded: for=unknown;host"));
}

static void routes_set_add_and_remove_fields(void **state)
{
    const struct plan_change all[] = {
        {CHANGE_SET, span_text("X-Forwarded-Proto"), span_text("https")},
        {CHANGE_SET, span_text("X-A"), span_text("1")},
        {CHANGE_ADD, span_text("X-B"), span_text("2")},
        {CHANGE_REMOVE, span_text("User-Agent"), span_of(NULL, 0)},
        {CHANGE_REMOVE, span_text("forwarded"), span_of(NULL, 0)},
    };
    const struct plan_changes changes = {all, ARRAY_LENGTH(all)};
    telling.changes = &changes;
    assert_string_equal(
        written("GET / HTTP/1.1\r\nHost: a\r\nx-a: 0\r\nx_a: 0\r\nX-B: 0\r\nUser-Agent: u\r\nUser.Agent: u\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\nX-B: 0\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Host: a\r\n"
        "X-Request-Id: id\r\nX-Forwarded-Proto: https\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
    telling.changes = &none;
}

static void nobody_but_a_trusted_proxy_names_the_client(void **state)
{
    const char *request = "GET / HTTP/1.1\r\nHost: a\r\nCF-Connecting-IP: 6.6.6.6\r\ncf_connecting_ip: 6.6.6.6\r\n\r\n";
    telling.client_header = span_text("CF-Connecting-IP");
    assert_string_equal(written(request), "GET / HTTP/1.1\r\nHost: a\r\n" OURS "\r\n");
    telling.trusted = true;
    assert_non_null(strstr(written(request), "\r\nCF-Connecting-IP: 6.6.6.6\r\n"));
}

static void what_a_route_sets_cannot_be_said_in_another_spelling(void **state)
{
    const struct plan_change set = {CHANGE_SET, span_text("X-User"), span_text("1")};
    const struct plan_changes changes = {&set, 1};
    telling.changes = &changes;
    const char *got = written("GET / HTTP/1.1\r\nHost: a\r\nX_User: 6\r\nx.user: 6\r\nX-Users: 7\r\n\r\n");
    assert_null(strstr(got, ": 6\r\n"));
    assert_non_null(strstr(got, "\r\nX-Users: 7\r\n"));
    assert_non_null(strstr(got, "\r\nX-User: 1\r\n"));
    telling.changes = &none;
}

static void bodies_and_upgrades_are_announced_anew(void **state)
{
    const char *got = written("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:  Chunked \r\n\r\n");
    assert_non_null(strstr(got, "\r\nTransfer-Encoding: chunked\r\n\r\n"));
    got = written("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:5\t\r\n\r\n");
    assert_non_null(strstr(got, "\r\nContent-Length: 5\r\n"));
    telling.upgrade = span_text("websocket");
    got = written("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n");
    assert_non_null(strstr(got, "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
}

static void what_does_not_fit_is_said_to_be_cut(void **state)
{
    static struct message message;
    struct head head = {.target_wins = true};
    struct span bytes = span_text("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    struct text text;
    assert_int_equal(head_read(&head, bytes).verdict, PARSE_DONE);
    assert_int_equal(message_read_request(&message, &head, bytes).status, 0);
    for (size_t size = 1; size < 100; size++) {
        char small[100];
        text_init(&text, small, size);
        request_write(&text, &head, bytes, &message, &telling);
        assert_true(text.cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_request_goes_on_with_what_is_known_of_its_client, set_up),
        cmocka_unit_test_setup(what_an_untrusted_client_claims_is_dropped, set_up),
        cmocka_unit_test_setup(what_a_trusted_proxy_says_is_gone_on_with, set_up),
        cmocka_unit_test_setup(fields_of_the_hop_end_here_and_connection_cannot_strip_ours, set_up),
        cmocka_unit_test_setup(an_absolute_target_wins_over_host, set_up),
        cmocka_unit_test_setup(http10_without_host_gets_the_address_it_came_to, set_up),
        cmocka_unit_test_setup(ipv6_and_unknown_clients_are_written_as_the_rules_say, set_up),
        cmocka_unit_test_setup(routes_set_add_and_remove_fields, set_up),
        cmocka_unit_test_setup(nobody_but_a_trusted_proxy_names_the_client, set_up),
        cmocka_unit_test_setup(what_a_route_sets_cannot_be_said_in_another_spelling, set_up),
        cmocka_unit_test_setup(bodies_and_upgrades_are_announced_anew, set_up),
        cmocka_unit_test_setup(what_does_not_fit_is_said_to_be_cut, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
