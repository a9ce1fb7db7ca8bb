#ifndef LIMPET_CONTROL_PINS_FILE_H
#define LIMPET_CONTROL_PINS_FILE_H

/* The file of `pins: {file: ...}`, in which pins outlive limpet. The keeper writes it from the memory that it shares with the
 * engine, and reads it before the first engine begins. What stands in it says control/pins_image. */

#include "base/attr.h"
#include "plan/plan.h"

#include <stddef.h>

/* Fills the memory of a table, which is empty, from the file. How many pins; 0 if there is no file, or an empty one, which somebody
 * may have made for us; or a negative errno: -EBADMSG if it is none of ours. */
MUST_CHECK long pins_file_load(const struct plan *plan, void *memory);

/* Writes the file anew, whole or not at all. How many pins, or a negative errno. */
MUST_CHECK long pins_file_save(const struct plan *plan, const void *memory);

#endif
