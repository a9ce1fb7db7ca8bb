#ifndef LIMPET_SESSION_GREETING_H
#define LIMPET_SESSION_GREETING_H

/* What a server is told before the client's first byte, if its pool asks for it: a PROXY header (`send-proxy`) and a
 * wrapped prefix (`send-prefix`), in this order. Made while the facts are at hand, sent when a server is connected. */

#include "base/attr.h"
#include "plan/plan.h"
#include "route/facts.h"

#include <stddef.h>
#include <stdint.h>

struct greeting {
    size_t length;
    uint8_t bytes[];
};

/* *greeting is null if the pool asks for none. `client_fd` tells where the client connected to, unless a PROXY header
 * already did. An address that does not fit a prefix (an IPv6 client in `send-prefix: ipv4`, or nobody known) is sent as
 * zeros. Returns 0 or -ENOMEM. */
MUST_CHECK int greeting_make(const struct plan_pool *pool, const struct facts *facts, int client_fd,
                             struct greeting **greeting);

/* Null is fine. */
void greeting_free(struct greeting *greeting);

#endif
