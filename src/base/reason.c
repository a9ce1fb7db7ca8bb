#include "base/reason.h"

#include <assert.h>

static const struct {
    const char *text;
    const char *help;
} reasons[REASON_COUNT] = {
#define X(name, text, help) {text, help},
    REASON_TABLE(X)
#undef X
};

const char *reason_text(enum reason reason)
{
    assert(reason < REASON_COUNT);
    return reasons[reason].text;
}

const char *reason_help(enum reason reason)
{
    assert(reason < REASON_COUNT);
    return reasons[reason].help;
}
