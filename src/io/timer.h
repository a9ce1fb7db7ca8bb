#ifndef LIMPET_IO_TIMER_H
#define LIMPET_IO_TIMER_H

/* Timers of one thread, in a heap. Moving a deadline later is a write to the timer: the heap learns of it only when the
 * old place comes up. So an idle timeout that every byte pushes back costs nothing. Times are of the steady clock. */

#include "base/attr.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER INT64_MAX

struct timer {
    micros deadline; /* TIMER_NEVER: not set */
    size_t place;    /* in the heap, from 1; 0 is outside */
    void (*fire)(struct timer *timer);
};

struct timers {
    struct timer_slot *heap; /* heap[1] comes up first; heap[0] is unused */
    size_t count;
    size_t capacity;
    micros floor; /* while timers are fired, nothing is due before this */
};

void timers_init(struct timers *timers);
void timers_fini(struct timers *timers);

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));

/* (Re)sets the deadline. Returns 0 or -ENOMEM; then the timer is not set. */
MUST_CHECK int timer_set(struct timers *timers, struct timer *timer, micros deadline);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->deadline != TIMER_NEVER;
}

/* Harmless for one that is not set. */
void timer_clear(struct timers *timers, struct timer *timer);

/* Fires all that are due, each once. A timer is not set any more when it fires, and may be set again by its owner; if that
 * is in the past, it waits for the next run, so that one mistaken deadline cannot keep a thread from everybody else. */
void timers_run(struct timers *timers, micros now);

/* When timers_run() should be called next; may be early by a lazily moved timer. */
micros timers_next(const struct timers *timers);

#endif
