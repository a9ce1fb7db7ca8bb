#ifndef LIMPET_CONTROL_OUTPUT_H
#define LIMPET_CONTROL_OUTPUT_H

/* What a worker prints, when somebody sits at a terminal: each line begins with the worker's name. A line is written whole, so
 * that those of several workers do not mix. */

#include "base/attr.h"
#include "io/loop.h"

/* Longer lines are cut: with its name each fits where poll(2) says there is room (PIPE_BUF). */
#define OUTPUT_LINE_MOST 4000

struct output {
    struct loop_grave grave;
    struct loop_source source; /* our end of a pipe; -1: none */
    struct loop *loop;
    int target;
    size_t length;
    char name[64];
    char line[OUTPUT_LINE_MOST];
};

/* *end is the worker's end of the pipe, and the caller's. What the worker prints goes to `target`, which stays the caller's,
 * too. Null if there is no memory, or no descriptor. */
MUST_CHECK struct output *output_new(struct loop *loop, int target, const char *name, int *end);

/* Writes what is still in the pipe, an unfinished line too, and frees it at the end of the turn. Null is fine. */
void output_free(struct output *output);

#endif
