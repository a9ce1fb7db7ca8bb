#ifndef LIMPET_SEAL_SEALED_H
#define LIMPET_SEAL_SEALED_H

/* The form that cookies (seal/cookie) and pins (seal/pin) share: the name of a server and a time, which nobody can read or forge
 * who lacks the secret, and which count only where they were meant to.
 *
 *   bytes   = version, which is 1 | nonce, 24 bytes at random | sealed
 *   sealed  = crypto_aead_xchacha20poly1305_ietf(content, binding, nonce, key), with its tag of 16 bytes behind it
 *   content = time, 6 bytes of whole seconds, big endian | length of the server's name, 1 byte | the name | zeros, up to
 *             the next multiple of 32 bytes: so the length tells nothing of names of up to 25 bytes
 *
 * The nonce is long enough to be drawn at random by any number of frontends for ever. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"
#include "seal/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_VERSION 1
#define SEALED_MOST 201 /* bytes */
#define SEALED_SERVER_MOST 127

/* The keys of one secret for one purpose; immutable, so threads share them. */
struct sealed_keys {
    size_t count;
    uint8_t all[SECRET_LINES_MOST][SECRET_SIZE];
};

/* From the text of a secret that was judged good. An empty one: a key at random, which counts as long as this process and on
 * no other frontend. */
void sealed_keys_make(struct sealed_keys *keys, struct span secret, const char purpose[8]);

struct sealed_content {
    uint8_t server_length;
    char server[SEALED_SERVER_MOST];
    micros time; /* wall clock, whole seconds */
    uint8_t key; /* the number of the one that opened it; who seals leaves it alone */
};

/* Seals with the first key. The length. */
size_t sealed_make(const struct sealed_keys *keys, struct span binding, const struct sealed_content *content,
                   uint8_t bytes[SEALED_MOST]);

/* The number of the key that opened it, or keys->count: none did, and *content is not set. */
size_t sealed_open(const struct sealed_keys *keys, struct span binding, struct span bytes,
                   struct sealed_content *content);

/* What binds sealed bytes to the place where they count is put together from parts. */
struct binding {
    size_t length;
    uint8_t bytes[1 + 2 * 256 + 17];
};
void binding_init(struct binding *binding); /* with the version */
void binding_add(struct binding *binding, const void *bytes, size_t length);
/* Its length in one byte, and it; at most 255 bytes. */
void binding_add_name(struct binding *binding, struct span name);
static inline struct span binding_span(const struct binding *binding)
{
    return span_of(binding->bytes, binding->length);
}

#endif
