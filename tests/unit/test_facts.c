#include "walk.h"

#include "proto/parse.h"
#include "route/forwarding.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Trusts loopback and 10.0.0.0/8. */
static struct network networks[1];
static struct plan_listener listener;
static const struct plan_key client_key[] = {{.kind = KEY_CLIENT, .text = "client"}};
static const struct plan_pool pools[] = {{.name = "app", .keys = client_key, .key_count = 1}};
static const struct plan_route routes[] = {{.pool = 0}};

static int make_listener(void **state)
{
    assert_null(network_parse(span_text("10.0.0.0/8"), &networks[0]));
    listener = (struct plan_listener){
        .mode = MODE_TCP,
        .trust = {.loopback = true, .networks = networks, .network_count = 1},
        .client_from = CLIENT_FROM_X_FORWARDED_FOR,
        .routes = routes,
        .route_count = 1,
    };
    return 0;
}

static struct endpoint endpoint(const char *text)
{
    struct endpoint e = {.kind = ENDPOINT_UNIX};
    if (strcmp(text, "unix") != 0 && !endpoint_parse(span_text(text), &e))
        fail_msg("not an address: %s", text);
    return e;
}

static struct walk walk;

static const char *come_in(const char *peer, struct span bytes, size_t step)
{
    static char text[WALK_TEXT_SIZE];
    struct endpoint from = endpoint(peer);
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

static void assert_becomes(const char *peer, const char *bytes, const char *expected)
{
    assert_bytes_become(peer, span_text(bytes), expected);
}

/* A GET with these lines of fields. */
static void assert_client(const char *peer, const char *lines, const char *expected)
{
    char request[1024], becomes[WALK_TEXT_SIZE];
    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
    snprintf(becomes, sizeof(becomes), "client address %s", expected);
    assert_becomes(peer, request, becomes);
}

static void an_untrusted_peer_is_the_client_and_no_byte_is_needed(void **state)
{
    assert_client("203.0.113.1", "X-Forwarded-For: 198.51.100.1\r\n", "203.0.113.1");
    assert_int_equal(walk.needed, 0);
    assert_false(walk.was_finished);
}

static void the_right_most_untrusted_address_is_the_client(void **state)
{
    assert_client("127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9");
    assert_client("127.0.0.1", "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.3\r\n", "203.0.113.9");
    assert_client("unix", "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9");
    assert_client("10.0.0.1", "x-forwarded-for: 2001:db8::1\r\n", "2001:db8::1");
    assert_client("10.0.0.1", "X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9");
    assert_client("10.0.0.1", "X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9");
}

static void if_all_are_trusted_the_left_most_is_the_client(void **state)
{
    assert_client("127.0.0.1", "X-Forwarded-For: 10.0.0.9, 10.0.0.8, 10.0.0.7\r\n", "10.0.0.9");
}

static void lines_of_one_field_are_one_list(void **state)
{
    assert_client("127.0.0.1", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9, 10.0.0.3\r\n",
                  "203.0.113.9");
    assert_client("127.0.0.1", "X-Forwarded-For: 198.51.100.1\r\nVia: x\r\nX-Forwarded-For: 10.0.0.3\r\n",
                  "198.51.100.1");
    assert_client("127.0.0.1", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For:\r\n", "198.51.100.1");
}

static void what_names_no_address_ends_the_walk(void **state)
{
    assert_client("127.0.0.1", "X-Forwarded-For: 203.0.113.9, unknown\r\n", "127.0.0.1");
    assert_client("127.0.0.1", "X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.3\r\n", "10.0.0.3");
    assert_client("127.0.0.1", "X-Forwarded-For: 203.0.113.9, 1.2.3\r\n", "127.0.0.1");
}

static void one_field_counts_and_never_another(void **state)
{
    const char *forwarded = "Forwarded: for=203.0.113.9\r\n";
    assert_client("127.0.0.1", forwarded, "127.0.0.1");
    listener.client_from = CLIENT_FROM_FORWARDED;
    assert_client("127.0.0.1", forwarded, "203.0.113.9");
    assert_client("127.0.0.1", "Forwarded: for=198.51.100.1, for=\"[2001:db8::9]:80\";proto=http, for=10.1.1.1\r\n",
                  "2001:db8::9");
    assert_client("127.0.0.1", "Forwarded: for=203.0.113.9, for=_hidden\r\n", "127.0.0.1");
    assert_client("127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n", "127.0.0.1");
    listener.client_from = CLIENT_FROM_NONE;
    assert_client("127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\n", "127.0.0.1");
    assert_int_equal(walk.needed, 0);
}

static void a_header_may_name_the_client(void **state)
{
    listener.client_from = CLIENT_FROM_HEADER;
    listener.client_header = "CF-Connecting-IP";
    assert_client("127.0.0.1", "cf-connecting-ip: 203.0.113.9\r\n", "203.0.113.9");
    assert_client("127.0.0.1", "CF-Connecting-IP: 10.0.0.9\r\n", "10.0.0.9");
    assert_client("127.0.0.1", "CF-Connecting-IP: 203.0.113.9, 198.51.100.1\r\n", "127.0.0.1");
    assert_client("127.0.0.1", "CF-Connecting-IP:\r\n", "127.0.0.1");
    assert_client("203.0.113.1", "CF-Connecting-IP: 198.51.100.1\r\n", "203.0.113.1");
    assert_becomes("127.0.0.1",
                   "GET / HTTP/1.1\r\nHost: a\r\nCF-Connecting-IP: 1.1.1.1\r\nCF-Connecting-IP: 2.2.2.2\r\n\r\n",
                   "end bad_head 400");
}

static void a_trusted_peer_without_a_request_is_the_client(void **state)
{
    assert_becomes("127.0.0.1", "", "client address 127.0.0.1");
    assert_true(walk.was_finished);
    assert_becomes("127.0.0.1", "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n",
                   "client address 127.0.0.1");
}

static void the_first_byte_settles_what_is_no_request(void **state)
{
    static const char *const others[] = {"\x16\x03\x01", "\x80\x01", " GET", "*1\r\n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        come_in("127.0.0.1", span_text(others[i]), 1);
        assert_int_equal(walk.needed, 1);
        assert_false(walk.was_finished);
    }
}

static void a_head_beyond_the_limit_is_absent(void **state)
{
    static char request[2 * PEEK_LIMIT];
    size_t length = (size_t)sprintf(request, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nX: ");
    memset(request + length, 'x', sizeof(request) - length);
    for (size_t i = 4; i > 0; i--) /* the empty line */
        request[sizeof(request) - i] = i % 2 ? '\n' : '\r';
    struct span bytes = span_of(request, sizeof(request));
    assert_string_equal(come_in("127.0.0.1", bytes, SIZE_MAX), "client address 127.0.0.1");
    assert_string_equal(come_in("127.0.0.1", bytes, 4000), "client address 127.0.0.1");
    assert_false(walk.was_finished);

    size_t start = sizeof(request) - PEEK_LIMIT; /* and the same, as long as the limit, is read */
    memmove(request + start, request, length);
    assert_string_equal(come_in("127.0.0.1", span_of(request + start, PEEK_LIMIT), SIZE_MAX),
                        "client address 203.0.113.9");
}

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"

static enum client_from sent(const char *request, enum client_from preferred)
{
    return forwarding_field_sent(span_text(request), preferred);
}

static void a_forwarding_field_is_noticed_in_a_complete_head(void **state)
{
    const char *forwarded = HEAD "Forwarded: for=1.1.1.1\r\n\r\n";
    const char *both = HEAD "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n";

    assert_int_equal(sent(forwarded, CLIENT_FROM_NONE), CLIENT_FROM_FORWARDED);
    assert_int_equal(sent(forwarded, CLIENT_FROM_X_FORWARDED_FOR), CLIENT_FROM_FORWARDED);
    assert_int_equal(sent(both, CLIENT_FROM_FORWARDED), CLIENT_FROM_FORWARDED);
    assert_int_equal(sent(both, CLIENT_FROM_X_FORWARDED_FOR), CLIENT_FROM_X_FORWARDED_FOR);
    assert_int_equal(sent(both, CLIENT_FROM_HEADER), CLIENT_FROM_X_FORWARDED_FOR);
    assert_int_equal(sent(HEAD "\r\n", CLIENT_FROM_FORWARDED), CLIENT_FROM_NONE);
    assert_int_equal(sent(HEAD "Forwarded: for=1.1.1.1\r\n", CLIENT_FROM_FORWARDED), CLIENT_FROM_NONE);
    assert_int_equal(sent("", CLIENT_FROM_FORWARDED), CLIENT_FROM_NONE);
}

#define PROXY_LINE "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"
#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_proxy_header_is_taken_off_and_names_the_source(void **state)
{
    char local[ENDPOINT_TEXT_SIZE];
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_becomes("10.0.0.1", PROXY_LINE REQUEST, "client address 203.0.113.9");
    assert_int_equal(walk.facts.source.port, 4711);
    endpoint_text(&walk.facts.local, local);
    assert_string_equal(local, "192.0.2.1:443");
    assert_becomes("10.0.0.1", PROXY_LINE, "client address 203.0.113.9");
    assert_becomes("10.0.0.1", "PROXY UNKNOWN whatever\r\n", "client address 10.0.0.1");
}

static void only_a_trusted_source_of_a_proxy_header_may_name_another(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_becomes("10.0.0.1", PROXY_LINE "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n",
                   "client address 203.0.113.9");
    assert_becomes("10.0.0.1",
                   "PROXY TCP4 10.0.0.7 192.0.2.1 4711 443\r\n"
                   "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n",
                   "client address 1.1.1.1");
}

static void a_second_proxy_header_is_payload(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_REQUIRE;
    assert_becomes("10.0.0.1", PROXY_LINE "PROXY TCP4 1.1.1.1 192.0.2.1 4711 443\r\n", "client address 203.0.113.9");
}

static void a_trusted_peer_may_leave_out_a_proxy_header_that_is_not_required(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_becomes("10.0.0.1", REQUEST, "client address 10.0.0.1");
    assert_becomes("10.0.0.1", "", "client address 10.0.0.1");
    assert_becomes("10.0.0.1", "P", "client address 10.0.0.1");
    assert_becomes("10.0.0.1", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "client address 10.0.0.1");
}

static void a_required_proxy_header_must_come(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_REQUIRE;
    assert_becomes("10.0.0.1", REQUEST, "end bad_proxy");
    assert_becomes("10.0.0.1", "", "end bad_proxy");
    assert_becomes("10.0.0.1", "XYZ\r\n", "end bad_proxy");
    assert_becomes("10.0.0.1", "PROXY TCP4 203.0.113.9", "end bad_proxy");
}

static void a_broken_or_cut_proxy_header_ends_the_connection(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_becomes("10.0.0.1", "PROXY TCP5 203.0.113.9 192.0.2.1 4711 443\r\n", "end bad_proxy");
    assert_becomes("10.0.0.1", "PROXY TCP4 203.0.113.9", "end bad_proxy");
    assert_bytes_become("10.0.0.1", span_of("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", 16), "end bad_proxy");
}

static void an_untrusted_peer_with_a_proxy_header_is_dropped(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_becomes("203.0.113.1", PROXY_LINE REQUEST, "end untrusted_proxy");
    assert_becomes("203.0.113.1", "PROXY TCP4 203", "end untrusted_proxy");
    assert_becomes("203.0.113.1", "PROXY nonsense\r\n", "end untrusted_proxy");
    assert_bytes_become("203.0.113.1", span_of("\r\n\r\n\0\r\nQUIT\n", 12), "end untrusted_proxy");
    listener.proxy_protocol = PROXY_PROTOCOL_REQUIRE;
    assert_becomes("203.0.113.1", PROXY_LINE REQUEST, "end untrusted_proxy");
    assert_int_equal(walk.needed, 0);
}

static void an_untrusted_peer_without_a_proxy_header_is_welcome(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    assert_becomes("203.0.113.1", REQUEST, "client address 203.0.113.1");
    assert_becomes("203.0.113.1", "P", "client address 203.0.113.1");
    assert_becomes("203.0.113.1", "", "client address 203.0.113.1");
    assert_becomes("203.0.113.1", "\r\n\r\n", "client address 203.0.113.1");
    assert_bytes_become("203.0.113.1", span_of("\r\n\r\n\0\r\nQUIT", 11), "client address 203.0.113.1");
    assert_bytes_become("203.0.113.1", span_of("\r\n\r\n\0\r\nQUIX\n", 12), "client address 203.0.113.1");
}

static void a_proxy_header_that_nobody_takes_is_payload(void **state)
{
    assert_becomes("203.0.113.1", PROXY_LINE, "client address 203.0.113.1");
    assert_becomes("10.0.0.1", PROXY_LINE, "client address 10.0.0.1");
}

static void a_wrapped_address_is_taken_off_and_becomes_the_client(void **state)
{
    listener.unwrap = UNWRAP_IP4;
    listener.unwrap_length = 4;
    assert_bytes_become("10.0.0.1", span_of("\xcb\0\x71\x09hello", 9), "client address 203.0.113.9");
    assert_int_equal(walk.facts.unwrapped_length, 4);
    assert_memory_equal(walk.facts.unwrapped, "\xcb\0\x71\x09", 4);
    assert_int_equal(walk.needed, 9);

    listener.unwrap = UNWRAP_IP6;
    listener.unwrap_length = 16;
    assert_bytes_become("10.0.0.1", span_of("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16),
                        "client address 2001:db8::1");
    assert_bytes_become("10.0.0.1", span_of("\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\0\x71\x09", 16),
                        "client address 203.0.113.9");
}

static void raw_prefix_bytes_leave_the_client_as_he_is(void **state)
{
    listener.unwrap = UNWRAP_BYTES;
    listener.unwrap_length = 3;
    assert_bytes_become("10.0.0.1", span_text("abc" REQUEST), "client address 10.0.0.1");
    assert_int_equal(walk.facts.unwrapped_length, 3);
}

static void a_prefix_must_be_complete_and_from_a_trusted_peer(void **state)
{
    listener.unwrap = UNWRAP_IP4;
    listener.unwrap_length = 4;
    assert_bytes_become("10.0.0.1", span_of("\xcb\0\x71", 3), "end bad_prefix");
    assert_becomes("10.0.0.1", "", "end bad_prefix");
    assert_becomes("203.0.113.1", "abcd", "end bad_prefix");
    assert_int_equal(walk.needed, 0);
}

static void a_wrapped_trusted_address_may_name_another(void **state)
{
    listener.unwrap = UNWRAP_IP4;
    listener.unwrap_length = 4;
    char bytes[128] = "\x0a\1\1\1GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
    assert_bytes_become("10.0.0.1", span_text(bytes), "client address 203.0.113.9");
    bytes[0] = 9;
    assert_bytes_become("10.0.0.1", span_text(bytes), "client address 9.1.1.1");
}

static void behind_a_proxy_header_its_source_must_be_trusted_to_wrap(void **state)
{
    listener.proxy_protocol = PROXY_PROTOCOL_ACCEPT;
    listener.unwrap = UNWRAP_IP4;
    listener.unwrap_length = 4;
    assert_becomes("10.0.0.1", PROXY_LINE "abcd", "end bad_prefix");
    assert_becomes("10.0.0.1", "PROXY TCP4 10.0.0.7 192.0.2.1 4711 443\r\nabcd", "client address 97.98.99.100");
}

#define fresh(test) cmocka_unit_test_setup(test, make_listener)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(an_untrusted_peer_is_the_client_and_no_byte_is_needed),
        fresh(the_right_most_untrusted_address_is_the_client),
        fresh(if_all_are_trusted_the_left_most_is_the_client),
        fresh(lines_of_one_field_are_one_list),
        fresh(what_names_no_address_ends_the_walk),
        fresh(one_field_counts_and_never_another),
        fresh(a_header_may_name_the_client),
        fresh(a_trusted_peer_without_a_request_is_the_client),
        fresh(the_first_byte_settles_what_is_no_request),
        fresh(a_head_beyond_the_limit_is_absent),
        fresh(a_forwarding_field_is_noticed_in_a_complete_head),
        fresh(a_proxy_header_is_taken_off_and_names_the_source),
        fresh(only_a_trusted_source_of_a_proxy_header_may_name_another),
        fresh(a_second_proxy_header_is_payload),
        fresh(a_trusted_peer_may_leave_out_a_proxy_header_that_is_not_required),
        fresh(a_required_proxy_header_must_come),
        fresh(a_broken_or_cut_proxy_header_ends_the_connection),
        fresh(an_untrusted_peer_with_a_proxy_header_is_dropped),
        fresh(an_untrusted_peer_without_a_proxy_header_is_welcome),
        fresh(a_proxy_header_that_nobody_takes_is_payload),
        fresh(a_wrapped_address_is_taken_off_and_becomes_the_client),
        fresh(raw_prefix_bytes_leave_the_client_as_he_is),
        fresh(a_prefix_must_be_complete_and_from_a_trusted_peer),
        fresh(a_wrapped_trusted_address_may_name_another),
        fresh(behind_a_proxy_header_its_source_must_be_trusted_to_wrap),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    walk_fini(&walk);
    return failed;
}
