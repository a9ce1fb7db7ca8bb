#ifndef LIMPET_CONTROL_STATUS_H
#define LIMPET_CONTROL_STATUS_H

/* What limpet does now, for whoever shows it; and as one JSON object, the answer to GET /v1/status. */

#include "base/counter.h"
#include "base/text.h"
#include "control/engine_process.h"
#include "control/posts.h"
#include "control/workers.h"

struct breaker;
struct census;

/* A view: all of it belongs to others. */
struct status {
    const struct plan *plan;
    const struct posts *posts;
    const struct engine_process *engine;
    const struct workers *workers;
    const struct server_states *states;
    const struct counters *counters; /* one for each thread */
    const struct breaker *breakers;  /* one for each memcached server; null: no pool keeps pins */
    const void *pins;                /* their table; null: no pool keeps any */
    struct census *census;
    const char *version;
    micros began;         /* steady */
    micros began_wall;    /* ... and as the calendar says, since 1970 */
    uint32_t room;        /* for connections at once */
    const bool *draining; /* limpet is, before its end */
};

void status_write(const struct status *status, struct text *json);

/* Where limpet listens, one after the other: the addresses of the configuration, then those of the workers. */
void status_each_address(const struct status *status, void (*call)(void *context, const struct address *address),
                         void *context);

/* Of all threads. */
uint64_t status_counter(const struct status *status, enum counter counter);
uint64_t status_ended(const struct status *status, enum reason reason);
uint64_t status_gauge(const struct status *status, enum gauge gauge);

/* A memcached server as the threads have found it, by its number in the plan. */
struct status_memcached {
    const char *state; /* "new": nobody has asked it yet; "answers"; "does not answer" */
    bool answers;
    micros since;      /* so long ago that began; negative: it is new */
    uint32_t failures; /* in a row */
};
struct status_memcached status_memcached(const struct status *status, size_t number);

/* Pins that are kept here. */
size_t status_pins(const struct status *status);

/* Null if limpet lives: there is an engine, and it has begun to accept. Otherwise why not, a static text. */
const char *status_not_alive(const struct status *status);

/* Null if newcomers are welcome: there is an engine that accepts, each pool of workers has one that takes connections, and
 * limpet does not drain. Otherwise why not, a static text. Servers with an address are not asked for: they are not ours. Nor is
 * memcached: without it clients are served all the same. */
const char *status_not_ready(const struct status *status);

#endif
