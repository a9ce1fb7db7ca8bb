#ifndef LIMPET_ROUTE_LIMITS_H
#define LIMPET_ROUTE_LIMITS_H

/* Caps on connections: in all, per listener, per client. Shared by all threads. Every successful `enter` needs exactly one
 * `leave`. Clients are counted by address, IPv6 ones by their /64, since one household has all of it. */

#include "base/attr.h"
#include "base/endpoint.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limits;

/* `connections` caps all of them: the plan's limit, or fewer if the descriptors do not allow more. */
MUST_CHECK struct limits *limits_new(const struct plan *plan, uint32_t connections);
void limits_free(struct limits *limits);

/* May another connection come in through this listener (its index in the plan)? */
MUST_CHECK bool limits_enter(struct limits *limits, size_t listener);
void limits_leave(struct limits *limits, size_t listener);

/* May this client have another one? Always true without a limit, for clients without an address, and when there is no
 * memory to count (a guard must not become the outage). */
MUST_CHECK bool limits_enter_client(struct limits *limits, const struct endpoint *client);
void limits_leave_client(struct limits *limits, const struct endpoint *client);

uint32_t limits_connections(const struct limits *limits);

#endif
