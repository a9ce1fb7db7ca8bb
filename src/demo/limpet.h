#ifndef LIMPET_DEMO_LIMPET_H
#define LIMPET_DEMO_LIMPET_H

/* The limpet of the demo: this very program, started as `limpet serve` with flags, as anybody would. */

#include "base/attr.h"
#include "demo/house.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct demo_pipe {
    struct loop_source source; /* fd -1: closed */
    char text[4096];           /* the newest of what came */
    size_t length;
};

struct demo_limpet {
    struct loop *loop;
    pid_t pid; /* 0: not running */
    struct demo_pipe log;
    struct demo_pipe errors;
};

/* 0 or a negative errno. */
MUST_CHECK int demo_limpet_start(struct demo_limpet *limpet, struct loop *loop, const struct address *listen,
                                 const struct demo_house *houses, size_t house_count);

/* False once it has ended. */
bool demo_limpet_lives(struct demo_limpet *limpet);

/* The newest whole line of its access log, without the newline; valid until the loop turns. */
struct span demo_limpet_log(const struct demo_limpet *limpet);

/* Stops it and waits for it; harmless if it has ended or never began. */
void demo_limpet_stop(struct demo_limpet *limpet);

#endif
