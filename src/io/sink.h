#ifndef LIMPET_IO_SINK_H
#define LIMPET_IO_SINK_H

/* A log that never makes its writers wait. Lines go into a buffer; a thread of its own writes them out, and that thread
 * alone blocks when a pipe is full or a disk is slow. When the buffer is full, lines are dropped and counted. */

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;

/* Takes over the descriptor. Null without memory or thread. */
MUST_CHECK struct sink *sink_new(int fd);

/* Writes out what is left, but waits for a stuck reader no longer than a second; closes the descriptor. */
void sink_free(struct sink *sink);

/* Whole lines only. Safe from any thread. Returns 0, -EAGAIN if they were dropped because the reader is too slow, or the
 * negative errno with which earlier ones were lost since the last call; these ones may still arrive. */
int sink_write(struct sink *sink, const char *lines, size_t length);

/* Lines go to `fd` from now on; takes it over and closes the old one. */
void sink_reopen(struct sink *sink, int fd);

#endif
