#ifndef LIMPET_IO_LOOP_H
#define LIMPET_IO_LOOP_H

/* The event loop of one thread: epoll(7) with timers. Descriptors are registered once, edge-triggered for both directions:
 * whoever is told that something is ready works until the kernel says EAGAIN, or asks to be called again.
 *
 * Nothing is freed while events that name it may be in the current batch: objects are handed to loop_bury(), which frees
 * them at the end of the turn. */

#include "base/attr.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop_source {
    void (*ready)(struct loop_source *source, uint32_t events); /* EPOLLIN, EPOLLOUT... */
    struct list again;                                          /* in loop.again while it waits for another call */
    int fd;                                                     /* -1: none */
};

/* Embedded in what wants to be freed after the turn. Until then the link may serve in a list of the owner's. */
struct loop_grave {
    struct list link;
    void (*free)(struct loop_grave *grave);
};

struct loop {
    int epoll;
    bool stopping;
    micros now; /* steady; read once per turn */
    struct timers timers;
    struct list again;
    struct list graves;
};

MUST_CHECK int loop_init(struct loop *loop);
void loop_fini(struct loop *loop);

void loop_source_init(struct loop_source *source, int fd, void (*ready)(struct loop_source *, uint32_t events));

/* Registers a source. `how` is LOOP_BOTH for connections, LOOP_ACCEPT for listeners (level-triggered, one thread woken:
 * EPOLLEXCLUSIVE), LOOP_READ for anything small that is read (level-triggered). 0 or a negative errno. */
enum loop_how { LOOP_BOTH, LOOP_ACCEPT, LOOP_READ };
MUST_CHECK int loop_add(struct loop *loop, struct loop_source *source, enum loop_how how);

/* The descriptor, which was added as LOOP_BOTH, belongs to this source from now on; what is ready is told anew. */
MUST_CHECK int loop_move(struct loop *loop, struct loop_source *source);

/* No call of `ready` will come any more, not even for events already fetched. The descriptor stays open; closing it ends
 * its registration, unless another process shares the open file: then use loop_forget(). */
void loop_ignore(struct loop_source *source);

/* Takes the descriptor out of epoll as well (for one that lives on: a handed-over socket, a paused listener). */
void loop_forget(struct loop *loop, struct loop_source *source);

/* Calls `ready(source, 0)` in the next turn: for work that was cut short to be fair to the others. */
void loop_again(struct loop *loop, struct loop_source *source);

/* Frees after this turn. */
void loop_bury(struct loop *loop, struct loop_grave *grave, void (*free)(struct loop_grave *grave));

/* Turns until `stopping` is set. `after_turn`, if not null, is called at the end of every turn that had work. */
void loop_run(struct loop *loop, void (*after_turn)(void *context), void *context);

#endif
