#include "seal/cookie.h"

#include "seal/base64url.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#define VERSION 1
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE crypto_aead_xchacha20poly1305_ietf_ABYTES
#define ISSUED_SIZE 6
#define CONTENT_STEP 32
#define CONTENT_MOST 160 /* 6 + 1 + 127, padded */
#define FRAME_SIZE (1 + NONCE_SIZE + TAG_SIZE)
#define COOKIE_MOST (FRAME_SIZE + CONTENT_MOST)

_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SECRET_SIZE, "a derived key seals cookies");
_Static_assert(CONTENT_MOST >= ISSUED_SIZE + 1 + COOKIE_SERVER_MOST && CONTENT_MOST % CONTENT_STEP == 0,
               "the longest content fits");
_Static_assert((COOKIE_MOST * 4 + 2) / 3 + 1 <= COOKIE_TEXT_MOST, "the longest cookie fits, and libsodium's NUL");

void cookie_keys_make(struct cookie_keys *keys, struct span secret)
{
    char line[SECRET_LINE_SIZE];
    if (secret.length > 0) {
        keys->count = secret_derive(secret, SECRET_FOR_COOKIES, keys->all);
        assert(keys->count > 0);
        return;
    }
    secret_make(line);
    keys->count = secret_derive(span_text(line), SECRET_FOR_COOKIES, keys->all);
    sodium_memzero(line, sizeof(line));
}

/* What binds a cookie to the place where it counts. */
struct binding {
    size_t length;
    uint8_t bytes[1 + 2 * (1 + COOKIE_SCOPE_MOST) + 1 + 16];
};

static void binding_add(struct binding *binding, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(binding->bytes + binding->length, bytes, length);
    binding->length += length;
}

static void binding_add_name(struct binding *binding, struct span name)
{
    uint8_t length = (uint8_t)name.length;
    binding_add(binding, &length, 1);
    binding_add(binding, name.data, name.length);
}

static void binding_add_client(struct binding *binding, const struct endpoint *client)
{
    uint8_t kind = 0;
    if (client)
        kind = client->kind == ENDPOINT_IP ? 1 : 2;
    binding_add(binding, &kind, 1);
    if (kind == 1)
        binding_add(binding, client->ip, sizeof(client->ip));
}

/* False if a name is too long. */
static bool binding_make(struct binding *binding, const struct cookie_scope *scope)
{
    static const uint8_t version = VERSION;
    if (scope->pool.length > COOKIE_SCOPE_MOST || scope->name.length > COOKIE_SCOPE_MOST)
        return false;
    binding->length = 0;
    binding_add(binding, &version, 1);
    binding_add_name(binding, scope->pool);
    binding_add_name(binding, scope->name);
    binding_add_client(binding, scope->client);
    return true;
}

/* The length of the content with its padding. */
static size_t write_content(const struct cookie_content *content, uint8_t bytes[CONTENT_MOST])
{
    uint64_t seconds = (uint64_t)(content->issued / SECOND_IN_MICROS);
    size_t length = ISSUED_SIZE + 1 + (size_t)content->server_length;
    memset(bytes, 0, CONTENT_MOST);
    for (size_t i = 0; i < ISSUED_SIZE; i++)
        bytes[i] = (uint8_t)(seconds >> (8 * (ISSUED_SIZE - 1 - i)));
    bytes[ISSUED_SIZE] = content->server_length;
    memcpy(bytes + ISSUED_SIZE + 1, content->server, content->server_length);
    return (length + CONTENT_STEP - 1) / CONTENT_STEP * CONTENT_STEP;
}

/* False only if somebody who has the secret seals what we never would. */
static bool read_content(const uint8_t *bytes, size_t length, struct cookie_content *content)
{
    uint64_t seconds = 0;
    for (size_t i = 0; i < ISSUED_SIZE; i++)
        seconds = seconds << 8 | bytes[i];
    content->server_length = bytes[ISSUED_SIZE];
    /* 48 bits of seconds are more than microseconds can count; the first bits that would overflow mean the year 285,000. */
    if (seconds > INT64_MAX / SECOND_IN_MICROS || content->server_length == 0 ||
        content->server_length > COOKIE_SERVER_MOST || ISSUED_SIZE + 1 + (size_t)content->server_length > length)
        return false;
    content->issued = (micros)seconds * SECOND_IN_MICROS;
    memcpy(content->server, bytes + ISSUED_SIZE + 1, content->server_length);
    return true;
}

int cookie_seal(const struct cookie_keys *keys, const struct cookie_scope *scope, const struct cookie_content *content,
                char *text, size_t *length)
{
    uint8_t cookie[COOKIE_MOST], plain[CONTENT_MOST];
    struct binding binding;
    assert(keys->count > 0 && content->issued >= 0);
    if (content->server_length > COOKIE_SERVER_MOST || !binding_make(&binding, scope))
        return -E2BIG;
    size_t plain_length = write_content(content, plain);
    size_t cookie_length = FRAME_SIZE + plain_length;
    cookie[0] = VERSION;
    randombytes_buf(cookie + 1, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(cookie + 1 + NONCE_SIZE, NULL, plain, plain_length, binding.bytes,
                                               binding.length, NULL, cookie + 1, keys->all[0]);
    sodium_bin2base64(text, COOKIE_TEXT_MOST, cookie, cookie_length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    *length = sodium_base64_ENCODED_LEN(cookie_length, sodium_base64_VARIANT_URLSAFE_NO_PADDING) - 1;
    return 0;
}

/* The length of the cookie behind the text, or 0: not of the form that we write. */
static size_t decode(struct span text, uint8_t cookie[COOKIE_MOST])
{
    if (BASE64URL_BYTES(text.length) > COOKIE_MOST)
        return 0;
    size_t length = base64url_read(text, cookie);
    bool ours = length > FRAME_SIZE && (length - FRAME_SIZE) % CONTENT_STEP == 0 && cookie[0] == VERSION;
    return ours ? length : 0;
}

/* Tries key after key: a forged cookie and one of a key that is gone walk the same way to its end. */
static size_t open_with_any(const struct cookie_keys *keys, const struct binding *binding, struct span cookie,
                            uint8_t plain[CONTENT_MOST])
{
    const uint8_t *nonce = cookie.data + 1, *sealed = nonce + NONCE_SIZE;
    size_t length = cookie.length - 1 - NONCE_SIZE;
    size_t key = 0;
    while (key < keys->count &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, sealed, length, binding->bytes,
                                                      binding->length, nonce, keys->all[key]) != 0)
        key++;
    return key;
}

enum cookie_verdict cookie_open(const struct cookie_keys *keys, const struct cookie_scope *scope, struct span text,
                                micros lifetime, micros now, struct cookie_content *content)
{
    uint8_t cookie[COOKIE_MOST], plain[CONTENT_MOST];
    struct cookie_content read;
    struct binding binding;
    size_t length = decode(text, cookie);
    if (length == 0 || !binding_make(&binding, scope))
        return COOKIE_BAD;
    size_t key = open_with_any(keys, &binding, span_of(cookie, length), plain);
    if (key == keys->count || !read_content(plain, length - FRAME_SIZE, &read))
        return COOKIE_BAD;
    if (read.issued > now + COOKIE_SKEW || now - read.issued > lifetime)
        return COOKIE_EXPIRED;
    *content = read;
    return key == 0 ? COOKIE_FRESH : COOKIE_OLD_KEY;
}
