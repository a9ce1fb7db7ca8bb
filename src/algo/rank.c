#include "algo/rank.h"

#include "algo/rank_log2.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(crypto_shorthash_KEYBYTES == RANK_KEY_SIZE, "the rank key is a SipHash key");

static void derive(uint8_t key[RANK_KEY_SIZE], uint64_t id, const char *context, const uint8_t *master)
{
    int failed = crypto_kdf_derive_from_key(key, RANK_KEY_SIZE, id, context, master);
    assert(!failed); /* it only judges the length of the key, and 16 is its minimum */
    (void)failed;
}

void rank_seed_derive(struct rank_seed *seed, struct span text)
{
    uint8_t master[crypto_kdf_KEYBYTES];
    int failed = sodium_init();
    assert(failed >= 0);
    (void)failed;
    crypto_generichash(master, sizeof(master), text.data, text.length, NULL, 0);
    derive(seed->rank_key, 1, "limpetrk", master);
    derive(seed->log_key, 2, "limpetlg", master);
    derive(seed->pin_key, 3, "limpetpn", master);
    sodium_memzero(master, sizeof(master));
}

static uint64_t read_little_endian(const uint8_t bytes[8])
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static void write_little_endian(uint8_t bytes[8], uint64_t value)
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t hash(const uint8_t key[RANK_KEY_SIZE], const uint8_t *message, size_t length)
{
    uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash(out, message, length, key);
    return read_little_endian(out);
}

/* The hash wants its message in one piece. */
struct message {
    size_t length;
    uint8_t bytes[RANK_MESSAGE_MAX];
};

static void message_add(struct message *m, struct span part)
{
    size_t room = RANK_MESSAGE_MAX - m->length;
    size_t length = part.length < room ? part.length : room;
    if (length > 0)
        memcpy(m->bytes + m->length, part.data, length);
    m->length += length;
}

static uint64_t hash_of_key(const uint8_t hash_key[RANK_KEY_SIZE], enum key_tag tag, struct span key)
{
    struct message m;
    m.length = 1; /* no initialiser: it would clear 16 KiB for a key of 16 bytes */
    m.bytes[0] = (uint8_t)tag;
    message_add(&m, key);
    return hash(hash_key, m.bytes, m.length);
}

uint64_t rank_key_hash(const struct rank_seed *seed, enum key_tag tag, struct span key)
{
    return hash_of_key(seed->rank_key, tag, key);
}

uint32_t rank_log_hash(const struct rank_seed *seed, enum key_tag tag, struct span key)
{
    return (uint32_t)hash_of_key(seed->log_key, tag, key);
}

uint64_t rank_identity(const struct rank_seed *seed, struct span pool, struct span server)
{
    static const uint8_t zero[1];
    struct message m;
    m.length = 0;
    message_add(&m, span_of(zero, 1));
    message_add(&m, pool);
    message_add(&m, span_of(zero, 1));
    message_add(&m, server);
    return hash(seed->rank_key, m.bytes, m.length);
}

/* log2(x) in 1/2^56 for x from 1. With x = 2^e * (1 + f), the table knows log2(1 + f) at every 1/1024 of f; between two
 * entries it is taken as a straight line, which is never off by more than 1.8e-7 (1 / (8 ln 2 * 1024^2)). */
static uint64_t log2_fixed(uint64_t x)
{
    const unsigned rest_bits = 63 - RANK_LOG2_STEPS_BITS;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(x);
    uint64_t fraction = (x << (63 - exponent)) & (UINT64_MAX >> 1); /* f in 1/2^63 */
    uint64_t step = fraction >> rest_bits;
    uint64_t rest = fraction & ((UINT64_C(1) << rest_bits) - 1);
    uint64_t rise = rank_log2[step + 1] - rank_log2[step];
    /* rise is below 2^47 (2^56 / 1024 / ln 2) and rest below 2^53: the product needs 100 bits. */
    uint64_t part = (uint64_t)((unsigned __int128)rise * rest >> rest_bits);
    return ((uint64_t)exponent << RANK_LOG2_BITS) + rank_log2[step] + part;
}

uint64_t rank_distance(const struct rank_seed *seed, uint64_t key_hash, uint64_t identity)
{
    uint8_t message[16];
    write_little_endian(message, key_hash);
    write_little_endian(message + 8, identity);
    uint64_t draw = hash(seed->rank_key, message, sizeof(message));
    if (draw == UINT64_MAX)
        return 1;
    uint64_t distance = (UINT64_C(64) << RANK_LOG2_BITS) - log2_fixed(draw + 1);
    return distance > 0 ? distance : 1;
}

bool rank_before(const struct rank_entry *a, const struct rank_entry *b)
{
    /* Weights have 9 bits and distances 63. */
    unsigned __int128 ours = (unsigned __int128)b->distance * a->weight;
    unsigned __int128 theirs = (unsigned __int128)a->distance * b->weight;
    if (ours != theirs)
        return ours > theirs;
    return strcmp(a->name, b->name) < 0;
}

static int compare(const void *left, const void *right)
{
    if (rank_before(left, right))
        return -1;
    return rank_before(right, left) ? 1 : 0;
}

void rank_sort(struct rank_entry *entries, size_t count)
{
    qsort(entries, count, sizeof(*entries), compare);
}
