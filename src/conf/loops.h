#ifndef LIMPET_CONF_LOOPS_H
#define LIMPET_CONF_LOOPS_H

/* Servers that are limpet itself: a connection that such a server gets comes in again, and again, until there are no
 * descriptors left. */

#include "conf/build.h"

/* Reports every server of the listener's pools at which the listener itself listens. */
void loops_find(struct build *b, const struct draft_listener *listener);

#endif
