#ifndef LIMPET_MAIN_CELL_H
#define LIMPET_MAIN_CELL_H

/* A cell of a table that is shown on a terminal. Cells are made first, since their widths decide the columns. */

#include "base/attr.h"

#include <stdbool.h>

/* The caller's to free. Whatever a name holds, the terminal is not told: control characters become question marks. Null (no
 * memory) is printed as an empty cell. */
char *cell_make(const char *format, ...) PRINTF_LIKE(1, 2);

/* In characters, not bytes, of UTF-8; null has none. */
int cell_width(const char *cell);

/* Prints it, with spaces up to `width` and two behind it; the last one of a line has none. */
void cell_print(const char *cell, int width, bool last);

#endif
