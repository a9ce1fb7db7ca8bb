#ifndef LIMPET_PINS_BREAKER_H
#define LIMPET_PINS_BREAKER_H

/* Is a memcached server worth asking? Shared by all threads (atomics), and seen by the keeper. After BREAKER_FAILURES failures
 * in a row nobody asks it any more; one thread at a time tries whether it answers again, after 100 ms, 200 ms and so on up to
 * 5 s. No visit ever waits for such a trial. A failure is forgotten when a question was answered: who only lets us in, and
 * answers nothing then, is asked ever more rarely, too. So is who answers, and hangs again at once: the pauses begin anew only
 * when he has answered for BREAKER_STEADY.
 *
 * Every connection begins with a look at a word that stands in memcached itself. When that is another word than before, memcached
 * was started again, or emptied: an era has ended, and what it said before is to be claimed again. */

#include "base/attr.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FAILURES 5
#define BREAKER_PAUSE_FIRST (100 * (micros)MILLIS_IN_MICROS)
#define BREAKER_PAUSE_MOST (5 * (micros)SECOND_IN_MICROS)
#define BREAKER_STEADY (10 * (micros)SECOND_IN_MICROS)

enum breaker_state {
    BREAKER_NEW,    /* nobody has tried it yet */
    BREAKER_CLOSED, /* it answers */
    BREAKER_OPEN,   /* it does not */
    BREAKER_TRIAL   /* ... and somebody is trying it again */
};

/* All zeros at first. */
struct breaker {
    uint32_t state; /* enum breaker_state */
    uint32_t failures;
    uint32_t era;
    uint32_t pauses;   /* since a question was answered */
    micros retry_at;   /* steady */
    micros since;      /* steady; the state changed: from answering to not, or back */
    uint64_t instance; /* what stands for its word; 0: it was never reached */
};

/* An engine begins, and none of its threads has tried anything: what an earlier one has left open is tried at once. */
void breaker_begin(struct breaker *breaker);

/* A visit may ask. */
bool breaker_lets(const struct breaker *breaker);

/* Asks to try it: true for one thread at a time, when its time has come. Each true is followed by breaker_reached()
 * or breaker_failed(). */
MUST_CHECK bool breaker_try(struct breaker *breaker, micros now);

/* A connection was made, and its first words were answered. True: it did not answer before, which is worth a line. */
bool breaker_reached(struct breaker *breaker, micros now);

/* A question was answered. */
void breaker_succeeded(struct breaker *breaker, micros now);

/* It could not be reached, did not answer in time, or said something strange. True: from now on nobody asks it, which is worth a
 * line. */
bool breaker_failed(struct breaker *breaker, micros now);

/* When the next trial is due; only a hint. */
micros breaker_retry_at(const struct breaker *breaker);

enum breaker_state breaker_state(const struct breaker *breaker);

/* Its era now, from 1. */
uint32_t breaker_era(const struct breaker *breaker);

/* A connection was made to this instance, which is not 0. True: another one than before, so that an era begins; but only for who
 * says so first. */
bool breaker_meet(struct breaker *breaker, uint64_t instance);

#endif
