#ifndef LIMPET_CONF_SUGGEST_H
#define LIMPET_CONF_SUGGEST_H

/* "did you mean": the nearest of the words that would have been right, and what other proxies call our things. */

#include "base/span.h"

/* Keeps the best candidate that was shown. */
struct suggest {
    struct span word;
    const char *best; /* null: none is near enough */
    size_t distance;
};

void suggest_init(struct suggest *s, struct span word);
/* `candidate` must outlive the search. */
void suggest_try(struct suggest *s, const char *candidate);

/* Our word for another proxy's: upstream -> pools, trusted_proxies -> trust; null if we know none. Case and the
 * difference between `-` and `_` are ignored. Some words have several meanings: `at` counts them. */
const char *suggest_foreign(struct span word, size_t at);

#endif
