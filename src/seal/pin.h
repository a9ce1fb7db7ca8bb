#ifndef LIMPET_SEAL_PIN_H
#define LIMPET_SEAL_PIN_H

/* A pin as frontends leave it for each other in memcached: sealed (seal/sealed.h), so that whoever else uses that memcached
 * can neither read which server a key lives at, nor aim a client at one. It counts for one key alone: a value that is copied to
 * another key does not open.
 *
 *   key     = crypto_kdf(line of the secret, id 1, context SECRET_FOR_PINS, 32 bytes)
 *   value   = sealed bytes, as they are; their time is when the pin was made
 *   binding = version | length of the pool's name, 1 byte | it | length of the key under which it is stored, 1 byte | it
 *
 * The key under which it is stored is described in pins/pins.h. Both are frozen, as frontends of two versions may share a
 * memcached; tests/vectors/pin.tsv and tests/model/pin.py prove it.
 *
 * A pin without a server (length 0) says that the key was unpinned: who remembers another one forgets it. */

#include "base/attr.h"
#include "base/span.h"
#include "seal/sealed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the text of a secret that was judged good. */
static inline void pin_keys_make(struct sealed_keys *keys, struct span secret)
{
    sealed_keys_make(keys, secret, SECRET_FOR_PINS);
}

/* Longest name of a pool, and of a key. */
#define PIN_SCOPE_MOST 255

struct pin_scope {
    struct span pool;
    struct span key; /* under which it is stored */
};

/* Writes the value and its length. 0, or -E2BIG for a name that is too long. */
MUST_CHECK int pin_seal(const struct sealed_keys *keys, const struct pin_scope *scope,
                        const struct sealed_content *content, uint8_t value[SEALED_MOST], size_t *length);

/* True if it was sealed for this scope with one of the keys. */
MUST_CHECK bool pin_open(const struct sealed_keys *keys, const struct pin_scope *scope, struct span value,
                         struct sealed_content *content);

#endif
