#include "proto/hello.h"

#include "base/attr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes under construction, with the lengths of what they hold put in afterwards. */
struct maker {
    uint8_t bytes[80000];
    size_t length;
};

static void add(struct maker *m, const void *data, size_t length)
{
    assert_true(m->length + length <= sizeof(m->bytes));
    memcpy(m->bytes + m->length, data, length);
    m->length += length;
}

static void add_number(struct maker *m, size_t number, unsigned size)
{
    for (unsigned i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(number >> 8 * i);
        add(m, &byte, 1);
    }
}

static void add_vector(struct maker *m, unsigned size, const void *data, size_t length)
{
    add_number(m, length, size);
    add(m, data, length);
}

static void add_extension(struct maker *m, unsigned type, const void *data, size_t length)
{
    add_number(m, type, 2);
    add_vector(m, 2, data, length);
}

static void add_server_names(struct maker *m, const struct span *names, size_t count)
{
    static struct maker list, extension;
    list.length = extension.length = 0;
    for (size_t i = 0; i < count; i++) {
        add_number(&list, 0, 1);
        add_vector(&list, 2, names[i].data, names[i].length);
    }
    add_vector(&extension, 2, list.bytes, list.length);
    add_extension(m, 0, extension.bytes, extension.length);
}

static void add_server_name(struct maker *m, struct span name)
{
    add_server_names(m, &name, 1);
}

static void add_alpn(struct maker *m, struct span list)
{
    static struct maker extension;
    extension.length = 0;
    add_vector(&extension, 2, list.data, list.length);
    add_extension(m, 16, extension.bytes, extension.length);
}

/* A ClientHello with these extensions (null: none at all), in records that hold `record` bytes each. */
static struct span hello_with(const struct maker *extensions, size_t record)
{
    static struct maker body, message, stream;
    static const uint8_t zeros[32];
    body.length = message.length = stream.length = 0;
    add_number(&body, 0x0303, 2);
    add(&body, zeros, 32);
    add_vector(&body, 1, zeros, 32);
    add_vector(&body, 2, "\x13\x01\x13\x02", 4);
    add_vector(&body, 1, "", 1);
    if (extensions != NULL)
        add_vector(&body, 2, extensions->bytes, extensions->length);
    add_number(&message, 1, 1);
    add_vector(&message, 3, body.bytes, body.length);
    for (size_t at = 0; at < message.length; at += record) {
        size_t length = message.length - at < record ? message.length - at : record;
        add_number(&stream, 22, 1);
        add_number(&stream, 0x0301, 2);
        add_vector(&stream, 2, message.bytes + at, length);
    }
    return span_of(stream.bytes, stream.length);
}

static struct parse_result read_copy(struct span bytes, struct hello *hello)
{
    uint8_t *copy = malloc(bytes.length + 1);
    memcpy(copy, bytes.data, bytes.length);
    struct parse_result result = hello_read(span_of(copy, bytes.length), hello);
    free(copy);
    return result;
}

/* As a whole, then with one byte more each time; both must come to the same end. */
static struct parse_result read_both_ways(struct span all, struct hello *hello)
{
    struct hello pieced;
    struct parse_result whole = read_copy(all, hello), result = PARSE_RESULT_MORE;
    for (size_t shown = 1; shown <= all.length && result.verdict == PARSE_MORE; shown++)
        result = read_copy(span_part(all, 0, shown), &pieced);
    assert_int_equal(whole.verdict, result.verdict);
    assert_int_equal(whole.used, result.used);
    assert_ptr_equal(whole.why, result.why);
    assert_string_equal(hello->sni, pieced.sni);
    assert_memory_equal(hello->alpn, pieced.alpn, hello->alpn_length);
    return whole;
}

static void assert_read(struct span bytes, const char *name, const char *protocol)
{
    struct hello hello;
    struct parse_result result = read_both_ways(bytes, &hello);
    if (result.verdict != PARSE_DONE)
        fail_msg("%s", result.why ? result.why : "not done");
    assert_int_equal(result.used, bytes.length);
    assert_string_equal(hello.sni, name);
    assert_true(span_equal(span_of(hello.alpn, hello.alpn_length), span_text(protocol)));
}

static void assert_bad(struct span bytes)
{
    struct hello hello;
    assert_int_equal(read_both_ways(bytes, &hello).verdict, PARSE_BAD);
}

static struct maker *fresh(void)
{
    static struct maker extensions;
    extensions.length = 0;
    return &extensions;
}

static void name_and_protocol_are_read_however_the_records_are_cut(void **state)
{
    static const size_t records[] = {1, 2, 3, 5, 7, 50, 100, 16384};
    struct maker *m = fresh();
    add_extension(m, 43, "\x02\x03\x04", 3);
    add_server_name(m, span_text("Chat.EXAMPLE.org"));
    add_extension(m, 0x0a0a, "", 0);
    add_alpn(m, span_text("\x02h2\x08http/1.1"));
    for (size_t i = 0; i < ARRAY_LENGTH(records); i++)
        assert_read(hello_with(m, records[i]), "chat.example.org", "h2");
}

static void what_follows_is_not_part_of_it(void **state)
{
    struct maker *m = fresh();
    struct hello hello;
    add_server_name(m, span_text("a"));
    struct span bytes = hello_with(m, 10);
    static uint8_t more[1000];
    memcpy(more, bytes.data, bytes.length);
    assert_int_equal(read_both_ways(span_of(more, sizeof(more)), &hello).used, bytes.length);
}

static void name_and_protocol_may_be_absent(void **state)
{
    assert_read(hello_with(NULL, 16384), "", "");
    assert_read(hello_with(fresh(), 16384), "", "");
    struct maker *m = fresh();
    add_alpn(m, span_text("\x03"
                          "foo"));
    assert_read(hello_with(m, 16384), "", "foo");
}

static void an_address_is_no_name(void **state)
{
    static const char *const addresses[] = {"192.0.2.1", "::1", "[2001:db8::1]"};
    for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
        struct maker *m = fresh();
        add_server_name(m, span_text(addresses[i]));
        assert_read(hello_with(m, 16384), "", "");
    }
}

static void a_name_has_1_to_255_visible_bytes(void **state)
{
    char name[256];
    memset(name, 'n', sizeof(name));
    struct maker *m = fresh();
    add_server_name(m, span_of(name, 255));
    struct hello hello;
    assert_int_equal(read_both_ways(hello_with(m, 16384), &hello).verdict, PARSE_DONE);
    assert_int_equal(strlen(hello.sni), 255);
    static const struct span bad[] = {
        {(const uint8_t *)"", 0},         {(const uint8_t *)"a\0b", 3}, {(const uint8_t *)"a\0", 2},
        {(const uint8_t *)"a b", 3},      {(const uint8_t *)"a\n", 2},  {(const uint8_t *)"\x1b[1m", 4},
        {(const uint8_t *)"\xc3\xa4", 2}, {(const uint8_t *)"\x7f", 1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        m = fresh();
        add_server_name(m, bad[i]);
        assert_bad(hello_with(m, 16384));
    }
    m = fresh();
    add_server_name(m, span_of(name, 256));
    assert_bad(hello_with(m, 16384));
}

static void two_names_are_bad(void **state)
{
    struct span names[] = {span_text("a"), span_text("b")};
    struct maker *m = fresh();
    add_server_names(m, names, 2);
    assert_bad(hello_with(m, 16384));
    m = fresh();
    add_server_name(m, names[0]);
    add_server_name(m, names[0]);
    assert_bad(hello_with(m, 16384));
    m = fresh();
    add_server_names(m, names, 0);
    assert_bad(hello_with(m, 16384));
    m = fresh();
    add_extension(m, 0,
                  "\x00\x04\x01\x00\x01"
                  "a",
                  6);
    assert_bad(hello_with(m, 16384));
    m = fresh();
    add_extension(m, 0, "", 0);
    assert_bad(hello_with(m, 16384));
    m = fresh();
    add_extension(m, 0,
                  "\x00\x04\x00\x00\x01"
                  "ab",
                  7);
    assert_bad(hello_with(m, 16384));
}

static void malformed_protocol_lists_are_bad(void **state)
{
    static const struct span lists[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\0", 1},
        {(const uint8_t *)"\x02h", 2},
        {(const uint8_t *)"\x02h2\0", 4},
        {(const uint8_t *)"\x02h2\x05http", 8},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        struct maker *m = fresh();
        add_alpn(m, lists[i]);
        assert_bad(hello_with(m, 16384));
    }
    struct maker *m = fresh();
    add_alpn(m, span_text("\x02h2"));
    add_alpn(m, span_text("\x02h2"));
    assert_bad(hello_with(m, 16384));
    m = fresh();
    add_extension(m, 16, "", 0);
    assert_bad(hello_with(m, 16384));
}

static void lengths_that_do_not_fit_are_bad(void **state)
{
    struct maker *m = fresh();
    add_server_name(m, span_text("example.org"));
    add_alpn(m, span_text("\x02h2"));
    struct span right = hello_with(m, 16384);
    /* The record; the message; session, ciphers, compressions; extensions; one extension; its list; the name. */
    static const size_t lengths[] = {4, 8, 43, 77, 82, 85, 89, 91, 94};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++)
        for (int change = -1; change <= 1; change += 2) {
            uint8_t copy[512];
            struct hello hello;
            memcpy(copy, right.data, right.length);
            copy[lengths[i]] = (uint8_t)(copy[lengths[i]] + change);
            enum parse_verdict verdict = read_both_ways(span_of(copy, right.length), &hello).verdict;
            bool waits = lengths[i] <= 8; /* a longer record or message is only incomplete */
            assert_true(verdict == PARSE_BAD || (waits && verdict == PARSE_MORE));
        }
}

static void other_beginnings_are_something_else(void **state)
{
    struct hello hello;
    assert_int_equal(read_both_ways(span_text("GET / HTTP/1.1\r\n"), &hello).verdict, PARSE_NONE);
    assert_int_equal(read_both_ways(span_of("\x80\x2e\x01\x03\x01", 5), &hello).verdict, PARSE_NONE);
    assert_int_equal(read_both_ways(span_of("\x15\x03\x01", 3), &hello).verdict, PARSE_NONE);
    assert_int_equal(read_both_ways(span_of("\x16\x02", 2), &hello).verdict, PARSE_NONE);
    assert_int_equal(hello_read(span_of(NULL, 0), &hello).verdict, PARSE_MORE);
    assert_int_equal(read_both_ways(span_of("\x16\x03\x01", 3), &hello).verdict, PARSE_MORE);
    assert_bad(span_of("\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9));
    assert_bad(span_of("\x16\x03\x01\x00\x00", 5));
    assert_bad(span_of("\x16\x03\x01\x40\x01", 5));
    assert_bad(span_of("\x16\x03\x01\x00\x01\x01\x15\x03\x01", 9));
    assert_bad(span_of("\x16\x03\x01\x00\x01\x01\x16\x02\x01", 9));
    assert_bad(span_of("\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9));
}

static void a_hello_fits_in_16_kib_or_is_bad_at_once(void **state)
{
    static const uint8_t padding[17000];
    struct maker *m = fresh();
    struct hello hello;
    add_server_name(m, span_text("a"));
    add_extension(m, 21, padding, 16000);
    assert_read(hello_with(m, 16384), "a", "");
    m = fresh();
    add_extension(m, 21, padding, 17000);
    struct span bytes = hello_with(m, 16384);
    assert_int_equal(read_copy(span_part(bytes, 0, 8), &hello).verdict, PARSE_MORE);
    assert_int_equal(read_copy(span_part(bytes, 0, 9), &hello).verdict, PARSE_BAD);
    assert_int_equal(read_copy(bytes, &hello).verdict, PARSE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_protocol_are_read_however_the_records_are_cut),
        cmocka_unit_test(what_follows_is_not_part_of_it),
        cmocka_unit_test(name_and_protocol_may_be_absent),
        cmocka_unit_test(an_address_is_no_name),
        cmocka_unit_test(a_name_has_1_to_255_visible_bytes),
        cmocka_unit_test(two_names_are_bad),
        cmocka_unit_test(malformed_protocol_lists_are_bad),
        cmocka_unit_test(lengths_that_do_not_fit_are_bad),
        cmocka_unit_test(other_beginnings_are_something_else),
        cmocka_unit_test(a_hello_fits_in_16_kib_or_is_bad_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
