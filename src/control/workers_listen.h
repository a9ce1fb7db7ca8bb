#ifndef LIMPET_CONTROL_WORKERS_LISTEN_H
#define LIMPET_CONTROL_WORKERS_LISTEN_H

/* What comes of a worker's listen(): the first one of a process takes what the configuration binds, if it binds anything that
 * leads to its pool; every other one opens a door of its own, or finds it open because another worker asked before. */

#include "control/workers.h"

/* WIRE_ASKS: it wants to listen, or says that it does. */
void workers_listen_asked(struct worker *worker, const struct node_line *line);

/* Closes doors where no worker listens any more: programs close servers, and a new version may listen elsewhere. A slot that is
 * being filled counts as it was. */
void workers_listen_close_unused(struct workers *workers);

/* Tells a new engine of a door that is open. 0 or a negative errno. */
MUST_CHECK int workers_listen_introduce(struct workers *workers, unsigned door);

#endif
