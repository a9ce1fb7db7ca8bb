#ifndef LIMPET_CARRY_LINKS_H
#define LIMPET_CARRY_LINKS_H

/* Links: the connections of a thread to servers, on which one request after the other goes, of whichever client. Those that
 * are not in use are kept for each server, and the one that was used last is taken first, so that those that are too many grow
 * old and are closed. One on which anything happens while it is idle is closed: its server has ended it, or has said something
 * that nobody asked for. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/loop.h"
#include "io/stream.h"

#include <stdbool.h>
#include <stdint.h>

/* One that was not used for so long is closed, or earlier if its server says how long it waits itself (Node: 5 s): a request that
 * meets the end of a connection cannot always be sent again. */
#define LINKS_IDLE_MOST (30 * (micros)SECOND_IN_MICROS)

/* So many may be idle for each server and thread. */
#define LINKS_IDLE_COUNT 1024

/* Who uses one is told what becomes of it. */
struct link_user {
    void (*ready)(struct link_user *user);
};

struct link {
    struct links *home;
    struct loop_grave grave; /* while it is idle its link is in the list of its server */
    struct stream stream;
    struct link_user *user; /* null: idle */
    micros since;           /* ... since when */
    micros patience;        /* ... for how long it may be */
    uint32_t server;        /* number in the plan */
    uint32_t generation;    /* of the server's process, when it was opened */
    uint32_t uses;
    uint8_t door;
    bool closed;
};

struct links {
    struct loop *loop;
    struct timer sweep;
    size_t count; /* of servers */
    struct links_of_server *all;
};

/* `count`: servers in the plan. 0 or -ENOMEM. */
MUST_CHECK int links_init(struct links *links, struct loop *loop, size_t count);
void links_fini(struct links *links);

/* A new one; takes over the socket, which may still be connecting. Null without memory (then the socket is closed). */
MUST_CHECK struct link *link_new(struct links *links, uint32_t server, int fd, bool is_unix, struct link_user *user);

/* An idle one that leads to this door of this process of the server, or null. `look`: the socket is asked whether its end, or
 * anything else, has come and was not told yet. */
MUST_CHECK struct link *links_take(struct links *links, uint32_t server, unsigned door, uint32_t generation, bool look,
                                   struct link_user *user);

/* Descriptors are short: closes all that are idle. False if none was. */
MUST_CHECK bool links_shed(struct links *links);

/* It is not needed any more, and may serve others. */
void link_release(struct links *links, struct link *link);

/* It ends. `reset`: a TCP peer sees that it was cut. */
void link_close(struct links *links, struct link *link, bool reset);

/* Its stream has moved elsewhere: what is left goes. */
void link_bury(struct links *links, struct link *link);

#endif
