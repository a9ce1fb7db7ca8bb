#include "control/silence.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/span.h"
#include "conf/npm.h"
#include "control/powers.h"

#include <stdio.h>
#include <stdlib.h>

#define PACKAGE_MOST (1UL << 20)

static void explain_npm(const struct plan_workers *workers, const char *manager)
{
    char path[4096];
    char *text = NULL;
    size_t length = 0;
    struct arena *arena = arena_new();
    snprintf(path, sizeof(path), "%s%spackage.json", workers->directory ? workers->directory : "",
             workers->directory ? "/" : "");
    int failure = powers_read_file(path, PACKAGE_MOST, &text, &length);
    const char *advice = arena && !failure ? npm_advice(arena, workers->command, span_of(text, length)) : NULL;
    log_error("%s starts node itself and drops the channel on the way: %s", manager,
              advice ? advice : "give limpet the command that it runs, such as `node server.js`");
    free(text);
    arena_free(arena);
}

void silence_explain(const struct plan_workers *workers)
{
    const char *manager = npm_manager(workers->command);
    if (manager)
        explain_npm(workers, manager);
    else if (npm_is_bun(workers->command))
        log_error("Bun opens its port itself and takes no connections from limpet: run the program with node");
    else
        log_error(
            "a Node program has to be started as `node FILE`, or by a script that ends in `exec node FILE`; any other "
            "one takes connections as limpet-worker(7) tells");
}
