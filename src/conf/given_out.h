#ifndef LIMPET_CONF_GIVEN_OUT_H
#define LIMPET_CONF_GIVEN_OUT_H

/* Ids that the server gives out, by the names that Node, PHP, Java and others have for them: no first request has one. */

#include "plan/plan.h"

bool given_out(const struct plan_key *key);

#endif
