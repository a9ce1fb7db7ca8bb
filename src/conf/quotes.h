#ifndef LIMPET_CONF_QUOTES_H
#define LIMPET_CONF_QUOTES_H

/* Most YAML errors in a configuration are addresses, names and key sources that YAML takes for something else:
 * `[::]:443`, `*.example.org`, `header: X`, `@x`. This finds the value that should have been quoted. */

#include "conf/report.h"

/* What to do about a YAML error at a place: "put it in quotes: ...", or general advice. */
const char *quotes_help(struct arena *arena, struct place at);

#endif
