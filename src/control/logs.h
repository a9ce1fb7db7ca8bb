#ifndef LIMPET_CONTROL_LOGS_H
#define LIMPET_CONTROL_LOGS_H

/* The log files, as the keeper holds them. */

#include "base/attr.h"
#include "plan/plan.h"

struct logs {
    const struct plan_log *plan;
    int access; /* -1: off */
    int errors; /* -1: standard error */
};

/* 0 or a negative errno, which was told. */
MUST_CHECK int logs_open(struct logs *logs, const struct plan_log *plan);

/* Opens them again by their names. What cannot be opened stays as it is, and is told. */
void logs_reopen(struct logs *logs);

/* From now on the keeper's own messages go where the engine's go, if that is a file. */
void logs_use(struct logs *logs);

/* Twice is fine. */
void logs_close(struct logs *logs);

#endif
