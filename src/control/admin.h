#ifndef LIMPET_CONTROL_ADMIN_H
#define LIMPET_CONTROL_ADMIN_H

/* The admin socket: a small HTTP/1.1 server inside the keeper's loop. `limpet status` and its like speak to it, and so
 * does `curl --unix-socket`. Whoever may open the socket may use it: its permissions are the only guard. A second one may
 * serve nothing but figures, which change nothing, at an address that anybody may reach.
 *
 * Nothing that a client does holds the loop up. At most ADMIN_CLIENTS_MOST are served at a time, the rest wait in the
 * backlog, or, where there are only figures, take the place of the oldest; each has ADMIN_PATIENCE to say what it wants, and
 * is dropped when it takes nothing of its answer for as long.
 * Requests that come behind one another are answered in their order, one at a time. */

#include "base/attr.h"
#include "base/list.h"
#include "control/admin_answer.h"
#include "io/loop.h"
#include "io/timer.h"

#include <stdbool.h>

#define ADMIN_CLIENTS_MOST 16
#define ADMIN_PATIENCE (5 * (micros)SECOND_IN_MICROS)

/* Embedded in its owner. */
struct admin {
    struct loop *loop;
    struct admin_house house;
    bool is_unix;
    struct loop_source door; /* the listening socket; fd -1 after admin_fini() */
    bool open;               /* the door is in the loop */
    struct timer reopen;
    struct list clients; /* struct admin_client, by its grave's link */
    unsigned client_count;
    struct clock_date date;
};

/* Serves on a socket that listens and does not block; it is ours from now on, unless this fails. What `house` points to
 * must live as long. 0 or a negative errno. */
MUST_CHECK int admin_init(struct admin *admin, struct loop *loop, int listening_fd, const struct admin_house *house);

/* Ends all clients and closes the socket; its file stays. Before loop_fini(); twice is fine. */
void admin_fini(struct admin *admin);

#endif
