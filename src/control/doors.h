#ifndef LIMPET_CONTROL_DOORS_H
#define LIMPET_CONTROL_DOORS_H

/* The doors that workers' own listen() calls open: each is a listening socket of the keeper's, shared by all workers of a pool
 * that ask for the same place. Door 0 is none of them: it stands for what the configuration binds. A door stays open while
 * workers come and go, so that newcomers wait instead of being refused.
 *
 * A worker can have nothing bound but a TCP port or the path of a Unix socket, as it could itself, if it was started by this
 * user without limpet. */

#include "base/attr.h"
#include "control/posts.h"
#include "plan/plan.h"
#include "route/server.h"
#include "worker/node_line.h"

#include <stdbool.h>

struct listen_door {
    size_t pool;            /* index in the plan */
    struct node_line asked; /* the first worker's words: the place, and its data, which all workers get */
    struct address address; /* where it listens */
    struct post post;
};

struct doors {
    const struct plan *plan;
    struct listen_door *all[SERVER_DOORS]; /* by number; null: not open. 0 stays null */
};

void doors_init(struct doors *doors, const struct plan *plan);
/* Closes all. */
void doors_fini(struct doors *doors);

void doors_close(struct doors *doors, unsigned number);

/* The door for this place: one that is open already, or a new one. Returns its number, with *fresh, or a negative errno. */
MUST_CHECK int doors_find(struct doors *doors, size_t pool, const struct node_line *line, bool *fresh);

/* "sockname" of the cluster protocol, as JSON; empty for a Unix socket. `asked` is the port that was asked for: a program
 * that asked for one and hears of another one would give up. */
void doors_sockname(const struct address *address, int64_t asked, struct text *json);

#endif
