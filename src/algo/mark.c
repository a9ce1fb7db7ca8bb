#include "algo/mark.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>

_Static_assert(crypto_shorthash_siphashx24_KEYBYTES == MARK_KEY_SIZE, "the key is one of SipHash");
_Static_assert(crypto_shorthash_siphashx24_BYTES == sizeof(struct mark), "a mark is a digest of SipHash");

void mark_key_make(struct mark_key *key)
{
    int failed = sodium_init();
    assert(failed >= 0);
    (void)failed;
    randombytes_buf(key->bytes, sizeof(key->bytes));
}

bool mark_make(const struct mark_key *key, struct span name, struct span thing, struct mark *mark)
{
    uint8_t message[sizeof(uint16_t) + MARK_MOST];
    uint16_t length = htole16((uint16_t)name.length);
    if (name.length > MARK_MOST || thing.length > MARK_MOST - name.length)
        return false;
    memcpy(message, &length, sizeof(length));
    if (name.length > 0)
        memcpy(message + sizeof(length), name.data, name.length);
    if (thing.length > 0)
        memcpy(message + sizeof(length) + name.length, thing.data, thing.length);
    crypto_shorthash_siphashx24((uint8_t *)mark, message, sizeof(length) + name.length + thing.length, key->bytes);
    return true;
}
