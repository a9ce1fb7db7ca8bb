#ifndef LIMPET_CONTROL_CENSUS_H
#define LIMPET_CONTROL_CENSUS_H

/* How many clients each worker has, of whom limpet knows nothing any more: asked of the kernel (control/live.h), for all
 * workers at once. That takes a while if there are many clients, so whoever is asked often asks with an age. */

#include "base/clock.h"

#include <stddef.h>

struct status;
struct plan_server;

/* All zeros before the first call. */
struct census {
    int *live; /* by the server's number; -1: unknown */
    size_t count;
    micros taken;
};

/* Takes it, unless the last one is younger than this. Without memory, or if the kernel does not tell, nothing is known. */
void census_take(struct census *census, const struct status *status, micros age);

/* Clients of a server now: what a worker tells of itself counts more than what the kernel sees, because its connections
 * may be of another kind. -1: nobody knows. */
int census_live(const struct census *census, const struct status *status, const struct plan_server *server);

/* Twice is harmless. */
void census_fini(struct census *census);

#endif
