#include "base/counter.h"

#include <assert.h>

static const struct {
    const char *text;
    const char *help;
} table[COUNTER_COUNT] = {
#define X(name, text, help) {text, help},
    COUNTER_TABLE(X)
#undef X
};

const char *counter_text(enum counter counter)
{
    assert(counter < COUNTER_COUNT);
    return table[counter].text;
}

const char *counter_help(enum counter counter)
{
    assert(counter < COUNTER_COUNT);
    return table[counter].help;
}
