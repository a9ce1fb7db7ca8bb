#include "pieces.h"
#include "seal/pin.h"

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define OTHER "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define KEY "limpet:50829e1d60925728a5a9d04725156932"
#define NOW (1800000000 * (micros)SECOND_IN_MICROS)

static struct sealed_keys keys;
static const struct pin_scope scope = {.pool = {(const uint8_t *)"app", 3}, .key = {(const uint8_t *)KEY, 39}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is sealed with a name out of the input opens; with one bit flipped, a byte more or for another key it does not. */
static void seal_and_open(struct span input)
{
    struct sealed_content content = {.time = NOW, .server_length = (uint8_t)(input.length % (SEALED_SERVER_MOST + 1))};
    struct sealed_content read;
    uint8_t value[SEALED_MOST + 1];
    size_t length;
    if (content.server_length > 0)
        memcpy(content.server, input.data, content.server_length);
    CHECK(pin_seal(&keys, &scope, &content, value, &length) == 0 && length <= SEALED_MOST);
    CHECK(pin_open(&keys, &scope, span_of(value, length), &read));
    CHECK(read.time == NOW && read.server_length == content.server_length);
    CHECK(memcmp(read.server, content.server, read.server_length) == 0);
    value[length] = 0;
    CHECK(!pin_open(&keys, &scope, span_of(value, length + 1), &read));
    struct pin_scope elsewhere = {.pool = scope.pool, .key = span_part(scope.key, 0, scope.key.length - 1)};
    CHECK(!pin_open(&keys, &elsewhere, span_of(value, length), &read));
    size_t bit = (input.length > 0 ? input.length * input.data[0] : 0) % (length * 8);
    value[bit / 8] ^= (uint8_t)(1 << bit % 8);
    CHECK(!pin_open(&keys, &scope, span_of(value, length), &read));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sealed_content content;
    if (keys.count == 0)
        pin_keys_make(&keys, span_text(SECRET OTHER));
    struct span value = span_of(data, size);
    if (pin_open(&keys, &scope, value, &content))
        CHECK(content.server_length <= SEALED_SERVER_MOST && content.time >= 0 && size > 41 && size <= SEALED_MOST);
    seal_and_open(value);
    return 0;
}
