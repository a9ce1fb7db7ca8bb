#include "main/suggest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, row by row; only the last two rows are needed. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][SUGGEST_LENGTH_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned changed = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(changed, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_length];
}

void suggest_init(struct suggestion *s, const char *word, size_t length)
{
    /* A third of the letters may be wrong; more is another word. */
    *s = (struct suggestion){.word = word, .length = length, .distance = (unsigned)(length + 2) / 3 + 1};
}

void suggest_try(struct suggestion *s, const char *candidate)
{
    size_t length = strlen(candidate);
    if (s->length > SUGGEST_LENGTH_MAX || length > SUGGEST_LENGTH_MAX)
        return;
    unsigned found = distance(s->word, s->length, candidate, length);
    if (found < s->distance) {
        s->distance = found;
        s->best = candidate;
    }
}
