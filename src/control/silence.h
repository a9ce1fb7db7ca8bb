#ifndef LIMPET_CONTROL_SILENCE_H
#define LIMPET_CONTROL_SILENCE_H

/* Why a command may have said nothing on its channel, and what to start instead. */

#include "plan/plan.h"

/* Tells the operator. */
void silence_explain(const struct plan_workers *workers);

#endif
