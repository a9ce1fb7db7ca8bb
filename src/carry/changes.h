#ifndef LIMPET_CARRY_CHANGES_H
#define LIMPET_CARRY_CHANGES_H

/* What a route changes about the fields of a message: `set` puts one in place of all that have the name, `add` puts one beside
 * them, `remove` takes them out. Names are compared as changes_same_name() does. */

#include "base/span.h"
#include "base/text.h"
#include "plan/plan.h"

#include <stdbool.h>

/* Would a server take the two for one name? See byte_fold(). */
bool changes_same_name(struct span one, struct span other);

/* Fields of this name do not go on as they came. */
bool changes_drop(const struct plan_changes *changes, struct span name);

/* The same, asked about a field that limpet would add of its own. */
static inline bool changes_touch(const struct plan_changes *changes, struct span name)
{
    return changes->count > 0 && changes_drop(changes, name);
}

/* Writes those that are set and added, as lines. */
void changes_add(const struct plan_changes *changes, struct text *text);

#endif
