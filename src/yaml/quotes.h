#ifndef LIMPET_YAML_QUOTES_H
#define LIMPET_YAML_QUOTES_H

/* Most YAML errors in a configuration are addresses, names and key sources that YAML takes for something else:
 * `[::]:443`, `*.example.org`, `header: X`, `@x`. This finds the value that should have been quoted. */

#include "yaml/report.h"

/* "put it in quotes: ...", or null if nothing at the place, or on its line, needs them. */
const char *quotes_find(struct arena *arena, struct place at);

/* What to do about a YAML error at a place: the same, or general advice. */
const char *quotes_help(struct arena *arena, struct place at);

#endif
