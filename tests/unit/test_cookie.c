#include "seal/cookie.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define TWO "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define SECONDS (micros) SECOND_IN_MICROS
#define NOW (1800000000 * SECONDS)
#define LIFETIME (86400 * SECONDS)

static struct sealed_keys keys;
static struct cookie_scope scope;

static int make(void **state)
{
    cookie_keys_make(&keys, span_text(ONE));
    scope = (struct cookie_scope){.pool = span_text("app"), .name = span_text("limpet")};
    return 0;
}

struct sealed {
    char text[COOKIE_TEXT_MOST + 2];
    size_t length;
};

static struct sealed seal(const char *server, micros issued)
{
    struct sealed sealed = {.length = 0};
    struct sealed_content content = {.time = issued, .server_length = (uint8_t)strlen(server)};
    memcpy(content.server, server, strlen(server));
    assert_int_equal(cookie_seal(&keys, &scope, &content, sealed.text, &sealed.length), 0);
    return sealed;
}

static enum cookie_verdict open_at(struct span text, micros now)
{
    struct sealed_content content;
    return cookie_open(&keys, &scope, text, LIFETIME, now, &content);
}

static enum cookie_verdict open_now(struct span text)
{
    return open_at(text, NOW);
}

static void a_cookie_brings_back_what_was_sealed(void **state)
{
    struct sealed_content content;
    struct sealed sealed = seal("app1", NOW + 999999);
    assert_int_equal(
        cookie_open(&keys, &scope, span_of(sealed.text, sealed.length), LIFETIME, NOW + 5 * SECONDS, &content),
        COOKIE_FRESH);
    assert_int_equal(content.server_length, 4);
    assert_memory_equal(content.server, "app1", 4);
    assert_int_equal(content.time, NOW);
}

/* Out of tests/vectors/cookie.tsv. */
static void a_frozen_vector_opens(void **state)
{
    static const char text[] =
        "AQABAgMEBQYHCAkKCwwNDg8QERITFBUWF_345cGfmQm9HiYxBvfm6zsOcFw06ucuZbp3jMuL3XsT4tJ6QJLyp-aDyyGLpD8TLQ";
    struct sealed_content content;
    assert_int_equal(cookie_open(&keys, &scope, span_text(text), LIFETIME, NOW, &content), COOKIE_FRESH);
    assert_int_equal(content.server_length, strlen("10.0.0.11:3000"));
    assert_memory_equal(content.server, "10.0.0.11:3000", content.server_length);
    assert_int_equal(content.time, NOW);
}

static void names_of_every_length_fit_until_they_do_not(void **state)
{
    char name[SEALED_SERVER_MOST + 2];
    struct sealed_content content = {.server_length = SEALED_SERVER_MOST + 1, .time = NOW};
    struct sealed sealed;
    memset(name, 'x', sizeof(name));
    for (size_t length = SEALED_SERVER_MOST; length > 0; length--) {
        name[length] = '\0';
        sealed = seal(name, NOW);
        assert_true(sealed.length <= COOKIE_TEXT_MOST);
        assert_int_equal(cookie_open(&keys, &scope, span_of(sealed.text, sealed.length), LIFETIME, NOW, &content),
                         COOKIE_FRESH);
        assert_int_equal(content.server_length, length);
        assert_memory_equal(content.server, name, length);
    }
    content.server_length = SEALED_SERVER_MOST + 1;
    assert_int_equal(cookie_seal(&keys, &scope, &content, sealed.text, &sealed.length), -E2BIG);
}

static void long_names_of_pools_and_cookies_are_refused(void **state)
{
    static const uint8_t name[COOKIE_SCOPE_MOST + 1];
    struct sealed sealed;
    struct sealed_content content = {.server_length = 1, .server = "a", .time = NOW};
    scope.pool = span_of(name, COOKIE_SCOPE_MOST);
    scope.name = span_of(name, COOKIE_SCOPE_MOST);
    sealed = seal("a", NOW);
    assert_int_equal(open_now(span_of(sealed.text, sealed.length)), COOKIE_FRESH);
    scope.pool = span_of(name, COOKIE_SCOPE_MOST + 1);
    assert_int_equal(open_now(span_of(sealed.text, sealed.length)), COOKIE_BAD);
    assert_int_equal(cookie_seal(&keys, &scope, &content, sealed.text, &sealed.length), -E2BIG);
}

static void the_length_says_nothing_of_the_name(void **state)
{
    assert_int_equal(seal("a", NOW).length, seal("a name of twenty-five let", NOW).length);
    assert_int_equal(seal("a", NOW).length, 98);
    assert_int_not_equal(seal("a", NOW).length, seal("a name of twenty-six lette", NOW).length);
}

static void no_two_cookies_are_the_same(void **state)
{
    struct sealed one = seal("a", NOW), other = seal("a", NOW);
    assert_string_not_equal(one.text, other.text);
}

/* Every bit of the text: of what it stands for, of what it does not, and of the letters themselves. */
static void every_flipped_bit_is_bad(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    for (size_t bit = 0; bit < sealed.length * 8; bit++) {
        sealed.text[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(open_now(span_of(sealed.text, sealed.length)), COOKIE_BAD);
        sealed.text[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(open_now(span_of(sealed.text, sealed.length)), COOKIE_FRESH);
}

/* On the heap and exactly so long, so that the address sanitizer sees a step too far. */
static enum cookie_verdict open_copy(const char *text, size_t length)
{
    char *copy = malloc(length + !length);
    assert_non_null(copy);
    memcpy(copy, text, length);
    enum cookie_verdict verdict = open_now(span_of(copy, length));
    free(copy);
    return verdict;
}

static void every_truncation_is_bad(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    for (size_t length = 0; length < sealed.length; length++) {
        assert_int_equal(open_copy(sealed.text, length), COOKIE_BAD);
        assert_int_equal(open_copy(sealed.text + sealed.length - length, length), COOKIE_BAD);
    }
    assert_int_equal(open_now(span_of(NULL, 0)), COOKIE_BAD);
    assert_int_equal(open_copy(sealed.text, sealed.length), COOKIE_FRESH);
}

static void one_byte_more_is_bad(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    for (int byte = 0; byte < 256; byte++) {
        sealed.text[sealed.length] = (char)byte;
        assert_int_equal(open_copy(sealed.text, sealed.length + 1), COOKIE_BAD);
    }
    memmove(sealed.text + 1, sealed.text, sealed.length);
    sealed.text[0] = 'A';
    assert_int_equal(open_copy(sealed.text, sealed.length + 1), COOKIE_BAD);
}

/* 73 bytes leave two bits of the 98th letter without a meaning: only zeros are ours. */
static void other_letters_for_the_same_bytes_are_bad(void **state)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct sealed sealed = seal("app1", NOW);
    char *last = &sealed.text[sealed.length - 1], ours = *last;
    const char *place = strchr(letters, ours);
    assert_int_equal((place - letters) % 4, 0);
    for (int i = 1; i < 4; i++) {
        *last = letters[place - letters + i];
        assert_int_equal(open_now(span_of(sealed.text, sealed.length)), COOKIE_BAD);
    }
    *last = ours;
    sealed.text[sealed.length] = '=';
    sealed.text[sealed.length + 1] = '=';
    assert_int_equal(open_now(span_of(sealed.text, sealed.length + 1)), COOKIE_BAD);
    assert_int_equal(open_now(span_of(sealed.text, sealed.length + 2)), COOKIE_BAD);
}

static void replace(struct sealed *sealed, char ours, char theirs, bool *found)
{
    for (size_t i = 0; i < sealed->length; i++)
        if (sealed->text[i] == ours) {
            sealed->text[i] = theirs;
            *found = true;
        }
}

static void the_other_alphabet_is_bad(void **state)
{
    unsigned tried = 0;
    while (tried < 20) {
        struct sealed sealed = seal("app1", NOW);
        bool found = false;
        replace(&sealed, '-', '+', &found);
        replace(&sealed, '_', '/', &found);
        if (!found)
            continue;
        assert_int_equal(open_now(span_of(sealed.text, sealed.length)), COOKIE_BAD);
        tried++;
    }
}

static void white_space_quotes_and_giants_are_bad(void **state)
{
    static char giant[8192];
    char text[COOKIE_TEXT_MOST];
    struct sealed sealed = seal("app1", NOW);
    for (const char *around = " \t\"'%"; *around; around++) {
        int length = snprintf(text, sizeof(text), "%c%s%c", *around, sealed.text, *around);
        assert_int_equal(open_now(span_of(text, (size_t)length)), COOKIE_BAD);
        assert_int_equal(open_now(span_of(text, (size_t)length - 1)), COOKIE_BAD);
        assert_int_equal(open_now(span_of(text + 1, (size_t)length - 1)), COOKIE_BAD);
    }
    memset(giant, 'A', sizeof(giant));
    for (size_t length = COOKIE_TEXT_MOST - 4; length < COOKIE_TEXT_MOST + 4; length++)
        assert_int_equal(open_copy(giant, length), COOKIE_BAD);
    assert_int_equal(open_copy(giant, sizeof(giant)), COOKIE_BAD);
}

static void another_scope_is_another_cookie(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    struct span text = span_of(sealed.text, sealed.length);
    scope.pool = span_text("ap");
    assert_int_equal(open_now(text), COOKIE_BAD);
    scope.name = span_text("plimpet");
    assert_int_equal(open_now(text), COOKIE_BAD);
    scope.pool = span_text("app");
    assert_int_equal(open_now(text), COOKIE_BAD);
    scope.name = span_text("Limpet");
    assert_int_equal(open_now(text), COOKIE_BAD);
    scope.name = span_text("limpet");
    assert_int_equal(open_now(text), COOKIE_FRESH);
}

static void a_bound_cookie_is_of_use_to_its_client_alone(void **state)
{
    struct endpoint one, other, unix_peer = {.kind = ENDPOINT_UNIX}, nobody = {.kind = ENDPOINT_NONE};
    assert_true(endpoint_parse(span_text("203.0.113.9:1000"), &one));
    assert_true(endpoint_parse(span_text("203.0.113.8:1000"), &other));
    scope.client = &one;
    struct sealed sealed = seal("app1", NOW), local;
    struct span text = span_of(sealed.text, sealed.length);
    one.port = 2000;
    assert_int_equal(open_now(text), COOKIE_FRESH);
    scope.client = &other;
    assert_int_equal(open_now(text), COOKIE_BAD);
    scope.client = NULL;
    assert_int_equal(open_now(text), COOKIE_BAD);
    scope.client = &unix_peer;
    assert_int_equal(open_now(text), COOKIE_BAD);
    local = seal("app1", NOW);
    assert_int_equal(open_now(span_of(local.text, local.length)), COOKIE_FRESH);
    scope.client = &nobody;
    assert_int_equal(open_now(span_of(local.text, local.length)), COOKIE_FRESH);
    scope.client = NULL;
    assert_int_equal(open_now(span_of(local.text, local.length)), COOKIE_BAD);
}

static void time_runs_out(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    struct span text = span_of(sealed.text, sealed.length);
    assert_int_equal(open_at(text, NOW + LIFETIME), COOKIE_FRESH);
    assert_int_equal(open_at(text, NOW + LIFETIME + 1), COOKIE_EXPIRED);
    assert_int_equal(open_at(text, NOW + 100 * LIFETIME), COOKIE_EXPIRED);
    assert_int_equal(open_at(text, NOW - COOKIE_SKEW), COOKIE_FRESH);
    assert_int_equal(open_at(text, NOW - COOKIE_SKEW - 1), COOKIE_EXPIRED);
    assert_int_equal(open_at(text, 0), COOKIE_EXPIRED);
}

static void the_end_of_time_is_no_overflow(void **state)
{
    struct sealed sealed = seal("app1", INT64_MAX);
    assert_int_equal(open_at(span_of(sealed.text, sealed.length), NOW), COOKIE_EXPIRED);
    assert_int_equal(open_at(span_of(sealed.text, sealed.length), INT64_MAX - COOKIE_SKEW), COOKIE_FRESH);
}

static void what_is_bad_leaves_the_content_alone(void **state)
{
    struct sealed sealed = seal("app1", NOW);
    struct sealed_content content = {.time = 42, .server_length = 1, .server = "z"};
    struct span text = span_of(sealed.text, sealed.length);
    assert_int_equal(cookie_open(&keys, &scope, text, 0, NOW + SECONDS, &content), COOKIE_EXPIRED);
    sealed.text[40] ^= 1;
    assert_int_equal(cookie_open(&keys, &scope, text, LIFETIME, NOW, &content), COOKIE_BAD);
    assert_int_equal(content.time, 42);
    assert_int_equal(content.server[0], 'z');
}

/* Appended everywhere, promoted everywhere, retired everywhere; in between frontends differ by one step. */
static void a_rotation_in_two_steps_loses_nobody(void **state)
{
    struct sealed_keys before = keys, appended, promoted, retired;
    cookie_keys_make(&appended, span_text(ONE TWO));
    cookie_keys_make(&promoted, span_text(TWO ONE));
    cookie_keys_make(&retired, span_text(TWO));
    struct sealed old = seal("app1", NOW);
    struct span old_text = span_of(old.text, old.length);
    keys = appended;
    assert_int_equal(open_now(old_text), COOKIE_FRESH);
    struct sealed middle = seal("app1", NOW);
    keys = before;
    assert_int_equal(open_now(span_of(middle.text, middle.length)), COOKIE_FRESH);
    keys = promoted;
    assert_int_equal(open_now(old_text), COOKIE_OLD_KEY);
    struct sealed new = seal("app1", NOW);
    keys = appended;
    assert_int_equal(open_now(span_of(new.text, new.length)), COOKIE_OLD_KEY);
    keys = retired;
    assert_int_equal(open_now(span_of(new.text, new.length)), COOKIE_FRESH);
    assert_int_equal(open_now(old_text), COOKIE_BAD);
}

static void without_a_secret_keys_are_drawn(void **state)
{
    struct sealed_keys one, other;
    cookie_keys_make(&one, span_of(NULL, 0));
    cookie_keys_make(&other, span_of(NULL, 0));
    assert_int_equal(one.count, 1);
    assert_memory_not_equal(one.all[0], other.all[0], SECRET_SIZE);
}

#define fresh(test) cmocka_unit_test_setup(test, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_cookie_brings_back_what_was_sealed),
        fresh(a_frozen_vector_opens),
        fresh(names_of_every_length_fit_until_they_do_not),
        fresh(long_names_of_pools_and_cookies_are_refused),
        fresh(the_length_says_nothing_of_the_name),
        fresh(no_two_cookies_are_the_same),
        fresh(every_flipped_bit_is_bad),
        fresh(every_truncation_is_bad),
        fresh(one_byte_more_is_bad),
        fresh(other_letters_for_the_same_bytes_are_bad),
        fresh(the_other_alphabet_is_bad),
        fresh(white_space_quotes_and_giants_are_bad),
        fresh(another_scope_is_another_cookie),
        fresh(a_bound_cookie_is_of_use_to_its_client_alone),
        fresh(time_runs_out),
        fresh(the_end_of_time_is_no_overflow),
        fresh(what_is_bad_leaves_the_content_alone),
        fresh(a_rotation_in_two_steps_loses_nobody),
        fresh(without_a_secret_keys_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
