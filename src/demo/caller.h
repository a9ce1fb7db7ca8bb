#ifndef LIMPET_DEMO_CALLER_H
#define LIMPET_DEMO_CALLER_H

/* One client of the demo: asks once per connection, in the name of an address, as if a proxy had added it. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

#define DEMO_CALLER_WAIT (3 * (micros)SECOND_IN_MICROS)

struct demo_caller {
    struct loop_source source; /* fd -1: not calling */
    struct loop *loop;
    micros began;
    micros deadline; /* of the answer */
    bool asked;
    size_t length;
    char bytes[512];
    char question[256];
    size_t question_length;
    /* The answer came from this server (its name), or 0: it failed. */
    void (*answered)(struct demo_caller *caller, char server);
};

void demo_caller_init(struct demo_caller *caller, struct loop *loop, const char *name,
                      void (*answered)(struct demo_caller *, char));
void demo_caller_fini(struct demo_caller *caller);

bool demo_caller_is_busy(const struct demo_caller *caller);

/* Only when not busy. `answered` is called once, later; 0 or a negative errno, then it is not. */
MUST_CHECK int demo_caller_ask(struct demo_caller *caller, const struct address *limpet);

/* Gives up on an answer that does not come before the deadline. */
void demo_caller_tick(struct demo_caller *caller, micros now);

#endif
