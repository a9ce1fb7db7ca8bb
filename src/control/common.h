#ifndef LIMPET_CONTROL_COMMON_H
#define LIMPET_CONTROL_COMMON_H

/* The memory that the keeper and its engines have in common: what is known of the servers, what the threads count, and the
 * pins. It
 * outlives every engine. Laid out as the plan says, so that whoever has the plan finds everything; what stands in it is only
 * ever shown or compared, because an engine that was broken into may write there what it likes. */

#include "base/attr.h"
#include "base/counter.h"
#include "pins/pins.h"
#include "plan/plan.h"
#include "route/server.h"

/* All zeros before the first call. */
struct common {
    struct server_states *states; /* null: there is no memory; else the next one, so this does not move */
    struct server_states view;
    struct counters *counters; /* one for each thread */
    struct breaker *breakers;  /* one for each memcached server; null: there is none */
    void *pins;                /* the table of pins; null: there is none */
    void *memory;
    size_t size;
};

/* The keeper's: makes the memory. Returns its descriptor, which is the caller's, or a negative errno. */
MUST_CHECK int common_make(struct common *common, const struct plan *plan);

/* An engine's: finds the memory behind that descriptor, which stays the caller's, and forgets what only the engine before
 * it knew. 0 or a negative errno. */
MUST_CHECK int common_take(struct common *common, const struct plan *plan, int fd);

/* Twice is harmless. */
void common_fini(struct common *common);

#endif
