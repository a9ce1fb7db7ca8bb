#include "proto/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct parse_result read_copy(struct span bytes, struct proxy_header *header)
{
    uint8_t *copy = malloc(bytes.length + 1);
    memcpy(copy, bytes.data, bytes.length);
    struct parse_result result = proxy_read(span_of(copy, bytes.length), header);
    free(copy);
    return result;
}

/* As a whole, then with one byte more each time; both must come to the same end. */
static struct parse_result read_both_ways(struct span all, struct proxy_header *header)
{
    struct proxy_header pieced;
    struct parse_result whole = read_copy(all, header), result = PARSE_RESULT_MORE;
    for (size_t shown = 1; shown <= all.length && result.verdict == PARSE_MORE; shown++)
        result = read_copy(span_part(all, 0, shown), &pieced);
    assert_int_equal(whole.verdict, result.verdict);
    assert_int_equal(whole.used, result.used);
    assert_ptr_equal(whole.why, result.why);
    if (whole.verdict == PARSE_DONE) {
        assert_int_equal(header->known, pieced.known);
        assert_true(!header->known || endpoint_equal(&header->source, &pieced.source));
    }
    return whole;
}

static void assert_text(const char *text, size_t used, const char *source, const char *destination)
{
    struct proxy_header header;
    char words[ENDPOINT_TEXT_SIZE];
    struct parse_result result = read_both_ways(span_text(text), &header);
    if (result.verdict != PARSE_DONE)
        fail_msg("%s: %s", result.why ? result.why : "not done", text);
    assert_int_equal(result.used, used);
    assert_int_equal(header.known, source != NULL);
    if (source == NULL)
        return;
    endpoint_text(&header.source, words);
    assert_string_equal(words, source);
    endpoint_text(&header.destination, words);
    assert_string_equal(words, destination);
}

static void text_headers_name_both_ends(void **state)
{
    assert_text("PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\n", 40, "192.0.2.1:1", "192.0.2.2:65535");
    assert_text("PROXY TCP4 192.0.2.1 192.0.2.2 0 80\r\nGET / HTTP/1.1\r\n", 37, "192.0.2.1", "192.0.2.2:80");
    assert_text("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", 32, "[2001:db8::1]:1", "[::1]:2");
    assert_text("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c000:202 1 2\r\n", 49, "192.0.2.1:1", "192.0.2.2:2");
    assert_text("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nPROXY TCP4 3.3.3.3 4.4.4.4 3 4\r\n", 32, "1.1.1.1:1", "2.2.2.2:2");
    assert_text("PROXY UNKNOWN\r\n", 15, NULL, NULL);
    assert_text("PROXY UNKNOWN ffff:: whatever 99999 -1 x y\r\nGET", 44, NULL, NULL);
    /* The longest of all: 107 bytes. */
    assert_text(
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        107, NULL, NULL);
}

static void assert_bad(struct span bytes)
{
    struct proxy_header header;
    if (read_both_ways(bytes, &header).verdict != PARSE_BAD)
        fail_msg("not refused: %.*s", (int)bytes.length, (const char *)bytes.data);
}

static void a_text_header_has_107_bytes_at_most(void **state)
{
    struct proxy_header header;
    char text[110] = "PROXY UNKNOWN ";
    memset(text + 14, 'x', 92);
    assert_int_equal(read_both_ways(span_of(text, 106), &header).verdict, PARSE_MORE);
    assert_bad(span_of(text, 107));
    text[105] = '\r';
    text[106] = '\n';
    assert_int_equal(read_both_ways(span_of(text, 107), &header).used, 107);
    text[105] = 'x';
    text[106] = '\r';
    text[107] = '\n';
    assert_bad(span_of(text, 108));
}

static void malformed_text_headers_are_bad(void **state)
{
    static const char *const bad[] = {
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2  1 2\r\n",
        "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 -1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 010 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n",
        "PROXY TCP4 1.2.3.04 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1:1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 1.1.1.1 ::1 1 2\r\n",
        "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP6 [::1] [::1] 1 2\r\n",
        "PROXY TCP6 ::1%lo ::1 1 2\r\n",
        "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY unknown\r\n",
        "PROXY \r\n",
        "PROXY \n",
        "PROXY  \r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_bad(span_text(bad[i]));
    assert_bad(span_of("PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n", 33));
    assert_bad(span_of("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\0\r\n", 33));
}

static void anything_else_is_no_header(void **state)
{
    static const char *const other[] = {"XYZ\r\n", "proxy TCP4 ", "PROXY\r\n", "PROXYTCP4", "\r\n\r\nGET",
                                        "\r\nGET", "\n",          " PROXY ",   "GET"};
    struct proxy_header header;
    for (size_t i = 0; i < ARRAY_LENGTH(other); i++)
        assert_int_equal(read_both_ways(span_text(other[i]), &header).verdict, PARSE_NONE);
    assert_int_equal(proxy_read(span_of(NULL, 0), &header).verdict, PARSE_MORE);
}

struct binary {
    uint8_t bytes[70000];
    size_t length;
};

static void add(struct binary *b, const void *data, size_t length)
{
    memcpy(b->bytes + b->length, data, length);
    b->length += length;
    size_t body = b->length - 16;
    b->bytes[14] = (uint8_t)(body >> 8);
    b->bytes[15] = (uint8_t)body;
}
#define ADD(b, text) add(b, text, sizeof(text) - 1)

/* A header with addresses 1.2.3.4:258 to 5.6.7.8:772, or ones of `size` zero bytes. */
static struct binary *begin(uint8_t command, uint8_t family, size_t size)
{
    static struct binary b;
    memset(&b, 0, sizeof(b));
    memcpy(b.bytes, "\r\n\r\n\0\r\nQUIT\n", 12);
    b.bytes[12] = command;
    b.bytes[13] = family;
    b.length = 16;
    static const uint8_t zeros[256];
    add(&b, family == 0x11 && size == 12 ? (const void *)"\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04" : zeros,
        size);
    return &b;
}

static struct span bytes_of(const struct binary *b)
{
    return span_of(b->bytes, b->length);
}

static void assert_good(const struct binary *b, bool known)
{
    struct proxy_header header;
    struct parse_result result = read_both_ways(bytes_of(b), &header);
    if (result.verdict != PARSE_DONE)
        fail_msg("%s", result.why ? result.why : "not done");
    assert_int_equal(result.used, b->length);
    assert_int_equal(header.known, known);
}

static void binary_headers_name_both_ends(void **state)
{
    struct binary *b = begin(0x21, 0x11, 12);
    struct proxy_header header;
    char words[ENDPOINT_TEXT_SIZE];
    assert_good(b, true);
    size_t length = b->length;
    memcpy(b->bytes + length, "payload", 7);
    assert_int_equal(read_both_ways(span_of(b->bytes, length + 7), &header).used, length);
    endpoint_text(&header.source, words);
    assert_string_equal(words, "1.2.3.4:258");
    endpoint_text(&header.destination, words);
    assert_string_equal(words, "5.6.7.8:772");
}

static void binary_headers_without_an_address_leave_the_connections_own(void **state)
{
    assert_good(begin(0x20, 0x00, 0), false);
    assert_good(begin(0x20, 0x00, 200), false);
    assert_good(begin(0x20, 0x11, 3), false);
    assert_good(begin(0x20, 0xff, 7), false);
    assert_good(begin(0x21, 0x00, 0), false);
    assert_good(begin(0x21, 0x00, 5), false);
    assert_good(begin(0x21, 0x31, 216), false);
    assert_good(begin(0x21, 0x32, 216), false);
    assert_good(begin(0x21, 0x12, 12), true);
    assert_good(begin(0x21, 0x21, 36), true);
    assert_good(begin(0x21, 0x22, 36), true);
}

static void unassigned_numbers_and_short_bodies_are_bad(void **state)
{
    static const uint8_t commands[] = {0x00, 0x01, 0x11, 0x22, 0x2f, 0x31, 0xff};
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        assert_bad(bytes_of(begin(commands[i], 0x11, 12)));
    for (unsigned family = 0; family < 256; family++) {
        unsigned high = family >> 4, low = family & 15;
        bool assigned = family == 0 || (high >= 1 && high <= 3 && low >= 1 && low <= 2);
        if (!assigned)
            assert_bad(bytes_of(begin(0x21, (uint8_t)family, 216)));
    }
    assert_bad(bytes_of(begin(0x21, 0x11, 0)));
    assert_bad(bytes_of(begin(0x21, 0x11, 11)));
    assert_bad(bytes_of(begin(0x21, 0x21, 35)));
    assert_bad(bytes_of(begin(0x21, 0x31, 215)));
}

static void a_header_that_would_not_fit_is_bad_at_once(void **state)
{
    struct proxy_header header;
    struct binary *b = begin(0x21, 0x11, 12);
    b->bytes[14] = 0xff;
    b->bytes[15] = 0xff;
    assert_int_equal(read_copy(span_of(b->bytes, 15), &header).verdict, PARSE_MORE);
    assert_int_equal(read_copy(span_of(b->bytes, 16), &header).verdict, PARSE_BAD);
    /* 16 KiB in all are the most: 16 + 16368. */
    b->bytes[14] = 0x3f;
    b->bytes[15] = 0xf0;
    assert_int_equal(read_copy(span_of(b->bytes, 16), &header).verdict, PARSE_MORE);
    b->bytes[15] = 0xf1;
    assert_int_equal(read_copy(span_of(b->bytes, 16), &header).verdict, PARSE_BAD);
}

static void unknown_tlvs_are_skipped_but_must_fit(void **state)
{
    struct binary *b = begin(0x21, 0x11, 12);
    ADD(b, "\x04\x00\x00\xee\x00\x03xyz\x01\x00\x02h2");
    assert_good(b, true);
    size_t whole = b->length;
    for (size_t cut = whole - 1; cut > 28; cut--) {
        if (cut == 28 + 3 || cut == 28 + 3 + 6)
            continue; /* the ends of TLVs */
        b->length = cut;
        ADD(b, "");
        assert_bad(bytes_of(b));
    }
    static const size_t lengths[] = {28 + 1, 28 + 2, 28 + 4, 28 + 5, 28 + 10, 28 + 11};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++)
        for (int change = -1; change <= 1; change += 2) {
            b = begin(0x21, 0x11, 12);
            ADD(b, "\x04\x00\x00\xee\x00\x03xyz\x01\x00\x02h2");
            b->bytes[lengths[i]] = (uint8_t)(b->bytes[lengths[i]] + change);
            /* A TLV that crosses into the payload must not be read there. */
            struct proxy_header header;
            struct parse_result result = read_both_ways(bytes_of(b), &header);
            assert_true(result.verdict == PARSE_BAD || result.used == b->length);
        }
}

static void the_header_length_is_exact(void **state)
{
    struct proxy_header header;
    struct binary *b = begin(0x21, 0x11, 12);
    ADD(b, "\xee\x00\x03xyz");
    b->bytes[15]--;
    assert_int_equal(read_both_ways(bytes_of(b), &header).verdict, PARSE_BAD);
    b->bytes[15] = (uint8_t)(b->bytes[15] + 2);
    assert_int_equal(read_both_ways(bytes_of(b), &header).verdict, PARSE_MORE);
}

static void a_checksum_must_be_right(void **state)
{
    /* Checked against an independent implementation of CRC-32C. */
    static const uint8_t right[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x17"
                                   "\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04"
                                   "\x03\x00\x04"
                                   "\x59\x9a\xce\x90"
                                   "\xee\x00\x01z";
    struct binary *b = begin(0x21, 0x11, 0);
    b->length = 0;
    memcpy(b->bytes, right, sizeof(right) - 1);
    b->length = sizeof(right) - 1;
    assert_good(b, true);
    for (size_t bit = 8 * 16; bit < 8 * b->length; bit++) {
        b->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool is_framing = bit / 8 >= 28 && bit / 8 < 31;
        struct proxy_header header;
        enum parse_verdict verdict = read_both_ways(bytes_of(b), &header).verdict;
        assert_true(verdict == PARSE_BAD || is_framing);
        b->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    b = begin(0x21, 0x11, 12);
    ADD(b, "\x03\x00\x03xyz");
    assert_bad(bytes_of(b));
    b = begin(0x21, 0x11, 12);
    ADD(b, "\x03\x00\x05vwxyz");
    assert_bad(bytes_of(b));
}

static void an_authority_is_at_most_255_bytes(void **state)
{
    static const uint8_t name[256];
    struct binary *b = begin(0x21, 0x11, 12);
    ADD(b, "\x02\x00\xff");
    add(b, name, 255);
    assert_good(b, true);
    b = begin(0x21, 0x11, 12);
    ADD(b, "\x02\x01\x00");
    add(b, name, 256);
    assert_bad(bytes_of(b));
}

static void the_tls_description_must_hold_together(void **state)
{
    struct binary *b = begin(0x21, 0x11, 12);
    ADD(b, "\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3");
    assert_good(b, true);
    b->bytes[28 + 10]++;
    assert_bad(bytes_of(b));
    b->bytes[28 + 10] = (uint8_t)(b->bytes[28 + 10] - 2);
    assert_bad(bytes_of(b));
    b = begin(0x21, 0x11, 12);
    ADD(b, "\x20\x00\x04\x01\x00\x00\x00");
    assert_bad(bytes_of(b));
    b = begin(0x21, 0x11, 12);
    ADD(b, "\x20\x00\x05\x01\x00\x00\x00\x00");
    assert_good(b, true);
}

static void assert_written(const char *source, const char *destination, const char *expected)
{
    struct endpoint a, b;
    uint8_t v1[PROXY_V1_MAX], v2[PROXY_V2_MAX];
    struct proxy_header header;
    assert_true(endpoint_parse(span_text(source), &a) && endpoint_parse(span_text(destination), &b));
    size_t length = proxy_write_v1(v1, &a, &b);
    assert_true(span_equal(span_of(v1, length), span_text(expected)));
    assert_int_equal(read_both_ways(span_of(v1, length), &header).used, length);
    assert_true(endpoint_equal(&header.source, &a) && endpoint_equal(&header.destination, &b));
    length = proxy_write_v2(v2, &a, &b);
    assert_int_equal(read_both_ways(span_of(v2, length), &header).used, length);
    assert_true(header.known && endpoint_equal(&header.source, &a) && endpoint_equal(&header.destination, &b));
}

static void what_is_written_reads_the_same(void **state)
{
    assert_written("1.2.3.4:5", "6.7.8.9:10", "PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n");
    assert_written("255.255.255.255:65535", "255.255.255.255:65535",
                   "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
    assert_written("[2001:db8::1]:5", "[::1]:10", "PROXY TCP6 2001:db8::1 ::1 5 10\r\n");
    assert_written("1.2.3.4:5", "[::1]:10", "PROXY TCP6 ::ffff:1.2.3.4 ::1 5 10\r\n");
    assert_written(
        "[1111:2222:3333:4444:5555:6666:7777:8888]:65535", "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
        "PROXY TCP6 1111:2222:3333:4444:5555:6666:7777:8888 1111:2222:3333:4444:5555:6666:7777:8888 65535 65535\r\n");
}

static void who_has_no_ip_address_is_written_as_unknown(void **state)
{
    static const uint8_t ip[4] = {1, 2, 3, 4};
    struct endpoint someone = endpoint_from_ip4(ip, 5), nobody = {.kind = ENDPOINT_UNIX};
    uint8_t v1[PROXY_V1_MAX], v2[PROXY_V2_MAX];
    struct proxy_header header;
    size_t length = proxy_write_v1(v1, &nobody, &someone);
    assert_true(span_equal(span_of(v1, length), span_text("PROXY UNKNOWN\r\n")));
    length = proxy_write_v2(v2, &someone, &nobody);
    assert_int_equal(length, 16);
    assert_int_equal(read_both_ways(span_of(v2, length), &header).used, length);
    assert_false(header.known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_headers_name_both_ends),
        cmocka_unit_test(a_text_header_has_107_bytes_at_most),
        cmocka_unit_test(malformed_text_headers_are_bad),
        cmocka_unit_test(anything_else_is_no_header),
        cmocka_unit_test(binary_headers_name_both_ends),
        cmocka_unit_test(binary_headers_without_an_address_leave_the_connections_own),
        cmocka_unit_test(unassigned_numbers_and_short_bodies_are_bad),
        cmocka_unit_test(a_header_that_would_not_fit_is_bad_at_once),
        cmocka_unit_test(unknown_tlvs_are_skipped_but_must_fit),
        cmocka_unit_test(the_header_length_is_exact),
        cmocka_unit_test(a_checksum_must_be_right),
        cmocka_unit_test(an_authority_is_at_most_255_bytes),
        cmocka_unit_test(the_tls_description_must_hold_together),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(who_has_no_ip_address_is_written_as_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
