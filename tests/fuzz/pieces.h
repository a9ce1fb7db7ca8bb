#ifndef LIMPET_TESTS_FUZZ_PIECES_H
#define LIMPET_TESTS_FUZZ_PIECES_H

/* Shows an input as a network does: a little more each time, cut at places that the input itself decides. Every showing
 * is a copy that ends where it ends, so that the address sanitizer sees a step too far. */

#include "base/span.h"

#include <stdlib.h>

/* What must hold; stays on in every build. */
#define CHECK(truth)                                                                                                   \
    do {                                                                                                               \
        if (!(truth))                                                                                                  \
            abort();                                                                                                   \
    } while (0)

struct pieces {
    struct span all;
    size_t shown;
    uint32_t random;
    uint8_t *copy;
};

static inline struct pieces pieces_of(struct span all)
{
    uint32_t random = (uint32_t)all.length;
    for (size_t i = 0; i < all.length; i++)
        random = random * 31 + all.data[i];
    return (struct pieces){.all = all, .random = random};
}

static inline void pieces_fini(struct pieces *p)
{
    free(p->copy);
    p->copy = NULL;
}

/* False when all was shown. Mostly steps of a few bytes, but few steps over a long input. */
static inline bool pieces_next(struct pieces *p, struct span *shown)
{
    if (p->shown == p->all.length)
        return false;
    p->random = p->random * 1103515245 + 12345;
    size_t step = 1 + (p->random >> 16) % (4 + p->all.length / 64);
    size_t left = p->all.length - p->shown;
    p->shown += step < left ? step : left;
    free(p->copy);
    p->copy = malloc(p->shown);
    CHECK(p->copy != NULL);
    memcpy(p->copy, p->all.data, p->shown);
    *shown = span_of(p->copy, p->shown);
    return true;
}

static inline bool span_is_inside(struct span part, struct span whole)
{
    return part.data == NULL || part.length == 0 ||
           (part.data >= whole.data && part.data + part.length <= whole.data + whole.length);
}

#endif
