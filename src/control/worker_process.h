#ifndef LIMPET_CONTROL_WORKER_PROCESS_H
#define LIMPET_CONTROL_WORKER_PROCESS_H

/* One worker process: started, told to finish, ended, mourned. */

#include "control/workers.h"

/* Starts one for this slot and tells the engine, if there is one. 0 with *made, or a negative errno, which was told. */
MUST_CHECK int worker_start(struct slot *slot, struct worker **made);

/* Tells the engine that is there now of a process. 0 or a negative errno. */
MUST_CHECK int worker_introduce(struct worker *worker);

/* It speaks this contract: the other one's channel is closed. */
void worker_spoke(struct worker *worker, enum contract contract);

/* Lets it finish what it has, for so long; then it is ended. */
void worker_leave(struct worker *worker, micros patience);
/* Ends it, by SIGTERM and then by SIGKILL. */
void worker_end(struct worker *worker);
/* ... by SIGKILL at once. */
void worker_kill(struct worker *worker);

/* "app/2 (process 123)" */
#define WORKER_NAME_SIZE 192
const char *worker_name(const struct worker *worker, char name[WORKER_NAME_SIZE]);

/* It was waited for: says how it died, tells the engine, frees it. */
void worker_bury(struct worker *worker, int wait_status, const char *what_now);

/* Starts the timer of its present state anew. */
void worker_set_timer(struct worker *worker, micros pause);

#endif
