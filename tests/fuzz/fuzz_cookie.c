#include "pieces.h"
#include "seal/base64url.h"
#include "seal/cookie.h"

#include <sodium.h>

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define NOW (1800000000 * (micros)SECOND_IN_MICROS)
#define LIFETIME (86400 * (micros)SECOND_IN_MICROS)

static struct sealed_keys keys;
static const struct cookie_scope scope = {.pool = {(const uint8_t *)"app", 3}, .name = {(const uint8_t *)"limpet", 6}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool opens(enum cookie_verdict verdict)
{
    return verdict == COOKIE_FRESH || verdict == COOKIE_OLD_KEY;
}

/* What is sealed with a name out of the input opens, and with one bit flipped it does not. */
static void seal_and_open(struct span input)
{
    struct sealed_content content = {.time = NOW, .server_length = (uint8_t)(input.length % SEALED_SERVER_MOST)};
    struct sealed_content read;
    char text[COOKIE_TEXT_MOST];
    size_t length;
    if (content.server_length == 0)
        return;
    memcpy(content.server, input.data, content.server_length);
    CHECK(cookie_seal(&keys, &scope, &content, text, &length) == 0 && length <= COOKIE_TEXT_MOST);
    CHECK(cookie_open(&keys, &scope, span_of(text, length), LIFETIME, NOW, &read) == COOKIE_FRESH);
    CHECK(read.time == NOW && read.server_length == content.server_length);
    CHECK(memcmp(read.server, content.server, read.server_length) == 0);
    size_t bit = input.length * input.data[0] % (length * 8);
    text[bit / 8] ^= (char)(1 << bit % 8);
    CHECK(cookie_open(&keys, &scope, span_of(text, length), LIFETIME, NOW, &read) == COOKIE_BAD);
}

/* The same as libsodium reads, but for 8-bit letters. */
static void read_both(struct span text)
{
    uint8_t *ours = malloc(text.length + 1), *theirs = malloc(text.length + 1);
    size_t length = 0;
    bool ascii = true;
    CHECK(ours && theirs);
    for (size_t i = 0; i < text.length; i++)
        ascii = ascii && text.data[i] < 0x80;
    bool right = ascii && sodium_base642bin(theirs, text.length, (const char *)text.data, text.length, NULL, &length,
                                            NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
    size_t count = base64url_read(text, ours);
    CHECK(count == (right ? length : 0) && memcmp(ours, theirs, count) == 0);
    free(ours);
    free(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sealed_content content;
    if (keys.count == 0)
        cookie_keys_make(&keys, span_text(SECRET));
    struct span text = span_of(data, size);
    if (opens(cookie_open(&keys, &scope, text, LIFETIME, NOW, &content)))
        CHECK(content.server_length > 0 && content.server_length <= SEALED_SERVER_MOST && size > 90);
    seal_and_open(text);
    read_both(text);
    return 0;
}
