#include "walk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define STRANGER "203.0.113.1"
#define PROXY "127.0.0.1"

static struct plan_key keys[2];
static struct plan_pool pools[3];
static struct plan_route routes[3];
static struct plan_listener listener;
static struct facts facts;
static struct decision decision;

static int make_listener(void **state)
{
    memset(pools, 0, sizeof(pools));
    memset(routes, 0, sizeof(routes));
    keys[0] = (struct plan_key){.kind = KEY_CLIENT, .text = "client"};
    for (size_t i = 0; i < ARRAY_LENGTH(pools); i++) {
        pools[i].keys = keys;
        pools[i].key_count = 1;
        routes[i].pool = i;
    }
    listener = (struct plan_listener){
        .trust = {.loopback = true},
        .client_from = CLIENT_FROM_X_FORWARDED_FOR,
        .routes = routes,
        .route_count = 1,
    };
    return 0;
}

static struct endpoint endpoint_of(const char *ip)
{
    struct endpoint e;
    assert_true(endpoint_parse(span_text(ip), &e));
    return e;
}

/* What becomes of a connection that sends this, in pieces of any length. */
static void assert_connection(const char *ip, const char *bytes, const char *expected)
{
    static const size_t steps[] = {1, 3, SIZE_MAX};
    struct endpoint peer = endpoint_of(ip);
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        struct walk walk;
        char text[WALK_TEXT_SIZE];
        walk_run(&walk, &listener, pools, &peer, span_text(bytes), steps[i]);
        walk_text(&walk, text);
        assert_string_equal(text, expected);
        walk_fini(&walk);
    }
}

static const char *judge(const char *ip, struct span request)
{
    static char text[WALK_TEXT_SIZE];
    struct facts connection;
    struct facts_origin origin;
    struct head head = {0};
    struct endpoint peer = endpoint_of(ip);
    assert_int_equal(head_read(&head, request).verdict, PARSE_DONE);
    facts_init(&connection, &listener, pools, &peer, NULL);
    facts_origin_of(&connection, &origin);
    facts_request(&facts, &listener, pools, &origin, &head);
    decide_request(&decision, &facts, request, 7);
    walk_text(&(struct walk){.decision = decision}, text);
    facts_fini(&connection);
    return text;
}

/* A request with this first line and these fields; what stands behind its head is another's. */
static void assert_request(const char *line, const char *fields, const char *expected)
{
    char request[1024];
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\n%s\r\nX-User: behind\r\n\r\n", line, fields);
    assert_string_equal(judge(PROXY, span_text(request)), expected);
}

static void assert_route(const char *line, const char *fields, int route)
{
    char all[512];
    snprintf(all, sizeof(all), "Host: www.example.org\r\n%s", fields);
    assert_request(line, all, route < 0 ? "end no_route" : "client address " PROXY);
    assert_int_equal(decision.route, route);
}

static void a_trusted_peer_that_speaks_http_is_served_per_request(void **state)
{
    assert_connection(PROXY, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http");
    assert_connection(PROXY, "BREW /pot HTTP/1.1\r\n", "http");
    assert_connection(PROXY, "GET / HTTP/1.1\r\nbroken\r\n", "http");
    assert_connection(PROXY, "GET /", "http");
    assert_connection(STRANGER, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "client address " STRANGER);
    listener.client_from = CLIENT_FROM_NONE;
    assert_connection(PROXY, "GET / HTTP/1.1\r\n", "http");
}

static void whoever_speaks_something_else_connects_for_himself(void **state)
{
    assert_connection(PROXY, "EHLO x\r\n", "client address " PROXY);
    assert_connection(PROXY, "\x16\x03\x01", "client address " PROXY);
    assert_connection(PROXY, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "client address " PROXY);
    assert_connection(PROXY, "", "client address " PROXY);
    assert_connection(PROXY, "GE", "client address " PROXY);
}

static void a_listener_that_looks_into_requests_serves_everybody_per_request(void **state)
{
    listener.per_request = true;
    assert_connection(STRANGER, "GET / HTTP/1.1\r\n", "http");
    assert_connection(STRANGER, "EHLO x\r\n", "client address " STRANGER);
}

static void the_other_modes_ask_nobody(void **state)
{
    listener.mode = MODE_HTTP;
    assert_connection(STRANGER, "", "http");
    assert_connection(PROXY, "EHLO x\r\n", "http");
    listener.mode = MODE_TCP;
    assert_connection(PROXY, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "client address " PROXY);
}

static void the_source_of_a_proxy_header_connects_for_itself(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_connection(PROXY, "PROXY TCP4 203.0.113.1 10.0.0.1 5 6\r\nGET / HTTP/1.1\r\n", "client address " STRANGER);
    assert_connection(PROXY, "PROXY TCP4 127.0.0.2 10.0.0.1 5 6\r\nGET / HTTP/1.1\r\n", "http");
}

static void each_request_has_its_own_client(void **state)
{
    assert_request("GET /", "Host: a\r\nX-Forwarded-For: 203.0.113.9\r\n", "client address 203.0.113.9");
    assert_int_equal(facts.client_known, KNOWN_PRESENT);
    assert_request("GET /", "Host: a\r\n", "client address " PROXY);
    keys[0] = (struct plan_key){.kind = KEY_PATH, .text = "path"};
    assert_request("GET /x?y", "Host: a\r\nX-Forwarded-For: 203.0.113.9\r\n", "path text /x");
    struct endpoint client = endpoint_of("203.0.113.9");
    assert_true(facts.client_known == KNOWN_PRESENT && endpoint_equal(&facts.client, &client));
}

static void nothing_behind_the_head_counts(void **state)
{
    keys[0] = (struct plan_key){.kind = KEY_FIELD, .text = "field:X-User", .name = "X-User"};
    assert_request("GET /", "Host: a\r\n", "spread address " PROXY);
    assert_request("GET /", "Host: a\r\nX-User: me\r\n", "field:X-User text me");
    keys[0] = (struct plan_key){.kind = KEY_BYTES, .text = "bytes", .offset = 0, .length = 200};
    assert_request("GET /", "Host: a\r\n", "spread address " PROXY);
    keys[0].length = 5;
    assert_request("GET /", "Host: a\r\n", "bytes text GET\\x20/");
}

static void a_long_head_is_read_to_its_end(void **state)
{
    static char request[3 * PEEK_LIMIT];
    keys[0] = (struct plan_key){.kind = KEY_HEADER, .text = "header", .name = "X-User"};
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nLong: %0*d\r\nX-User: me\r\n\r\n", 2 * PEEK_LIMIT,
             1);
    assert_string_equal(judge(PROXY, span_text(request)), "header text me");
}

static void what_could_be_read_in_two_ways_is_refused(void **state)
{
    keys[0] = (struct plan_key){.kind = KEY_HEADER, .text = "header", .name = "X-User"};
    assert_request("GET /", "Host: a\r\nX-User: a\r\nX-User: b\r\n", "end bad_head 400");
}

static void the_host_chooses_a_route(void **state)
{
    routes[0].hosts = (const char *[]){"a.example.org", "*.example.net"};
    routes[0].host_count = 2;
    listener.route_count = 2;
    assert_request("GET /", "Host: A.Example.Org:8080\r\n", "client address " PROXY);
    assert_int_equal(decision.route, 0);
    assert_request("GET /", "Host: deep.b.example.net\r\n", "client address " PROXY);
    assert_int_equal(decision.route, 0);
    assert_request("GET http://A.EXAMPLE.org/", "Host: a.example.org\r\n", "client address " PROXY);
    assert_int_equal(decision.route, 0);
    static const char *const others[] = {"Host: example.net\r\n", "Host: .example.net\r\n", "Host: b.example.org\r\n",
                                         "Host: a.example.org.evil\r\n", "Host: \r\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        assert_request("GET /", others[i], "client address " PROXY);
        assert_int_equal(decision.route, 1);
    }
}

static void the_path_chooses_a_route_by_its_beginning(void **state)
{
    routes[0].path = span_text("/api/");
    listener.route_count = 2;
    assert_route("GET /api/", "", 0);
    assert_route("GET /api/x?y=/z", "", 0);
    assert_route("GET /api", "", 1);
    assert_route("GET /API/", "", 1);
    assert_route("GET /?/api/", "", 1);
    assert_route("GET /%61pi/", "", 1);
    assert_route("OPTIONS *", "", 1);
    assert_route("CONNECT www.example.org:80", "", 1);
    assert_route("GET http://www.example.org/api/", "", 0);
}

static void methods_and_fields_choose_a_route(void **state)
{
    routes[0].methods = (const char *[]){"PUT", "POST"};
    routes[0].method_count = 2;
    routes[1].headers = (const char *[]){"X-Debug", "X-User"};
    routes[1].header_count = 2;
    listener.route_count = 2;
    assert_route("POST /", "", 0);
    assert_route("post /", "", -1);
    assert_route("GET /", "x-debug:\r\nX-USER: me\r\n", 1);
    assert_route("GET /", "X-Debug: 1\r\n", -1);
}

static void all_conditions_have_to_match(void **state)
{
    routes[0].hosts = (const char *[]){"www.example.org"};
    routes[0].host_count = 1;
    routes[0].path = span_text("/a");
    routes[0].methods = (const char *[]){"GET"};
    routes[0].method_count = 1;
    const char *why = NULL;
    assert_route("GET /a", "", 0);
    assert_route("HEAD /a", "", -1);
    assert_route("GET /b", "", -1);
    static const char request[] = "HEAD /a HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
    judge(PROXY, span_text(request));
    assert_int_equal(decide_route(&routes[0], &facts, span_text(request), &why), KNOWN_ABSENT);
    assert_string_equal(why, "the request has another method");
}

static void a_route_may_answer_by_itself(void **state)
{
    routes[0].action = ROUTE_ANSWER;
    routes[0].path = span_text("/robots.txt");
    listener.route_count = 2;
    assert_request("GET /robots.txt", "Host: a\r\nX-Forwarded-For: 203.0.113.9\r\n", "answer of route 0");
    assert_null(decision.pool);
    struct endpoint client = endpoint_of("203.0.113.9");
    assert_true(endpoint_equal(&facts.client, &client));
}

static void only_requests_are_answered(void **state)
{
    routes[0].action = ROUTE_REDIRECT;
    listener.per_request = true;
    assert_connection(STRANGER, "EHLO x\r\n", "end no_route");
    listener.route_count = 2;
    assert_connection(STRANGER, "EHLO x\r\n", "client address " STRANGER);
    assert_request("GET /", "Host: a\r\n", "answer of route 0");
}

static void no_request_is_tls(void **state)
{
    routes[0].sni = "a.example.org";
    listener.route_count = 2;
    assert_route("GET /", "", 1);
}

static void what_was_taken_off_a_connection_holds_for_its_requests(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct head head = {0};
    assert_int_equal(head_read(&head, span_text(request)).verdict, PARSE_DONE);
    struct facts_origin origin = {.peer = endpoint_of(PROXY),
                                  .source = endpoint_of(STRANGER),
                                  .peer_trusted = true,
                                  .source_tls = true,
                                  .unwrapped_length = 3,
                                  .unwrapped = (const uint8_t *)"abc"};
    keys[0] = (struct plan_key){.kind = KEY_UNWRAPPED, .text = "unwrapped"};
    facts_request(&facts, &listener, pools, &origin, &head);
    decide_request(&decision, &facts, span_text(request), 7);
    assert_true(span_equal(decision.key, span_text("abc")));
    assert_true(facts.source_tls && endpoint_equal(&facts.client, &origin.source));
}

static void nobody_gets_past_routes_that_look_into_requests(void **state)
{
    static const char *const may_be[] = {"",
                                         "GE",
                                         "GET ",
                                         "\r\n",
                                         "\r\n\r\nGET / HTTP/1.1\r\n",
                                         "\n\nGET /",
                                         " GET / H",
                                         "\tGET ",
                                         "EHLO x yz",
                                         "\v",
                                         "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM / HTTP/1.1\r\n"};
    static const char *const is_not[] = {"EHLO x\r\n", "\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\xff"};
    listener.per_request = true;
    for (size_t i = 0; i < ARRAY_LENGTH(may_be); i++) {
        assert_connection(STRANGER, may_be[i], "http");
        assert_connection(PROXY, may_be[i], "http");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(is_not); i++)
        assert_connection(STRANGER, is_not[i], "client address " STRANGER);
}

static void a_redirect_to_https_is_for_requests_that_came_without(void **state)
{
    routes[0].action = ROUTE_REDIRECT;
    listener.route_count = 2;
    const char *host = "Host: www.example.org\r\n";
    struct {
        const char *fields;
        int route;
    } cases[] = {
        {"", 0},
        {"X-Forwarded-Proto: http\r\n", 0},
        {"X-Forwarded-Proto: https\r\n", 1},
        {"x-forwarded-proto: http, HTTPS\r\n", 1},
        {"X-Forwarded-Proto: wss\r\n", 1},
        {"X-Forwarded-Proto: httpsx\r\n", 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char request[256];
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n%s%s\r\n", host, cases[i].fields);
        (void)judge(PROXY, span_text(request));
        assert_int_equal(decision.route, cases[i].route);
        (void)judge(STRANGER, span_text(request));
        assert_int_equal(decision.route, 0);
    }
    routes[0].location = "https://example.org";
    (void)judge(PROXY, span_text("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"));
    assert_int_equal(decision.route, 0);
}

#define fresh(test) cmocka_unit_test_setup(test, make_listener)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_trusted_peer_that_speaks_http_is_served_per_request),
        fresh(whoever_speaks_something_else_connects_for_himself),
        fresh(a_listener_that_looks_into_requests_serves_everybody_per_request),
        fresh(the_other_modes_ask_nobody),
        fresh(the_source_of_a_proxy_header_connects_for_itself),
        fresh(each_request_has_its_own_client),
        fresh(nothing_behind_the_head_counts),
        fresh(a_long_head_is_read_to_its_end),
        fresh(what_could_be_read_in_two_ways_is_refused),
        fresh(the_host_chooses_a_route),
        fresh(the_path_chooses_a_route_by_its_beginning),
        fresh(methods_and_fields_choose_a_route),
        fresh(all_conditions_have_to_match),
        fresh(a_route_may_answer_by_itself),
        fresh(only_requests_are_answered),
        fresh(no_request_is_tls),
        fresh(what_was_taken_off_a_connection_holds_for_its_requests),
        fresh(nobody_gets_past_routes_that_look_into_requests),
        fresh(a_redirect_to_https_is_for_requests_that_came_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
