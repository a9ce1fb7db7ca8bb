#ifndef LIMPET_CONTROL_METRICS_H
#define LIMPET_CONTROL_METRICS_H

/* All that is counted, in Prometheus' text format 0.0.4. Every family has its HELP and TYPE; those of counters, gauges and
 * reasons come from the tables that also make the manual. */

#include "base/text.h"

struct status;

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct status *status, struct text *text);

/* For the manual: the families that stand in no other table, by number from 0. */
size_t metrics_count(void);
const char *metrics_name(size_t number);
const char *metrics_labels(size_t number); /* "{pool,server}", or empty */
const char *metrics_help(size_t number);

#endif
