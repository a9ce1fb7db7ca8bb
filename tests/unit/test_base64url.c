#include "seal/base64url.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t read_text(const char *text, uint8_t *bytes)
{
    return base64url_read(span_text(text), bytes);
}

/* RFC 4648 section 10, without the padding. */
static void the_published_vectors_are_read(void **state)
{
    static const char *const vectors[][2] = {{"f", "Zg"},        {"fo", "Zm8"},        {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    uint8_t bytes[8];
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(read_text(vectors[i][1], bytes), strlen(vectors[i][0]));
        assert_memory_equal(bytes, vectors[i][0], strlen(vectors[i][0]));
    }
    assert_int_equal(read_text("-_-_", bytes), 3);
    assert_memory_equal(bytes, "\xfb\xff\xbf", 3);
}

static void what_stands_for_no_bytes_is_refused(void **state)
{
    static const char *const texts[] = {"",    "A",    "AAAAA", "Zg==",   "Zm8=",   "Zh",
                                        "Zm9", "+/+/", "Zm 9v", "Zm9v\n", "Zm9\xff"};
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_text(texts[i], bytes), 0);
    assert_int_equal(base64url_read(span_of(NULL, 0), bytes), 0);
}

/* Each byte in each place of groups of each length: it counts if writing the bytes again gives the same text. */
static void of_all_bytes_only_the_letters_count(void **state)
{
    for (size_t length = 2; length <= 4; length++)
        for (size_t place = 0; place < length; place++) {
            size_t right = 0;
            for (int byte = 0; byte < 256; byte++) {
                char text[5] = "AAAA", again[8];
                uint8_t bytes[3];
                text[place] = (char)byte;
                size_t count = base64url_read(span_of(text, length), bytes);
                if (count == 0)
                    continue;
                sodium_bin2base64(again, sizeof(again), bytes, count, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
                assert_int_equal(strlen(again), length);
                assert_memory_equal(again, text, length);
                right++;
            }
            assert_int_equal(right, place < length - 1 || length == 4 ? 64 : length == 2 ? 4 : 16);
        }
}

static void what_libsodium_writes_is_read(void **state)
{
    uint8_t bytes[300], read[300];
    char text[404];
    for (size_t length = 1; length <= sizeof(bytes); length++) {
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(i * 7 + length * 13);
        sodium_bin2base64(text, sizeof(text), bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        assert_int_equal(BASE64URL_BYTES(strlen(text)), length);
        assert_int_equal(read_text(text, read), length);
        assert_memory_equal(read, bytes, length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_are_read),
        cmocka_unit_test(what_stands_for_no_bytes_is_refused),
        cmocka_unit_test(of_all_bytes_only_the_letters_count),
        cmocka_unit_test(what_libsodium_writes_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
