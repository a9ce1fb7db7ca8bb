#ifndef LIMPET_CONF_KEY_SOURCE_H
#define LIMPET_CONF_KEY_SOURCE_H

/* Key sources as they are written: client, client/24/56, header:NAME, path:2, bytes:OFFSET+LENGTH ... The table in
 * plan/plan.h says which there are. */

#include "base/arena.h"
#include "plan/plan.h"

/* Null, or what is wrong (a static text). The strings in `key` belong to the arena. */
MUST_CHECK const char *key_source_parse(struct span text, struct arena *arena, struct plan_key *key);

/* What to do about a source that is wrong: the one that was probably meant, or all there are. */
const char *key_source_help(struct span text, struct arena *arena);

#endif
