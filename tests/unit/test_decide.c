#include "walk.h"

#include "proto/parse.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define KEYS_MAX 4

static struct plan_key keys[KEYS_MAX];
static struct plan_pool pools[3];
static struct plan_route routes[3];
static struct plan_listener listener;
static struct walk walk;

static int make_listener(void **state)
{
    memset(pools, 0, sizeof(pools));
    memset(routes, 0, sizeof(routes));
    for (size_t i = 0; i < ARRAY_LENGTH(pools); i++) {
        pools[i].keys = keys;
        routes[i].pool = i;
    }
    listener = (struct plan_listener){
        .mode = MODE_TCP,
        .trust = {.loopback = true},
        .client_from = CLIENT_FROM_X_FORWARDED_FOR,
        .routes = routes,
        .route_count = 1,
    };
    return 0;
}

static void use_keys(const struct plan_key *list, size_t count)
{
    assert_true(count <= KEYS_MAX);
    memcpy(keys, list, count * sizeof(*list));
    for (size_t i = 0; i < ARRAY_LENGTH(pools); i++)
        pools[i].key_count = count;
}
#define KEYS(...)                                                                                                      \
    use_keys((const struct plan_key[]){__VA_ARGS__},                                                                   \
             sizeof((const struct plan_key[]){__VA_ARGS__}) / sizeof(struct plan_key))

#define CLIENT                                                                                                         \
    {                                                                                                                  \
        .kind = KEY_CLIENT, .text = "client"                                                                           \
    }
#define PEER                                                                                                           \
    {                                                                                                                  \
        .kind = KEY_PEER, .text = "peer"                                                                               \
    }
#define HEADER(which)                                                                                                  \
    {                                                                                                                  \
        .kind = KEY_HEADER, .text = "header", .name = (which)                                                          \
    }
#define COOKIE(which)                                                                                                  \
    {                                                                                                                  \
        .kind = KEY_COOKIE, .text = "cookie", .name = (which)                                                          \
    }
#define QUERY(which)                                                                                                   \
    {                                                                                                                  \
        .kind = KEY_QUERY, .text = "query", .name = (which)                                                            \
    }
#define FIELD(which)                                                                                                   \
    {                                                                                                                  \
        .kind = KEY_FIELD, .text = "field", .name = (which)                                                            \
    }
#define PLAIN(which, word)                                                                                             \
    {                                                                                                                  \
        .kind = (which), .text = (word)                                                                                \
    }
#define SEGMENT(number)                                                                                                \
    {                                                                                                                  \
        .kind = KEY_PATH_SEGMENT, .text = "path:N", .segment = (number)                                                \
    }
#define BYTES(from, count)                                                                                             \
    {                                                                                                                  \
        .kind = KEY_BYTES, .text = "bytes", .offset = (from), .length = (count)                                        \
    }

static const char *come_in(const char *peer, struct span bytes, size_t step)
{
    static char text[WALK_TEXT_SIZE];
    struct endpoint from = {.kind = ENDPOINT_UNIX};
    if (strcmp(peer, "unix") != 0)
        assert_true(endpoint_parse(span_text(peer), &from));
    walk_fini(&walk);
    walk_run(&walk, &listener, pools, &from, bytes, step);
    walk_text(&walk, text);
    return text;
}

/* Whole, byte by byte and in steps between: the answer must be the same. */
static void assert_bytes_become(const char *peer, struct span bytes, const char *expected)
{
    static const size_t steps[] = {1, 3, 17, SIZE_MAX};
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
        assert_string_equal(come_in(peer, bytes, steps[i]), expected);
}

#define STRANGER "203.0.113.1"

static void assert_becomes(const char *bytes, const char *expected)
{
    assert_bytes_become(STRANGER, span_text(bytes), expected);
}

/* A request with this first line and these fields. */
static void assert_request(const char *line, const char *fields, const char *expected)
{
    char request[1024];
    snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: Www.Example.ORG:8080\r\n%s\r\n", line, fields);
    assert_becomes(request, expected);
}

static void addresses_are_known_without_a_byte(void **state)
{
    KEYS(CLIENT);
    assert_becomes("anything", "client address " STRANGER);
    assert_int_equal(walk.needed, 0);
    KEYS(PEER);
    assert_bytes_become("127.0.0.1", span_text("anything"), "peer address 127.0.0.1");
    assert_int_equal(walk.needed, 0);
}

static void a_network_groups_its_clients(void **state)
{
    KEYS({.kind = KEY_CLIENT_NETWORK, .text = "client/24/56", .ip4_bits = 24, .ip6_bits = 56});
    assert_becomes("", "client/24/56 address 203.0.113.0");
    assert_bytes_become("2001:db8:1:2ff:3::4", span_text(""), "client/24/56 address 2001:db8:1:200::");
    KEYS({.kind = KEY_CLIENT_NETWORK, .text = "client/0/0"});
    assert_bytes_become("2001:db8:1:2ff:3::4", span_text(""), "client/0/0 address ::");
}

static void somebody_on_a_unix_socket_has_no_address(void **state)
{
    KEYS(CLIENT, PEER);
    assert_bytes_become("unix", span_text("x"), "spread text \\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00");
}

static void a_header_is_a_key(void **state)
{
    KEYS(HEADER("X-User"));
    assert_request("GET /", "x-USER:  ann \r\n", "header text ann");
    assert_request("GET /", "X-User: \r\n", "spread address " STRANGER);
    assert_request("GET /", "X-Other: ann\r\n", "spread address " STRANGER);
}

static void a_header_that_comes_twice_could_be_read_in_two_ways(void **state)
{
    KEYS(HEADER("X-User"));
    assert_request("GET /", "X-User: ann\r\nX-User: bob\r\n", "end bad_head 400");
    assert_request("GET /", "X-User: ann\r\nx-user: ann\r\n", "end bad_head 400");
}

static void a_cookie_is_a_key_and_the_first_one_counts(void **state)
{
    KEYS(COOKIE("sid"));
    assert_request("GET /", "Cookie: a=b; sid=one; sid=two\r\n", "cookie text one");
    assert_request("GET /", "Cookie: SID=one\r\n", "spread address " STRANGER);
    assert_request("GET /", "Cookie: sid=\r\n", "spread address " STRANGER);
}

static void a_query_parameter_is_a_key_as_it_is_written(void **state)
{
    KEYS(QUERY("id"));
    assert_request("GET /x?a=1&id=%41&id=2", "", "query text %41");
    assert_request("GET /x?id=", "", "spread address " STRANGER);
    assert_request("GET /x", "", "spread address " STRANGER);
}

static void the_path_and_its_segments_are_keys(void **state)
{
    KEYS(PLAIN(KEY_PATH, "path"));
    assert_request("GET /a/b?c", "", "path text /a/b");
    KEYS(SEGMENT(2));
    assert_request("GET /a/b?c", "", "path:N text b");
    assert_request("GET /a", "", "spread address " STRANGER);
    assert_request("GET /a//c", "", "spread address " STRANGER);
}

static void the_host_is_a_key_in_lower_case_without_its_port(void **state)
{
    KEYS(PLAIN(KEY_HOST, "host"));
    assert_request("GET /", "", "host text www.example.org");
    assert_becomes("GET / HTTP/1.1\r\nHost:\r\n\r\n", "spread address " STRANGER);

    char name[DECIDE_HOST_MAX + 2] = {0}, request[512];
    memset(name, 'a', DECIDE_HOST_MAX);
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name);
    assert_int_equal(strncmp(come_in(STRANGER, span_text(request), 9), "host text aaa", 13), 0);
    name[DECIDE_HOST_MAX] = 'a';
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", name);
    assert_becomes(request, "spread address " STRANGER);
}

static void the_method_is_a_key(void **state)
{
    KEYS(PLAIN(KEY_METHOD, "method"));
    assert_request("PUT /", "", "method text PUT");
}

/* A ClientHello for b.example.org that offers h2 and http/1.1, in two records. */
static const uint8_t hello_bytes[] = "\x16\x03\x01\x00\x05"
                                     "\x01\x00\x00\x53\x03"
                                     "\x16\x03\x01\x00\x52"
                                     "\x03"
                                     "0123456789abcdef0123456789abcdef"
                                     "\x00"
                                     "\x00\x02\x13\x01"
                                     "\x01\x00"
                                     "\x00\x28"
                                     "\x00\x00\x00\x12\x00\x10\x00\x00\x0d"
                                     "b.Example.org"
                                     "\x00\x10\x00\x0e\x00\x0c\x02"
                                     "h2"
                                     "\x08"
                                     "http/1.1";

static struct span hello(void)
{
    return span_of(hello_bytes, sizeof(hello_bytes) - 1);
}

static void a_client_hello_gives_keys(void **state)
{
    KEYS(PLAIN(KEY_SNI, "sni"));
    assert_bytes_become(STRANGER, hello(), "sni text b.example.org");
    KEYS(PLAIN(KEY_ALPN, "alpn"));
    assert_bytes_become(STRANGER, hello(), "alpn text h2");
    assert_request("GET /", "", "spread address " STRANGER);
    (void)come_in(STRANGER, span_text("GET"), 1);
    assert_int_equal(walk.needed, 1);
}

static void a_cut_client_hello_is_absent(void **state)
{
    KEYS(PLAIN(KEY_SNI, "sni"));
    assert_bytes_become(STRANGER, span_part(hello(), 0, 60), "spread address " STRANGER);
}

static void bytes_are_a_key_and_are_counted_behind_what_was_taken_off(void **state)
{
    KEYS(BYTES(2, 3));
    assert_becomes("abcdefgh", "bytes text cde");
    assert_becomes("abcde", "bytes text cde");
    assert_becomes("abcd", "spread address " STRANGER);
    listener.unwrap = UNWRAP_BYTES;
    listener.unwrap_length = 2;
    assert_bytes_become("127.0.0.1", span_text("abcdefgh"), "bytes text efg");
    KEYS(PLAIN(KEY_UNWRAPPED, "unwrapped"));
    assert_bytes_become("127.0.0.1", span_text("abcdefgh"), "unwrapped text ab");
}

static void without_a_prefix_there_is_nothing_unwrapped(void **state)
{
    KEYS(PLAIN(KEY_UNWRAPPED, "unwrapped"));
    assert_becomes("abc", "spread address " STRANGER);
    assert_int_equal(walk.needed, 0);
}

static void a_line_of_any_text_protocol_is_a_key(void **state)
{
    KEYS(FIELD("Call-ID"));
    assert_becomes("INVITE sip:x SIP/2.0\r\nVia: y\r\ncall-id: 42 \r\n\r\n", "field text 42");
    assert_becomes("CONNECT\nCall-ID:7\n", "field text 7");
    assert_becomes("CONNECT\n\nCall-ID:7\n", "spread address " STRANGER);
    assert_becomes("Call-ID: 7", "spread address " STRANGER);
}

static void the_first_source_that_is_present_wins(void **state)
{
    KEYS(HEADER("X-User"), FIELD("Call-ID"), FIELD("User"), CLIENT);
    assert_request("GET /", "X-User: ann\r\n", "header text ann");
    assert_becomes("INVITE sip:x SIP/2.0\r\nUser: 5\r\nCall-ID: 42\r\n\r\n", "field text 42");
    assert_becomes("INVITE sip:x SIP/2.0\r\nUser: 5\r\n\r\n", "field text 5");
    assert_becomes("INVITE sip:x SIP/2.0\r\nNo: 5\r\n\r\n", "client address " STRANGER);
    (void)come_in(STRANGER, span_of("\0", 1), 1);
    assert_false(walk.was_finished);
}

static void a_later_source_is_not_asked(void **state)
{
    KEYS(CLIENT, HEADER("X-User"));
    assert_request("GET /", "X-User: ann\r\nX-User: bob\r\n", "client address " STRANGER);
    assert_becomes("GET / HTTP/1.1\r\nbroken\r\n\r\n", "client address " STRANGER);
}

static void a_malformed_head_ends_the_visit_if_a_source_needs_it(void **state)
{
    KEYS(HEADER("X-User"), CLIENT);
    assert_becomes("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "end bad_head 400");
    assert_becomes("GET / HTTP/1.1\r\nHost: a\r\nX-User : b\r\n\r\n", "end bad_head 400");
    assert_becomes("EHLO example.org\r\n", "client address " STRANGER);
    KEYS(CLIENT);
    assert_bytes_become("127.0.0.1", span_text("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"), "end bad_head 400");
}

static void assert_client(const char *expected)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(&walk.facts.client, text);
    assert_int_equal(walk.facts.client_known, KNOWN_PRESENT);
    assert_string_equal(text, expected);
}

#define FORWARDED_REQUEST "GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"

static void the_client_is_known_too_when_the_head_was_read_for_another_key(void **state)
{
    KEYS(HEADER("X-User"));
    assert_bytes_become("127.0.0.1", span_text(FORWARDED_REQUEST), "header text ann");
    assert_client("203.0.113.9");
    assert_becomes(FORWARDED_REQUEST, "header text ann");
    assert_client(STRANGER);

    listener.client_from = CLIENT_FROM_HEADER;
    listener.client_header = "X-Real-IP";
    assert_bytes_become("127.0.0.1",
                        span_text("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\nX-Real-IP: 1.1.1.1\r\n"
                                  "X-Real-IP: 2.2.2.2\r\n\r\n"),
                        "end bad_head 400");
}

static void bytes_are_waited_for_if_the_server_is_told_the_client(void **state)
{
    KEYS(PEER);
    assert_bytes_become("127.0.0.1", span_text(FORWARDED_REQUEST), "peer address 127.0.0.1");
    assert_int_equal(walk.needed, 0);
    assert_int_equal(walk.facts.client_known, KNOWN_NOT_YET);
    pools[0].send_proxy = SEND_PROXY_V2;
    assert_bytes_become("127.0.0.1", span_text(FORWARDED_REQUEST), "peer address 127.0.0.1");
    assert_client("203.0.113.9");
    assert_becomes(FORWARDED_REQUEST, "peer address " STRANGER);
    assert_int_equal(walk.needed, 0);
    assert_client(STRANGER);
}

static void without_a_key_the_pool_may_end_the_visit(void **state)
{
    KEYS(HEADER("X-User"));
    pools[0].no_key = NO_KEY_END;
    assert_request("GET /", "", "end no_key");
    assert_becomes("", "end no_key");
}

static void routes_are_chosen_by_server_name(void **state)
{
    KEYS(CLIENT);
    routes[0].sni = "a.example.org";
    routes[1].sni = "*.example.org";
    listener.route_count = 3;
    assert_bytes_become(STRANGER, hello(), "client address " STRANGER);
    assert_int_equal(walk.decision.route, 1);
    assert_ptr_equal(walk.decision.pool, &pools[1]);
    assert_becomes("GET / HTTP/1.1\r\n", "client address " STRANGER);
    assert_int_equal(walk.decision.route, 2);
    listener.route_count = 2;
    assert_becomes("GET / HTTP/1.1\r\n", "end no_route");
    assert_becomes("", "end no_route");
}

static void the_first_route_that_matches_wins(void **state)
{
    KEYS(CLIENT);
    routes[1].sni = "b.example.org";
    listener.route_count = 2;
    assert_bytes_become(STRANGER, hello(), "client address " STRANGER);
    assert_int_equal(walk.decision.route, 0);
    come_in(STRANGER, hello(), 1);
    assert_int_equal(walk.needed, 0);
}

static void a_star_stands_for_any_name_below(void **state)
{
    assert_true(decide_sni_matches(NULL, ""));
    assert_true(decide_sni_matches("a.example.org", "a.example.org"));
    assert_false(decide_sni_matches("a.example.org", "b.example.org"));
    assert_true(decide_sni_matches("*.example.org", "a.example.org"));
    assert_true(decide_sni_matches("*.example.org", "a.b.example.org"));
    assert_false(decide_sni_matches("*.example.org", "example.org"));
    assert_false(decide_sni_matches("*.example.org", ".example.org"));
    assert_false(decide_sni_matches("*.example.org", "notexample.org"));
    assert_false(decide_sni_matches("*.example.org", ""));
}

static void each_source_says_why_it_is_absent(void **state)
{
    const char *why = NULL;
    struct decision decision;
    KEYS(HEADER("X-User"), COOKIE("sid"));
    assert_request("GET /", "X-User: \r\n", "spread address " STRANGER);
    assert_int_equal(decide_source(&decision, &walk.facts, walk.left, &keys[0], &why), KNOWN_ABSENT);
    assert_string_equal(why, "the field is empty");
    assert_int_equal(decide_source(&decision, &walk.facts, walk.left, &keys[1], &why), KNOWN_ABSENT);
    assert_string_equal(why, "the request has no such cookie, or it is empty");
}

#define fresh(test) cmocka_unit_test_setup(test, make_listener)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(addresses_are_known_without_a_byte),
        fresh(a_network_groups_its_clients),
        fresh(somebody_on_a_unix_socket_has_no_address),
        fresh(a_header_is_a_key),
        fresh(a_header_that_comes_twice_could_be_read_in_two_ways),
        fresh(a_cookie_is_a_key_and_the_first_one_counts),
        fresh(a_query_parameter_is_a_key_as_it_is_written),
        fresh(the_path_and_its_segments_are_keys),
        fresh(the_host_is_a_key_in_lower_case_without_its_port),
        fresh(the_method_is_a_key),
        fresh(a_client_hello_gives_keys),
        fresh(a_cut_client_hello_is_absent),
        fresh(bytes_are_a_key_and_are_counted_behind_what_was_taken_off),
        fresh(without_a_prefix_there_is_nothing_unwrapped),
        fresh(a_line_of_any_text_protocol_is_a_key),
        fresh(the_first_source_that_is_present_wins),
        fresh(a_later_source_is_not_asked),
        fresh(a_malformed_head_ends_the_visit_if_a_source_needs_it),
        fresh(the_client_is_known_too_when_the_head_was_read_for_another_key),
        fresh(bytes_are_waited_for_if_the_server_is_told_the_client),
        fresh(without_a_key_the_pool_may_end_the_visit),
        fresh(routes_are_chosen_by_server_name),
        fresh(the_first_route_that_matches_wins),
        fresh(a_star_stands_for_any_name_below),
        fresh(each_source_says_why_it_is_absent),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    walk_fini(&walk);
    return failed;
}
