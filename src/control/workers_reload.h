#ifndef LIMPET_CONTROL_WORKERS_RELOAD_H
#define LIMPET_CONTROL_WORKERS_RELOAD_H

/* The rolling restart: in one slot after the other a new process is started; when it takes connections, the old one is told to
 * finish, and when that has ended it is the next slot's turn. A new process that does not come to it ends the whole, and
 * everything stays as it was. */

#include "control/workers.h"

/* The process that is to take over listens now. */
void workers_reload_listens(struct worker *next);
/* ... has not come to it in time. */
void workers_reload_late(struct worker *next);
/* A process of this slot has died; slot->current and slot->next tell of it no more. */
void workers_reload_died(struct slot *slot, bool was_next, bool was_old);

#endif
