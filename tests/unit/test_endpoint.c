#include "base/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_reads_as(const char *written, const char *expected)
{
    struct endpoint e;
    char text[ENDPOINT_TEXT_SIZE];
    if (!endpoint_parse(span_text(written), &e))
        fail_msg("not read: %s", written);
    endpoint_text(&e, text);
    assert_string_equal(text, expected);
}

static void addresses_are_read_as_proxies_write_them(void **state)
{
    assert_reads_as("1.2.3.4", "1.2.3.4");
    assert_reads_as("1.2.3.4:5", "1.2.3.4:5");
    assert_reads_as("255.255.255.255:65535", "255.255.255.255:65535");
    assert_reads_as("1.2.3.4:0", "1.2.3.4");
    assert_reads_as("2001:DB8:0:0::1", "2001:db8::1");
    assert_reads_as("[2001:db8::1]", "2001:db8::1");
    assert_reads_as("[2001:db8::1]:443", "[2001:db8::1]:443");
    assert_reads_as("::", "::");
    assert_reads_as("::ffff:192.0.2.7", "192.0.2.7");
    assert_reads_as("[::ffff:c000:207]:80", "192.0.2.7:80");
}

static void anything_else_is_no_address(void **state)
{
    static const char *const wrong[] = {
        "",
        " ",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.04",
        "01.2.3.4",
        "1.2.3.256",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:05",
        "1.2.3.4:65536",
        "1.2.3.4:-1",
        "1.2.3.4:+1",
        "1.2.3.4:99999",
        "1.2.3.4:123456",
        "[1.2.3.4]",
        "[1.2.3.4]:5",
        "[::1",
        "::1]",
        "[::1]5",
        "[::1]:",
        "[::1]:x",
        "[]",
        "[]:1",
        ":1",
        ":",
        "fe80::1%lo",
        "1:2:3:4:5:6:7:8:9",
        "::1::",
        "12345::",
        "0x7f.0.0.1",
        "1.2.3.4/8",
        "localhost",
        "unknown",
        "_hidden",
        "[::1]:5:6",
        "1.2.3.4:5:6",
        "1111:2222:3333:4444:5555:6666:255.255.255.2555",
    };
    struct endpoint e;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        if (endpoint_parse(span_text(wrong[i]), &e))
            fail_msg("read as an address: %s", wrong[i]);
    assert_false(endpoint_parse(span_of("1.2.3.4\0", 8), &e));
    assert_false(endpoint_parse(span_of("1.2.3\0.4", 8), &e));
    assert_false(endpoint_parse(span_of(NULL, 0), &e));
}

static void one_client_has_one_form(void **state)
{
    static const uint8_t ip4[4] = {192, 0, 2, 7};
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    memcpy(&in4.sin_addr, ip4, 4);
    in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(in6.sin6_addr.s6_addr + 12, ip4, 4);
    struct endpoint a = endpoint_from_sockaddr((struct sockaddr *)&in4);
    struct endpoint b = endpoint_from_sockaddr((struct sockaddr *)&in6);
    struct endpoint c = endpoint_from_ip4(ip4, 10);
    assert_true(endpoint_is_ip4(&b));
    assert_true(endpoint_equal(&a, &b));
    assert_false(endpoint_equal(&a, &c));
}

static void peers_without_an_ip_address_have_words(void **state)
{
    struct sockaddr other = {.sa_family = AF_UNIX};
    char text[ENDPOINT_TEXT_SIZE];
    struct endpoint e = endpoint_from_sockaddr(&other);
    endpoint_text(&e, text);
    assert_string_equal(text, "unix");
    struct endpoint same = {.kind = ENDPOINT_UNIX, .port = 5};
    assert_true(endpoint_equal(&e, &same));
    other.sa_family = AF_UNSPEC;
    e = endpoint_from_sockaddr(&other);
    endpoint_text(&e, text);
    assert_string_equal(text, "-");
}

static bool holds(const char *network, const char *address)
{
    struct network n;
    struct endpoint e;
    const char *wrong = network_parse(span_text(network), &n);
    if (wrong != NULL)
        fail_msg("%s: %s", network, wrong);
    assert_true(endpoint_parse(span_text(address), &e));
    return network_contains(&n, &e);
}

static void a_network_holds_its_addresses_only(void **state)
{
    assert_true(holds("10.0.0.0/8", "10.255.255.255:80"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_false(holds("10.0.0.0/8", "9.255.255.255"));
    assert_true(holds("192.0.2.128/25", "192.0.2.128"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("192.0.2.1", "192.0.2.1"));
    assert_false(holds("192.0.2.1/32", "192.0.2.0"));
    assert_true(holds("0.0.0.0/0", "255.1.2.3"));
    assert_false(holds("0.0.0.0/0", "::1"));
    assert_true(holds("::/0", "2001:db8::1"));
    assert_false(holds("::/0", "1.2.3.4"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("::1", "::1"));
    assert_true(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
    struct network all = {.bits = 0};
    struct endpoint nobody = {.kind = ENDPOINT_UNIX};
    assert_false(network_contains(&all, &nobody));
}

static void a_wrong_network_is_told_apart(void **state)
{
    struct network n;
    static const char *const wrong[] = {"",
                                        "/",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.0/08",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8/8",
                                        "10.0.0.1/8",
                                        "::/129",
                                        "2001:db8::1/32",
                                        "[::1]",
                                        "1.2.3.4:5",
                                        "10/8",
                                        "localhost",
                                        "10.0.0.0/65535",
                                        "10.0.0.0/4294967304"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        if (network_parse(span_text(wrong[i]), &n) == NULL)
            fail_msg("read as a network: %s", wrong[i]);
    assert_string_equal(network_parse(span_text("10.0.0.1/8"), &n), "bits are set behind the prefix");
    assert_non_null(network_parse(span_of(NULL, 0), &n));
}

static void a_mask_keeps_the_first_bits(void **state)
{
    for (unsigned bits = 0; bits <= 128; bits++) {
        uint8_t ip[16];
        memset(ip, 0xff, sizeof(ip));
        ip_mask(ip, bits);
        for (unsigned i = 0; i < 128; i++)
            assert_int_equal((ip[i / 8] >> (7 - i % 8)) & 1, i < bits);
    }
}

static void assert_address(const char *written, const char *canonical, int family, uint16_t port)
{
    struct address a;
    const char *wrong = address_parse(span_text(written), &a);
    if (wrong != NULL)
        fail_msg("%s: %s", written, wrong);
    assert_string_equal(a.text, canonical);
    assert_int_equal(a.storage.ss_family, family);
    assert_int_equal(address_port(&a), port);
    assert_int_equal(address_is_unix(&a), family == AF_UNIX);
}

static void addresses_have_a_canonical_text(void **state)
{
    assert_address("127.0.0.1:80", "127.0.0.1:80", AF_INET, 80);
    assert_address("LocalHost:81", "127.0.0.1:81", AF_INET, 81);
    assert_address("0.0.0.0:0", "0.0.0.0:0", AF_INET, 0);
    assert_address("[2001:DB8:0::1]:443", "[2001:db8::1]:443", AF_INET6, 443);
    assert_address("[::ffff:10.0.0.1]:9", "10.0.0.1:9", AF_INET, 9);
    assert_address("[::]:443", "[::]:443", AF_INET6, 443);
    assert_address(":443", ":443", AF_INET6, 443);
    assert_address("unix:/run/a:b", "unix:/run/a:b", AF_UNIX, 0);
}

static void a_port_can_be_set_later(void **state)
{
    static const char *const texts[][2] = {
        {"1.2.3.4:0", "1.2.3.4:77"}, {"[::1]:0", "[::1]:77"}, {":0", ":77"}, {"unix:/x", "unix:/x"}};
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct address a;
        assert_null(address_parse(span_text(texts[i][0]), &a));
        address_set_port(&a, 77);
        assert_string_equal(a.text, texts[i][1]);
        assert_int_equal(address_port(&a), address_is_unix(&a) ? 0 : 77);
    }
}

static void a_wrong_address_is_told_apart(void **state)
{
    static const char *const wrong[] = {
        "",           ":",     "80",   "1.2.3.4",      "1.2.3.4:", "1.2.3.4:65536", "example.org:80",    "::1:80",
        "::1",        "[::1]", "[::1", "[1.2.3.4]:80", "unix:",    "1.2.3:80",      "http://1.2.3.4:80", "*:80",
        "1.2.3.4:80/"};
    struct address a;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        if (address_parse(span_text(wrong[i]), &a) == NULL)
            fail_msg("read as an address: %s", wrong[i]);
    assert_non_null(strstr(address_parse(span_text("::1:80"), &a), "brackets"));
    assert_non_null(strstr(address_parse(span_text("example.org:80"), &a), "not resolved"));
    assert_non_null(address_parse(span_of("unix:/a\0b", 9), &a));
}

static void the_longest_unix_path_fits_with_its_nul(void **state)
{
    char written[5 + 108 + 1] = "unix:";
    struct address a;
    memset(written + 5, 'p', 107);
    assert_null(address_parse(span_text(written), &a));
    assert_string_equal(a.text, written);
    assert_int_equal(a.length, offsetof(struct sockaddr_un, sun_path) + 108);
    memset(written + 5, 'p', 108);
    assert_non_null(address_parse(span_text(written), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_as_proxies_write_them),
        cmocka_unit_test(anything_else_is_no_address),
        cmocka_unit_test(one_client_has_one_form),
        cmocka_unit_test(peers_without_an_ip_address_have_words),
        cmocka_unit_test(a_network_holds_its_addresses_only),
        cmocka_unit_test(a_wrong_network_is_told_apart),
        cmocka_unit_test(a_mask_keeps_the_first_bits),
        cmocka_unit_test(addresses_have_a_canonical_text),
        cmocka_unit_test(a_port_can_be_set_later),
        cmocka_unit_test(a_wrong_address_is_told_apart),
        cmocka_unit_test(the_longest_unix_path_fits_with_its_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
