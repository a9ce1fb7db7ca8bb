#include "seal/pin.h"

#include "seal/cookie.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define TWO "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define SECONDS (micros) SECOND_IN_MICROS
#define NOW (1800000000 * SECONDS)
#define KEY "limpet:50829e1d60925728a5a9d04725156932"

static struct sealed_keys keys;
static struct pin_scope scope;

static int make(void **state)
{
    pin_keys_make(&keys, span_text(ONE));
    scope = (struct pin_scope){.pool = span_text("app"), .key = span_text(KEY)};
    return 0;
}

struct sealed {
    uint8_t value[SEALED_MOST + 1];
    size_t length;
};

static struct sealed seal(const char *server, micros made)
{
    struct sealed sealed = {.length = 0};
    struct sealed_content content = {.time = made, .server_length = (uint8_t)strlen(server)};
    memcpy(content.server, server, strlen(server));
    assert_int_equal(pin_seal(&keys, &scope, &content, sealed.value, &sealed.length), 0);
    assert_true(sealed.length <= SEALED_MOST);
    return sealed;
}

/* Of a copy that ends where the value ends, so that the sanitizer sees a step too far. */
static bool opens(const uint8_t *value, size_t length)
{
    struct sealed_content content = {.time = 42, .server_length = 1, .server = "z"};
    uint8_t *copy = malloc(length + 1);
    assert_non_null(copy);
    if (length > 0)
        memcpy(copy + 1, value, length);
    bool opened = pin_open(&keys, &scope, span_of(copy + 1, length), &content);
    if (!opened)
        assert_true(content.time == 42 && content.server_length == 1 && content.server[0] == 'z');
    free(copy);
    return opened;
}

static void a_pin_brings_back_what_was_sealed(void **state)
{
    struct sealed_content content;
    struct sealed sealed = seal("app1", NOW + 999999);
    assert_true(pin_open(&keys, &scope, span_of(sealed.value, sealed.length), &content));
    assert_int_equal(content.server_length, 4);
    assert_memory_equal(content.server, "app1", 4);
    assert_int_equal(content.time, NOW);
}

/* The first of tests/vectors/pin.tsv. */
static void a_frozen_vector_opens(void **state)
{
    static const uint8_t value[] = {
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0xb8, 0xdb, 0x55, 0x0c,
        0xa4, 0x7d, 0x62, 0xbe, 0x35, 0x53, 0x19, 0xbd, 0x5a, 0xe1, 0x4a, 0x6c, 0x47, 0xe2, 0xed,
        0x84, 0xe2, 0x35, 0xf0, 0x47, 0x88, 0x25, 0x91, 0xd5, 0x21, 0xa1, 0xfe, 0xcd, 0x56, 0xd6,
        0x50, 0x12, 0x03, 0x9d, 0x41, 0x06, 0xa4, 0x8c, 0x56, 0x73, 0xf5, 0x12, 0x42,
    };
    struct sealed_content content;
    assert_true(pin_open(&keys, &scope, span_of(value, sizeof(value)), &content));
    assert_int_equal(content.server_length, 1);
    assert_int_equal(content.server[0], 'a');
    assert_int_equal(content.time, NOW);
}

static void names_of_every_length_fit_until_they_do_not(void **state)
{
    char name[SEALED_SERVER_MOST + 1];
    struct sealed_content content = {.server_length = SEALED_SERVER_MOST + 1, .time = NOW};
    struct sealed sealed;
    memset(name, 'x', sizeof(name));
    for (size_t length = 0; length <= SEALED_SERVER_MOST; length++) {
        name[length] = '\0';
        sealed = seal(name, NOW);
        name[length] = 'x';
        assert_true(pin_open(&keys, &scope, span_of(sealed.value, sealed.length), &content));
        assert_int_equal(content.server_length, length);
        assert_memory_equal(content.server, name, length);
    }
    content.server_length = SEALED_SERVER_MOST + 1;
    assert_int_equal(pin_seal(&keys, &scope, &content, sealed.value, &sealed.length), -E2BIG);
}

static void long_names_of_pools_and_keys_are_refused(void **state)
{
    static const uint8_t name[PIN_SCOPE_MOST + 1];
    struct sealed_content content = {.server_length = 1, .server = "a", .time = NOW};
    scope.pool = span_of(name, PIN_SCOPE_MOST);
    scope.key = span_of(name, PIN_SCOPE_MOST);
    struct sealed sealed = seal("a", NOW);
    assert_true(opens(sealed.value, sealed.length));
    scope.pool = span_of(name, PIN_SCOPE_MOST + 1);
    assert_false(opens(sealed.value, sealed.length));
    assert_int_equal(pin_seal(&keys, &scope, &content, sealed.value, &sealed.length), -E2BIG);
    scope.pool = span_of(name, PIN_SCOPE_MOST);
    scope.key = span_of(name, PIN_SCOPE_MOST + 1);
    assert_int_equal(pin_seal(&keys, &scope, &content, sealed.value, &sealed.length), -E2BIG);
}

static void no_two_values_are_the_same_and_none_tells_the_length(void **state)
{
    struct sealed one = seal("a", NOW), again = seal("a", NOW), nobody = seal("", NOW),
                  longest = seal("exactly twenty-five lette", NOW);
    assert_memory_not_equal(one.value, again.value, one.length);
    assert_int_equal(one.length, nobody.length);
    assert_int_equal(one.length, longest.length);
}

static void every_flipped_bit_is_bad(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    for (size_t bit = 0; bit < sealed.length * 8; bit++) {
        sealed.value[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(opens(sealed.value, sealed.length));
        sealed.value[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(opens(sealed.value, sealed.length));
}

static void every_other_length_is_bad(void **state)
{
    static uint8_t giant[8192];
    struct sealed sealed = seal("app1", NOW);
    memset(giant, SEALED_VERSION, sizeof(giant));
    memcpy(giant, sealed.value, sealed.length);
    for (size_t length = 0; length < 600; length++)
        assert_int_equal(opens(giant, length), length == sealed.length);
    assert_false(opens(giant, sizeof(giant)));
}

/* Whoever shares the memcached can copy values: that aims nobody anywhere. */
static void a_value_counts_for_its_key_and_its_pool_alone(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    scope.pool = span_text("chat");
    assert_false(opens(sealed.value, sealed.length));
    scope = (struct pin_scope){.pool = span_text("app"), .key = span_text("limpet:60829e1d60925728a5a9d04725156932")};
    assert_false(opens(sealed.value, sealed.length));
    scope.key = span_text("");
    assert_false(opens(sealed.value, sealed.length));
    scope = (struct pin_scope){.pool = span_text("app\050limpet"), .key = span_text(KEY)};
    assert_false(opens(sealed.value, sealed.length));
    scope = (struct pin_scope){.pool = span_text("app"), .key = span_text(KEY)};
    assert_true(opens(sealed.value, sealed.length));
}

static void a_cookie_is_no_pin(void **state)
{
    struct sealed_keys of_cookies;
    struct sealed sealed;
    cookie_keys_make(&of_cookies, span_text(ONE));
    assert_memory_not_equal(of_cookies.all[0], keys.all[0], SECRET_SIZE);
    struct sealed_keys of_pins = keys;
    keys = of_cookies;
    sealed = seal("app1", NOW);
    keys = of_pins;
    assert_false(opens(sealed.value, sealed.length));
}

static void all_lines_of_the_secret_open_and_the_first_seals(void **state)
{
    struct sealed old = seal("app1", NOW);
    pin_keys_make(&keys, span_text(TWO ONE));
    assert_true(opens(old.value, old.length));
    struct sealed new = seal("app1", NOW);
    pin_keys_make(&keys, span_text(TWO));
    assert_true(opens(new.value, new.length));
    assert_false(opens(old.value, old.length));
}

static void the_end_of_time_is_no_overflow(void **state)
{
    struct sealed_content content;
    struct sealed sealed = seal("app1", INT64_MAX);
    assert_true(pin_open(&keys, &scope, span_of(sealed.value, sealed.length), &content));
    assert_int_equal(content.time, INT64_MAX / SECOND_IN_MICROS * SECOND_IN_MICROS);
}

#define fresh(test) cmocka_unit_test_setup(test, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_pin_brings_back_what_was_sealed),
        fresh(a_frozen_vector_opens),
        fresh(names_of_every_length_fit_until_they_do_not),
        fresh(long_names_of_pools_and_keys_are_refused),
        fresh(no_two_values_are_the_same_and_none_tells_the_length),
        fresh(every_flipped_bit_is_bad),
        fresh(every_other_length_is_bad),
        fresh(a_value_counts_for_its_key_and_its_pool_alone),
        fresh(a_cookie_is_no_pin),
        fresh(all_lines_of_the_secret_open_and_the_first_seals),
        fresh(the_end_of_time_is_no_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
