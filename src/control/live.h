#ifndef LIMPET_CONTROL_LIVE_H
#define LIMPET_CONTROL_LIVE_H

/* How many clients a worker has now, of whom limpet knows nothing any more: asked of the kernel, when somebody wants to know.
 * sock_diag(7) tells which TCP connections there are on our ports, and /proc/PID/fd which of them are the worker's. */

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct live {
    uint32_t *inodes; /* of all connections on our ports, sorted */
    size_t count;
};

/* Looks once for all workers: at the connections to these ports (host byte order). 0 or a negative errno. */
MUST_CHECK int live_look(struct live *live, const uint16_t *ports, size_t count);
void live_fini(struct live *live);

/* How many of them this process has; -1 if it may not be looked into. */
int live_count(const struct live *live, pid_t pid);

#endif
