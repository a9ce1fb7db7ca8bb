#include "base/counter.h"

#include <assert.h>

struct named {
    const char *text;
    const char *help;
};

#define X(name, text, help) {text, help},
static const struct named table[COUNTER_COUNT] = {COUNTER_TABLE(X)};
static const struct named gauges[GAUGE_COUNT] = {GAUGE_TABLE(X)};
#undef X

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

const char *gauge_text(enum gauge gauge)
{
    assert(gauge < GAUGE_COUNT);
    return gauges[gauge].text;
}

const char *gauge_help(enum gauge gauge)
{
    assert(gauge < GAUGE_COUNT);
    return gauges[gauge].help;
}
