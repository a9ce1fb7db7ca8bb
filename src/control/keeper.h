#ifndef LIMPET_CONTROL_KEEPER_H
#define LIMPET_CONTROL_KEEPER_H

/* The keeper: the parent process, small and with a single thread. It has the files and the powers: it binds, opens the
 * logs, starts the engine, starts it again when it dies (the backlog of the sockets it holds keeps the newcomers), and
 * passes signals on. */

#include "plan/plan.h"

struct keeper_config {
    const struct plan *plan;
    int bundle;                          /* descriptor of what control/bundle.h packed; taken over */
    const char *version;                 /* of this program, for the operator */
    const char *const *engine_arguments; /* null-terminated, with argv[0] */
};

/* Returns the process's exit status when limpet was stopped, or could not start. */
int keeper_run(const struct keeper_config *config);

#endif
