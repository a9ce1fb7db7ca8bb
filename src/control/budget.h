#ifndef LIMPET_CONTROL_BUDGET_H
#define LIMPET_CONTROL_BUDGET_H

/* How many connections the descriptors of a process are enough for. What everything else needs is set
 * aside beforehand, so that a flood of clients cannot keep limpet from reaching a server or writing its log. */

#include "plan/plan.h"

#include <stddef.h>
#include <stdint.h>

/* Descriptors of a relay. */
#define BUDGET_PER_CONNECTION 2

/* Pipes that each thread may have, of PIPES_MOST: together they take no more than an eighth of the descriptors. */
size_t budget_pipes(const struct plan *plan, size_t descriptors);

/* Descriptors that are set aside. */
size_t budget_reserved(const struct plan *plan, size_t descriptors);

/* The plan's own limit, or fewer; 0 if there is no room for any. */
uint32_t budget_connections(const struct plan *plan, size_t descriptors);

#endif
