#ifndef LIMPET_CONTROL_PINS_FILE_H
#define LIMPET_CONTROL_PINS_FILE_H

/* The file of `pins: {file: ...}`, in which pins outlive limpet. The keeper writes it from the memory that it shares with the
 * engine, and reads it before the first engine begins.
 *
 *   file   = "limpet pins 1\n" | seconds of the wall clock when it was written, 8 bytes | the pins, 32 bytes each
 *   pin    = mark, 16 bytes | identity of the server, 8 | seconds left to it, 4 | seconds of the wall clock when it was made, 4
 *
 * Numbers are little endian. It holds neither keys nor names: without the `seed` nothing in it means anything. */

#include "base/attr.h"
#include "plan/plan.h"

#include <stddef.h>

/* Fills the memory of a table, which is empty, from the file. How many pins; 0 if there is no file; or a negative errno: -EBADMSG
 * if it is none of ours. */
MUST_CHECK long pins_file_load(const struct plan *plan, void *memory);

/* Writes the file anew, whole or not at all. How many pins, or a negative errno. */
MUST_CHECK long pins_file_save(const struct plan *plan, const void *memory);

#endif
