#ifndef LIMPET_CONTROL_PINS_SAVER_H
#define LIMPET_CONTROL_PINS_SAVER_H

/* Sees to it that pins outlive limpet, where the plan names a file for them: read at the beginning, written every minute and at
 * the end. */

#include "io/loop.h"
#include "plan/plan.h"

#define PINS_SAVER_EVERY (60 * (micros)SECOND_IN_MICROS)

/* Embedded in the keeper; all zeros before pins_saver_begin(). */
struct pins_saver {
    struct loop *loop;
    const struct plan *plan; /* null: nothing is saved */
    void *memory;
    struct timer timer;
    bool failing; /* the last time it could not be written, which was told */
};

/* Reads the file into `memory`, the table of pins, before any engine uses it; null: there is none. A file that cannot be read,
 * or is none of ours, is told of and left alone; where there is none yet, one without pins is written. */
void pins_saver_begin(struct pins_saver *saver, struct loop *loop, const struct plan *plan, void *memory);

/* The last time. Twice is harmless. */
void pins_saver_end(struct pins_saver *saver);

#endif
