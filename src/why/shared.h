#ifndef LIMPET_WHY_SHARED_H
#define LIMPET_WHY_SHARED_H

/* What memcached itself says of a pin: asked directly, with the secret of the configuration, so that a difference from what the
 * running limpet knows can be seen. Nothing is changed there. */

#include "pins/pins.h"
#include "why/ways.h"

/* So long it is waited for: to connect, and for each piece of the answer. */
#define SHARED_PATIENCE_SECONDS 1

/* Fills in way->there; the way has a mark. */
void shared_ask(struct way *way, const struct pins_shared *names, const struct plan_pool *pool);

#endif
