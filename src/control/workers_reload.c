#include "control/workers_reload.h"

#include "base/log.h"
#include "control/worker_process.h"

#include <errno.h>

/* For a new process to take its first connection. */
#define START_PATIENCE (30 * (micros)SECOND_IN_MICROS)
/* ... and then to listen wherever the old one did. It may be of another mind. */
#define DOORS_PATIENCE (2 * (micros)SECOND_IN_MICROS)

static void stop_reload(struct workers *workers, const char *why)
{
    log_error("the restart of the workers has stopped: %s; those that serve stay as they are", why);
    workers->reloading = false;
    workers->reload_failed = true;
    workers->reload_old = NULL;
}

/* The next slot that has somebody to be replaced: one without was started anew anyway. */
static void go_on(struct workers *workers)
{
    for (; workers->reload_at < workers->slot_count; workers->reload_at++) {
        struct slot *slot = &workers->slots[workers->reload_at];
        if (slot->current && slot->current->state == WORKER_STARTING)
            worker_end(slot->current); /* it may be of the old kind; the next one is not */
        if (!slot->current || slot->current->state != WORKER_SERVING)
            continue;
        if (worker_start(slot, &slot->next) != 0) {
            slot->next = NULL;
            stop_reload(workers, "a new process cannot be started");
        } else {
            worker_set_timer(slot->next, START_PATIENCE);
        }
        return;
    }
    workers->reloading = false;
    log_notice("all workers are new");
}

int workers_reload(struct workers *workers)
{
    if (workers->slot_count == 0)
        return -ENOTSUP;
    if (workers->reloading || workers->stopping)
        return -EALREADY;
    log_notice("replacing the workers, one after the other");
    workers->reloading = true;
    workers->reload_failed = false;
    workers->reload_at = 0;
    go_on(workers);
    return 0;
}

static void take_over(struct worker *next)
{
    struct slot *slot = next->slot;
    struct worker *old = slot->current;
    timer_clear(&next->workers->loop->timers, &next->timer);
    slot->current = next;
    slot->next = NULL;
    slot->doors = next->asked;
    next->workers->reload_old = old;
    worker_leave(old, next->workers->plan->timeouts.drain);
}

void workers_reload_listens(struct worker *next)
{
    const struct worker *old = next->slot->current;
    if (!(old->doors & ~next->doors))
        take_over(next);
    else
        worker_set_timer(next, DOORS_PATIENCE);
}

void workers_reload_late(struct worker *next)
{
    if (next->doors) {
        take_over(next);
        return;
    }
    stop_reload(next->workers, "the new process takes no connections");
    next->slot->next = NULL;
    worker_end(next);
}

void workers_reload_died(struct slot *slot, bool was_next, bool was_old)
{
    struct workers *workers = slot->workers;
    if (!workers->reloading)
        return;
    if (was_next) {
        stop_reload(workers, "the new process died before it took connections");
    } else if (was_old) {
        workers->reload_old = NULL;
        workers->reload_at++;
        go_on(workers);
    }
}
