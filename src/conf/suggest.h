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

/* True if they differ in nothing but capitals and underscores for dashes. */
bool suggest_is_same(struct span word, const char *other);

/* Goes on with what other proxies call our things: upstream -> pools, trusted_proxies -> trust. `best` is then our
 * word. A word may have several meanings: `accept` says which of ours are wanted. */
void suggest_try_foreign(struct suggest *s, bool (*accept)(const void *context, const char *ours), const void *context);

#endif
