#include "seal/sealed.h"

#include <assert.h>
#include <sodium.h>

#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
#define TIME_SIZE 6
#define CONTENT_STEP 32
#define CONTENT_MOST 160 /* 6 + 1 + 127, padded */
#define FRAME_SIZE (1 + NONCE_SIZE + TAG_SIZE)

_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SECRET_SIZE, "a derived key seals");
_Static_assert(CONTENT_MOST >= TIME_SIZE + 1 + SEALED_SERVER_MOST && CONTENT_MOST % CONTENT_STEP == 0,
               "the longest content fits");
_Static_assert(FRAME_SIZE + CONTENT_MOST == SEALED_MOST, "the longest that is sealed");

void sealed_keys_make(struct sealed_keys *keys, struct span secret, const char purpose[8])
{
    char line[SECRET_LINE_SIZE];
    if (secret.length > 0) {
        keys->count = secret_derive(secret, purpose, keys->all);
        assert(keys->count > 0);
        return;
    }
    secret_make(line);
    keys->count = secret_derive(span_text(line), purpose, keys->all);
    sodium_memzero(line, sizeof(line));
}

void binding_init(struct binding *binding)
{
    static const uint8_t version = SEALED_VERSION;
    binding->length = 0;
    binding_add(binding, &version, 1);
}

void binding_add(struct binding *binding, const void *bytes, size_t length)
{
    assert(length <= sizeof(binding->bytes) - binding->length);
    if (length > 0)
        memcpy(binding->bytes + binding->length, bytes, length);
    binding->length += length;
}

void binding_add_name(struct binding *binding, struct span name)
{
    uint8_t length = (uint8_t)name.length;
    binding_add(binding, &length, 1);
    binding_add(binding, name.data, name.length);
}

/* The length of the content with its padding. */
static size_t write_content(const struct sealed_content *content, uint8_t bytes[CONTENT_MOST])
{
    uint64_t seconds = (uint64_t)(content->time / SECOND_IN_MICROS);
    size_t length = TIME_SIZE + 1 + (size_t)content->server_length;
    memset(bytes, 0, CONTENT_MOST);
    for (size_t i = 0; i < TIME_SIZE; i++)
        bytes[i] = (uint8_t)(seconds >> (8 * (TIME_SIZE - 1 - i)));
    bytes[TIME_SIZE] = content->server_length;
    memcpy(bytes + TIME_SIZE + 1, content->server, content->server_length);
    return (length + CONTENT_STEP - 1) / CONTENT_STEP * CONTENT_STEP;
}

/* False only if somebody who has the secret seals what we never would. */
static bool read_content(const uint8_t *bytes, size_t length, struct sealed_content *content)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < TIME_SIZE; i++)
        seconds = seconds << 8 | bytes[i];
    content->server_length = bytes[TIME_SIZE];
    /* 48 bits of seconds are more than microseconds can count; the first bits that would overflow mean the year 285,000. */
    if (seconds > INT64_MAX / SECOND_IN_MICROS || content->server_length > SEALED_SERVER_MOST ||
        TIME_SIZE + 1 + (size_t)content->server_length > length)
        return false;
    content->time = (micros)seconds * SECOND_IN_MICROS;
    memcpy(content->server, bytes + TIME_SIZE + 1, content->server_length);
    return true;
}

size_t sealed_make(const struct sealed_keys *keys, struct span binding, const struct sealed_content *content,
                   uint8_t bytes[SEALED_MOST])
{
    uint8_t plain[CONTENT_MOST];
    assert(keys->count > 0 && content->time >= 0 && content->server_length <= SEALED_SERVER_MOST);
    size_t length = write_content(content, plain);
    bytes[0] = SEALED_VERSION;
    randombytes_buf(bytes + 1, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + 1 + NONCE_SIZE, NULL, plain, length, binding.data,
                                               binding.length, NULL, bytes + 1, keys->all[0]);
    return FRAME_SIZE + length;
}

static bool is_of_our_form(struct span bytes)
{
    return bytes.length > FRAME_SIZE && bytes.length <= SEALED_MOST &&
           (bytes.length - FRAME_SIZE) % CONTENT_STEP == 0 && bytes.data[0] == SEALED_VERSION;
}

/* Tries key after key: what was forged and what was sealed with a key that is gone walk the same way to its end. */
size_t sealed_open(const struct sealed_keys *keys, struct span binding, struct span bytes,
                   struct sealed_content *content)
{
    uint8_t plain[CONTENT_MOST];
    struct sealed_content read;
    if (!is_of_our_form(bytes))
        return keys->count;
    const uint8_t *nonce = bytes.data + 1, *sealed = nonce + NONCE_SIZE;
    size_t length = bytes.length - 1 - NONCE_SIZE;
    size_t key = 0;
    while (key < keys->count &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, length, binding.data, binding.length,
                                                      nonce, keys->all[key]) != 0)
        key++;
    if (key == keys->count || !read_content(plain, bytes.length - FRAME_SIZE, &read))
        return keys->count;
    read.key = (uint8_t)key;
    *content = read;
    return key;
}
