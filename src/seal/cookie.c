#include "seal/cookie.h"

#include "seal/base64url.h"

#include <errno.h>
#include <sodium.h>

_Static_assert((SEALED_MOST * 4 + 2) / 3 + 1 <= COOKIE_TEXT_MOST, "the longest cookie fits, and libsodium's NUL");

static void add_client(struct binding *binding, const struct endpoint *client)
{
    uint8_t kind = 0;
    if (client)
        kind = client->kind == ENDPOINT_IP ? 1 : 2;
    binding_add(binding, &kind, 1);
    if (kind == 1)
        binding_add(binding, client->ip, sizeof(client->ip));
}

/* What binds a cookie to the place where it counts. False if a name is too long. */
static bool bind_to(struct binding *binding, const struct cookie_scope *scope)
{
    if (scope->pool.length > COOKIE_SCOPE_MOST || scope->name.length > COOKIE_SCOPE_MOST)
        return false;
    binding_init(binding);
    binding_add_name(binding, scope->pool);
    binding_add_name(binding, scope->name);
    add_client(binding, scope->client);
    return true;
}

int cookie_seal(const struct sealed_keys *keys, const struct cookie_scope *scope, const struct sealed_content *content,
                char *text, size_t *length)
{
    uint8_t cookie[SEALED_MOST];
    struct binding binding;
    if (content->server_length > SEALED_SERVER_MOST || !bind_to(&binding, scope))
        return -E2BIG;
    size_t cookie_length = sealed_make(keys, binding_span(&binding), content, cookie);
    sodium_bin2base64(text, COOKIE_TEXT_MOST, cookie, cookie_length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    *length = sodium_base64_ENCODED_LEN(cookie_length, sodium_base64_VARIANT_URLSAFE_NO_PADDING) - 1;
    return 0;
}

enum cookie_verdict cookie_open(const struct sealed_keys *keys, const struct cookie_scope *scope, struct span text,
                                micros lifetime, micros now, struct sealed_content *content)
{
    uint8_t cookie[SEALED_MOST];
    struct sealed_content read;
    struct binding binding;
    if (BASE64URL_BYTES(text.length) > sizeof(cookie) || !bind_to(&binding, scope))
        return COOKIE_BAD;
    size_t length = base64url_read(text, cookie); /* 0: not of the form that we write */
    size_t key = sealed_open(keys, binding_span(&binding), span_of(cookie, length), &read);
    if (key == keys->count || read.server_length == 0)
        return COOKIE_BAD;
    if (read.time > now + COOKIE_SKEW || now - read.time > lifetime)
        return COOKIE_EXPIRED;
    *content = read;
    return key == 0 ? COOKIE_FRESH : COOKIE_OLD_KEY;
}
