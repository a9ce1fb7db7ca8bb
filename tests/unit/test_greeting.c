#include "session/greeting.h"

#include "loopback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct plan_pool pool;
static struct facts facts;
static struct greeting *greeting;

static int start(void **state)
{
    pool = (struct plan_pool){.name = "app"};
    facts = (struct facts){.client_known = KNOWN_PRESENT};
    facts.source = endpoint_from_ip4((uint8_t[]){10, 0, 0, 1}, 1000);
    facts.client = endpoint_from_ip4((uint8_t[]){192, 0, 2, 7}, 4711);
    facts.local = endpoint_from_ip4((uint8_t[]){192, 0, 2, 1}, 443);
    return 0;
}

static int stop(void **state)
{
    greeting_free(greeting);
    greeting = NULL;
    return 0;
}

static void make(int client_fd)
{
    greeting_free(greeting);
    assert_int_equal(greeting_make(&pool, &facts, client_fd, &greeting), 0);
}

static void assert_greeting(const void *bytes, size_t length)
{
    assert_non_null(greeting);
    assert_int_equal(greeting->length, length);
    assert_memory_equal(greeting->bytes, bytes, length);
}

#define assert_words(words) assert_greeting(words, sizeof(words) - 1)

static void a_pool_that_asks_for_none_gets_none(void **state)
{
    make(-1);
    assert_null(greeting);
}

static void version_1_names_client_and_destination(void **state)
{
    pool.send_proxy = SEND_PROXY_V1;
    make(-1);
    assert_words("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n");
}

static void version_2_names_them_in_bytes(void **state)
{
    pool.send_proxy = SEND_PROXY_V2;
    make(-1);
    assert_words("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\x01\xbb");
}

static void the_header_comes_before_the_prefix(void **state)
{
    pool.send_proxy = SEND_PROXY_V1;
    pool.send_prefix = SEND_PREFIX_IP4;
    make(-1);
    assert_words("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n\xc0\0\x02\x07");
}

static void a_prefix_is_the_clients_address_and_no_port(void **state)
{
    pool.send_prefix = SEND_PREFIX_IP4;
    make(-1);
    assert_words("\xc0\0\x02\x07");
    pool.send_prefix = SEND_PREFIX_IP6;
    make(-1);
    assert_words("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x07");
}

static void an_ipv6_client_does_not_fit_four_bytes(void **state)
{
    static const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9};
    facts.client = endpoint_from_ip6(ip, 5);
    pool.send_prefix = SEND_PREFIX_IP4;
    make(-1);
    assert_words("\0\0\0\0");
    pool.send_prefix = SEND_PREFIX_IP6;
    make(-1);
    assert_greeting(ip, 16);
}

static void nobody_known_is_zeros(void **state)
{
    facts.client = (struct endpoint){.kind = ENDPOINT_UNIX};
    memset(facts.client.ip, 7, sizeof(facts.client.ip));
    pool.send_prefix = SEND_PREFIX_IP4;
    make(-1);
    assert_words("\0\0\0\0");
    pool.send_prefix = SEND_PREFIX_IP6;
    make(-1);
    assert_words("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    pool.send_prefix = SEND_PREFIX_OFF;
    pool.send_proxy = SEND_PROXY_V1;
    make(-1);
    assert_words("PROXY UNKNOWN\r\n");
}

static void while_the_client_is_not_known_the_source_stands_for_it(void **state)
{
    facts.client_known = KNOWN_NOT_YET;
    pool.send_prefix = SEND_PREFIX_IP4;
    make(-1);
    assert_words("\x0a\0\0\x01");
}

static void what_was_unwrapped_is_sent_on_as_it_was(void **state)
{
    pool.send_prefix = SEND_PREFIX_UNWRAPPED;
    facts.unwrapped_length = 255;
    for (int i = 0; i < 255; i++)
        facts.unwrapped[i] = (uint8_t)(i * 7);
    make(-1);
    assert_greeting(facts.unwrapped, 255);
    facts.unwrapped_length = 0;
    make(-1);
    assert_null(greeting);
}

static void the_longest_header_and_the_longest_prefix_fit_together(void **state)
{
    uint8_t ip[16];
    memset(ip, 0xff, sizeof(ip));
    facts.client = facts.local = endpoint_from_ip6(ip, 65535);
    facts.unwrapped_length = 255;
    pool.send_proxy = SEND_PROXY_V1;
    pool.send_prefix = SEND_PREFIX_UNWRAPPED;
    make(-1);
    assert_memory_equal(greeting->bytes, "PROXY TCP6 ffff:ffff:", 21);
    assert_true(greeting->length > 255 + 90);
}

/* No PROXY header told the destination: it is where the client's socket was accepted. */
static void an_unknown_destination_is_asked_of_the_socket(void **state)
{
    struct sockaddr_in own = {.sin_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    int client, accepted;
    char expected[64];
    loopback_pair(&client, &accepted);
    assert_int_equal(getsockname(accepted, (struct sockaddr *)&own, &length), 0);
    facts.local = (struct endpoint){.kind = ENDPOINT_NONE};
    pool.send_proxy = SEND_PROXY_V1;
    make(accepted);
    int size = snprintf(expected, sizeof(expected), "PROXY TCP4 192.0.2.7 127.0.0.1 4711 %u\r\n", ntohs(own.sin_port));
    assert_greeting(expected, (size_t)size);
    close(client);
    close(accepted);
}

static void a_client_over_a_unix_socket_is_named_all_the_same(void **state)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    facts.local = (struct endpoint){.kind = ENDPOINT_UNIX};
    pool.send_proxy = SEND_PROXY_V1;
    make(ends[0]);
    assert_words("PROXY TCP4 192.0.2.7 0.0.0.0 4711 0\r\n");
    close(ends[0]);
    close(ends[1]);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_pool_that_asks_for_none_gets_none),
        fresh(version_1_names_client_and_destination),
        fresh(version_2_names_them_in_bytes),
        fresh(the_header_comes_before_the_prefix),
        fresh(a_prefix_is_the_clients_address_and_no_port),
        fresh(an_ipv6_client_does_not_fit_four_bytes),
        fresh(nobody_known_is_zeros),
        fresh(while_the_client_is_not_known_the_source_stands_for_it),
        fresh(what_was_unwrapped_is_sent_on_as_it_was),
        fresh(the_longest_header_and_the_longest_prefix_fit_together),
        fresh(an_unknown_destination_is_asked_of_the_socket),
        fresh(a_client_over_a_unix_socket_is_named_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
