#ifndef LIMPET_CONTROL_OUTPUT_H
#define LIMPET_CONTROL_OUTPUT_H

/* What a worker prints, when somebody sits at a terminal: each line begins with the worker's name. A line is written whole, so
 * that those of several workers do not mix. */

#include "base/attr.h"
#include "io/loop.h"

/* Longer lines are cut: with its name each fits where poll(2) says there is room (PIPE_BUF). */
#define OUTPUT_LINE_MOST 4000

struct output {
    struct loop_source source; /* our end of a pipe; -1: none */
    struct loop *loop;
    int target;
    size_t length;
    char name[64];
    char line[OUTPUT_LINE_MOST];
};

/* Returns the worker's end of the pipe, or a negative errno. What it prints goes to `target`, which stays the caller's. */
MUST_CHECK int output_open(struct output *output, struct loop *loop, int target, const char *name);

/* Writes what is left in the pipe, and of an unfinished line. Twice is fine. */
void output_close(struct output *output);

#endif
