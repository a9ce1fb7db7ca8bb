#ifndef LIMPET_CONF_VALUES_H
#define LIMPET_CONF_VALUES_H

/* What a scalar can mean: numbers, durations, sizes, booleans. Strict: decimal digits only, no sign, no leading zero,
 * and a unit where there is a choice. Any length of text is judged in one pass. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum value_fault {
    VALUE_FINE,
    VALUE_NO_NUMBER,
    VALUE_LEADING_ZERO,
    VALUE_TOO_BIG,
    VALUE_NO_UNIT,
    VALUE_BAD_UNIT,
};

/* Words for a fault: "the unit is missing". */
const char *values_fault_text(enum value_fault fault);

MUST_CHECK enum value_fault values_number(struct span text, uint64_t *number);
/* "250ms", "5s", "2m", "1h", "7d". */
MUST_CHECK enum value_fault values_duration(struct span text, micros *duration);
/* "512B", "16KiB", "4MiB", "1GiB", "100KB", "1MB", "1GB". */
MUST_CHECK enum value_fault values_size(struct span text, uint64_t *bytes);
/* true, false, on, off. */
MUST_CHECK bool values_boolean(struct span text, bool *boolean);

#endif
