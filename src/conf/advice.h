#ifndef LIMPET_CONF_ADVICE_H
#define LIMPET_CONF_ADVICE_H

/* Keys of other proxies for which limpet has no word of its own, and what to do instead. Where it has one, conf/suggest
 * names it. */

#include "conf/schema.h"

/* Null if there is nothing to say but that the key is unknown. */
const char *advice_find(enum section section, struct span key);

#endif
