#ifndef LIMPET_IO_FDPASS_H
#define LIMPET_IO_FDPASS_H

/* Messages with descriptors over a Unix socket (unix(7), SCM_RIGHTS). */

#include "base/attr.h"

#include <stddef.h>
#include <sys/types.h>

/* The kernel's limit for one message (SCM_MAX_FD). */
#define FDPASS_MOST 253

/* One message with `count` descriptors, which stay open here. Returns 0 or a negative errno. Interrupted calls go on. */
MUST_CHECK int fdpass_send(int socket, const void *bytes, size_t length, const int *fds, size_t count);

/* One message; received descriptors are close-on-exec and belong to the caller. Returns its length, 0 at the end of the
 * channel, or a negative errno (-EPROTO if descriptors or bytes were cut off; none is leaked then). */
MUST_CHECK ssize_t fdpass_receive(int socket, void *bytes, size_t room, int *fds, size_t most, size_t *count);

#endif
