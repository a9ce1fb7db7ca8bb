#ifndef LIMPET_CONTROL_STATUS_H
#define LIMPET_CONTROL_STATUS_H

/* What limpet does now, as one JSON object: the answer to GET /v1/status. */

#include "base/text.h"
#include "control/engine_process.h"
#include "control/posts.h"
#include "control/workers.h"

struct status {
    const struct plan *plan;
    const struct posts *posts;
    const struct engine_process *engine;
    const struct workers *workers;
    const struct server_states *states;
    const char *version;
    micros began;
    bool draining;
};

void status_write(const struct status *status, struct text *json);

#endif
