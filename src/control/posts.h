#ifndef LIMPET_CONTROL_POSTS_H
#define LIMPET_CONTROL_POSTS_H

/* The places where limpet listens, as the keeper holds them: sockets that outlive every engine, so that their backlog keeps
 * the newcomers when one dies. */

#include "base/attr.h"
#include "control/wire.h"
#include "plan/plan.h"

#include <stddef.h>

/* One bind address with its sockets: one for each thread where the kernel shares a port among sockets, else one. */
struct post {
    size_t listener; /* its number in the plan */
    const struct address *address;
    int fds[WIRE_FDS_MOST];
    size_t count;
};

struct posts {
    struct post *all;
    size_t count;
};

/* Opens the sockets of one post whose address is set, as many as `plan` has threads for. 0 or a negative errno; what was
 * opened is to be closed all the same. */
MUST_CHECK int post_open(struct post *post, const struct plan *plan, unsigned unix_mode);
/* Closes them, and removes the file of a Unix socket. Newcomers are refused from now on; twice is fine. */
void post_close(struct post *post);

/* Binds everything. 0 or a negative errno; then it was said why, and posts_close() is still to be called. */
MUST_CHECK int posts_open(struct posts *posts, const struct plan *plan);

/* What to do about an address that cannot be listened on; `failure` is a negative errno. */
const char *posts_advice(const struct address *address, int failure);

/* Closes them and removes the files of Unix sockets; twice is fine. */
void posts_close(struct posts *posts);

#endif
