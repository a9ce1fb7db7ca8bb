#ifndef LIMPET_CONF_MODES_H
#define LIMPET_CONF_MODES_H

/* What a listener's `mode` allows, and what follows from it. */

#include "conf/build.h"

/* True if the route, or the pool it leads to, needs to see every request: conditions on requests, answers, changes of fields,
 * `stick`. */
bool modes_need_requests(const struct draft_route *route);

/* Reports what a mode cannot do, once routes know their pools, and settles plan_listener.per_request. */
void modes_check(struct build *b, struct draft_listener *listener);

#endif
