#ifndef LIMPET_CONTROL_ENVIRONMENT_H
#define LIMPET_CONTROL_ENVIRONMENT_H

/* What a worker finds in its environment: what limpet itself was given, what the configuration adds, and where its channels
 * are. */

#include "plan/plan.h"

struct environment_config {
    const struct plan_pool *pool;
    const struct plan_server *server;
    int node; /* descriptor of the channel of this contract in the worker; -1: none */
    int limpet;
    const char *preload; /* a script for --require; null: none */
};

/* Null-terminated; null when there is no memory. */
char **environment_new(const struct environment_config *config);
void environment_free(char **environment);

#endif
