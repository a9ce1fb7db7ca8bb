#ifndef LIMPET_CONF_REACH_H
#define LIMPET_CONF_REACH_H

/* Who can connect to a listener, as far as its addresses say. */

#include "plan/plan.h"

/* Only processes of this machine. */
bool reach_is_local(const struct plan_listener *listener);

/* The first address that takes clients without an address (a Unix socket), or with an IPv6 one; null if there is none.
 * ":80" takes both IPv4 and IPv6. */
const struct address *reach_unix(const struct plan_listener *listener);
const struct address *reach_ip6(const struct plan_listener *listener);

#endif
