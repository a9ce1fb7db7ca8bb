#ifndef LIMPET_CONTROL_ENGINE_H
#define LIMPET_CONTROL_ENGINE_H

/* The engine: the process that faces hostile bytes. It has no files, starts no process and, when limpet was started by
 * root, is not root. Its first thread talks to the keeper; the others do the work. */

#include "plan/plan.h"

/* Receives the bundle, the first message there is. Returns its descriptor or a negative errno: -EPIPE if the
 * keeper is gone or gave up, and has said so itself. */
int engine_receive_bundle(int channel);

/* Receives logs and listeners, starts the threads, and serves until the keeper says that it is enough, or is gone. Returns
 * the process's exit status. */
int engine_run(int channel, const struct plan *plan);

#endif
