#ifndef LIMPET_CONTROL_ENGINE_WORKERS_H
#define LIMPET_CONTROL_ENGINE_WORKERS_H

/* What the engine passes on between the keeper, who knows the worker processes, and the threads that own their channels. */

#include "control/wire.h"
#include "session/thread.h"

/* Lets a thread's workers report to the keeper over this channel. Before the thread starts. */
void engine_workers_init(struct thread *thread, int *keeper);

/* Passes a message about a worker on to the thread that owns it: WIRE_WORKER, WIRE_WORKER_*, WIRE_MAY_LISTEN. `server` is the
 * worker's. The descriptors are taken over. 0 or a negative errno. */
MUST_CHECK int engine_workers_tell(struct thread *owner, const struct plan *plan, const struct wire_message *message,
                                   const int *fds, size_t count);

/* A listening socket for a thread that runs; it is taken over. 0 or a negative errno. */
MUST_CHECK int engine_workers_listen(struct thread *thread, const struct plan_listener *listener, uint32_t number,
                                     uint32_t door, int fd);

#endif
