#ifndef LIMPET_ROUTE_CONNECT_H
#define LIMPET_ROUTE_CONNECT_H

/* Opening a connection to a server. */

#include "base/attr.h"
#include "base/endpoint.h"

#include <stdbool.h>

enum connect_verdict {
    CONNECT_DONE,    /* connected at once (Unix sockets) */
    CONNECT_WAITING, /* its descriptor becomes writable when it is decided */
    CONNECT_FAILED,  /* the server refused: `error` */
    CONNECT_FULL,    /* a Unix server whose backlog is full: alive, and worth another try in a moment */
    CONNECT_NO_PORT, /* no port is left here for this server; another one may do */
    CONNECT_LOCAL,   /* this machine cannot open any connection (descriptors, memory): not the server's fault */
};

/* Begins to connect. *fd is open only for the first two verdicts; *error is a positive errno for the others. */
MUST_CHECK enum connect_verdict connect_start(const struct address *address, int *fd, int *error);

/* Where nobody listens on a port from which the kernel also takes ports for outgoing connections, a connect from the same machine
 * may get that very port, and then meets itself (RFC 9293 section 3.5, simultaneous open): it succeeds, and is no server. */
bool connect_met_itself(int fd, const struct address *address);

/* Why a finished attempt failed, in one word of the manual: "refused", "timeout", "unreachable"... */
const char *connect_error_text(int error);

#endif
