#ifndef LIMPET_ROUTE_TRUST_H
#define LIMPET_ROUTE_TRUST_H

/* Whose word is believed. A peer on a Unix socket is a process of this machine and goes with loopback. */

#include "base/endpoint.h"
#include "plan/plan.h"

#include <stdbool.h>

/* Nobody known (ENDPOINT_NONE) is never believed. */
bool trust_believes(const struct plan_trust *trust, const struct endpoint *who);

#endif
