#ifndef LIMPET_MAIN_SUGGEST_H
#define LIMPET_MAIN_SUGGEST_H

/* Finds the word that somebody probably meant: the nearest by letters left out, added, changed or swapped. */

#include <stddef.h>

#define SUGGEST_LENGTH_MAX 31

struct suggestion {
    const char *word;
    size_t length;
    unsigned distance; /* of the best so far; worse ones do not count */
    const char *best;  /* null: nothing is near enough */
};

void suggest_init(struct suggestion *s, const char *word, size_t length);
void suggest_try(struct suggestion *s, const char *candidate);

#endif
