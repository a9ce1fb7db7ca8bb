#ifndef LIMPET_ALGO_MARK_H
#define LIMPET_ALGO_MARK_H

/* A mark is 128 bits that stand for a few bytes in a table: SipHash-2-4 with 128 bits under a key that is drawn at random, or that
 * comes from the seed where frontends must agree. Nobody outside can find two that collide, or aim at one chain, and what was
 * marked cannot be read from it.
 *
 *   mark = SipHash-2-4(key, length of the name, 2 bytes little endian | name | thing) */

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

#define MARK_KEY_SIZE 16

/* Both parts together are at most so long; what is longer has no mark. */
#define MARK_MOST 4096

struct mark_key {
    uint8_t bytes[MARK_KEY_SIZE];
};

struct mark {
    uint64_t low, high;
};

void mark_key_make(struct mark_key *key);

/* Of a name and something that belongs to it; ("ab", "c") and ("a", "bc") differ. False: they are too long. */
bool mark_make(const struct mark_key *key, struct span name, struct span thing, struct mark *mark);

static inline bool mark_equal(struct mark a, struct mark b)
{
    return a.low == b.low && a.high == b.high;
}

#endif
