#ifndef LIMPET_WHY_LIVE_H
#define LIMPET_WHY_LIVE_H

/* What a running limpet knows of a client, beyond what its configuration and the request tell: where the client is pinned. Where
 * pins are shared, memcached is asked, too. */

#include "base/attr.h"
#include "cli/ask.h"
#include "why/explain.h"

/* Asks for each of the ways that may know, and judges them anew. EXIT_FINE; or EXIT_FAILED, once it was said who does not answer, or
 * that it runs with another configuration. */
MUST_CHECK int live_ask(struct explanation *e, const struct ask *ask);

#endif
