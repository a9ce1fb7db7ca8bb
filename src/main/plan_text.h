#ifndef LIMPET_MAIN_PLAN_TEXT_H
#define LIMPET_MAIN_PLAN_TEXT_H

/* A plan in words: what the configuration decides, with every default filled in. For people; `why --json` is for
 * programs. */

#include "plan/plan.h"

#include <stdio.h>

void plan_text_print(FILE *out, const struct plan *plan);

#endif
