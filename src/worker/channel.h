#ifndef LIMPET_WORKER_CHANNEL_H
#define LIMPET_WORKER_CHANNEL_H

/* The channel to one worker process: a Unix socket over which it gets connections and answers for each. Everything here runs
 * in the thread that owns the worker's slot.
 *
 * At most CHANNEL_WINDOW connections are in flight, sent and not answered; others wait in a queue. A worker that lets one
 * wait for a second is busy: it is still home to its clients, who wait with it. After three seconds it is silent: the queue
 * goes to the next-ranked, and so does what it has not read yet, which is read out of its own end of the channel, of which
 * we keep a copy for this. (Closing our end instead would kill a Node program with all its connections.) What it has read and
 * not answered cannot be given to anybody else: two would read one stream. A worker that says nothing for a second is asked
 * whether it hears; as long as it says anything it is not silent. */

#include "base/attr.h"
#include "io/loop.h"
#include "plan/plan.h"
#include "worker/delivery.h"
#include "worker/node_line.h"

#include <stdbool.h>

struct team;
struct channel;

#define CHANNEL_WINDOW 32
/* Besides connections a ping may be in flight. */
#define CHANNEL_FLIGHTS (CHANNEL_WINDOW + 2)

#define CHANNEL_BUSY_AFTER ((micros)SECOND_IN_MICROS)
#define CHANNEL_SILENT_AFTER (3 * (micros)SECOND_IN_MICROS)
#define CHANNEL_PING_EVERY ((micros)SECOND_IN_MICROS)

/* A worker may ask so much in a quarter of a second (to listen, above all); then it is not read until the next one begins. */
#define CHANNEL_ASKS_MOST 64
/* So many sessions that it tells of count as one thing asked: a worker can tell of 4096 in a second, more than Node can begin. */
#define CHANNEL_REPORTS_OF_AN_ASK 16

/* How a worker is spoken to. */
struct channel_contract {
    enum contract contract;
    /* Send one thing whole, or not at all: 0, -EAGAIN (the worker does not read), -ETOOMANYREFS (too many descriptors of this
     * user are under way), or another negative errno (it is dead). */
    int (*send)(struct channel *channel, const struct delivery *delivery, uint32_t number);
    int (*ping)(struct channel *channel, uint32_t number);
    int (*leave)(struct channel *channel);
    /* Reads once and calls channel_*() for what came: 0 at the end of the channel, -EAGAIN when there is nothing, else 1. */
    int (*read)(struct channel *channel);
    /* Takes something out of what the worker has not read (the kernel closes its descriptor): 1 with its number in *number (0: it had none to be answered),
     * or -EAGAIN when there is none. */
    int (*take_back)(struct channel *channel, uint32_t *number);
    /* Before the first connection: an engine that follows another one makes sure that what the worker still answers to that
     * one is over. Null: the numbers alone tell. */
    int (*fence)(struct channel *channel, uint32_t number);
    void (*fini)(struct channel *channel);
};

struct flight {
    micros sent;
    struct delivery *delivery; /* null: a ping, or the sender does not wait any more */
    uint32_t number;
    bool ping;
    bool arrived; /* Node: the descriptor is there, but not accepted yet */
};

struct channel {
    struct list link; /* in the team; later its grave */
    struct loop_grave grave;
    struct loop_source source;
    struct timer timer;
    struct team *team;
    const struct channel_contract *contract;
    const struct plan_pool *pool;
    const struct plan_server *server;
    uint32_t id; /* of the process */
    int process; /* for messages */
    int theirs;  /* a copy of the worker's end; -1: none */
    uint32_t last_number;
    uint32_t fence; /* number that has to be answered first; 0: none */
    micros fence_sent;
    uint64_t doors;   /* where it takes connections */
    bool fence_due;   /* it has to be sent (again) */
    uint32_t asks;    /* in this quarter of a second */
    uint32_t reports; /* of sessions */
    bool paused;      /* not read for now */
    bool spoken;      /* it has said anything */
    bool leaving;     /* told to finish */
    bool busy;
    bool silent;
    bool kill_asked;
    bool deaf;   /* its end is closed: nothing can be sent any more */
    bool ending; /* only its last words are still to be heard */
    bool gone;   /* dead, or its channel has ended */
    micros asks_since;
    micros answered; /* a connection, last */
    micros heard;
    struct list queue; /* of deliveries */
    uint32_t queued;
    struct flight flights[CHANNEL_FLIGHTS]; /* in the order in which they were sent */
    uint32_t flight_count;
    void *own; /* of the contract */
};

struct channel_config {
    struct team *team;
    const struct plan_pool *pool;
    const struct plan_server *server;
    uint32_t id;
    int process;
    enum contract contract; /* CONTRACT_NODE or CONTRACT_LIMPET */
    int ours;               /* the two ends, both the channel's from now on, also when it cannot be made */
    int theirs;
    uint32_t first_number; /* differs from one engine to the next */
    uint64_t doors;        /* where it listened already; not 0: it follows another engine */
    bool adopted;          /* it has spoken to another engine */
};
MUST_CHECK struct channel *channel_new(const struct channel_config *config);

/* The process is dead, or everything ends: what it still said is read, everything else is answered DELIVERY_GONE. The
 * channel is freed at the end of the turn. */
void channel_end(struct channel *channel);

/* Gives it a connection; false if it is not for it to take. */
bool channel_takes(const struct channel *channel, unsigned door);
void channel_deliver(struct channel *channel, struct delivery *delivery);

/* Tells the worker to finish what it has, and to go. What waits in the queue is given back to the team. */
void channel_leave(struct channel *channel);

/* Whether it may go on listening there is what the keeper has decided; see team_listen_answer(). */
void channel_answer_listen(struct channel *channel, unsigned door, const struct node_listen_answer *answer);

/* ---- for the contracts ---------------------------------------------------------------------------------------------- */

/* The worker said something that somebody has to answer. */
void channel_count_ask(struct channel *channel);
/* It has given out the id of a session, or that has ended. A worker that is hostile can say so of any id, but only of itself:
 * whose id it is others decide. */
void channel_session(struct channel *channel, const char *id, bool ended);
/* The worker said something. */
void channel_heard(struct channel *channel);
/* It takes connections from these doors now. */
void channel_set_doors(struct channel *channel, uint64_t doors);
/* It has so many connections. */
void channel_set_live(struct channel *channel, uint32_t count);
/* It asks whether it may listen, or says that it does. */
void channel_asks(struct channel *channel, const struct node_line *line);
/* The flight of this number, or null. */
struct flight *channel_find(struct channel *channel, uint32_t number);
/* ... is over. `answer` is DELIVERY_NONE for a ping. */
void channel_settle(struct channel *channel, struct flight *flight, enum delivery_answer answer);
/* The fence was answered. */
void channel_fence_passed(struct channel *channel);
/* It was not: another one is sent in a moment. */
void channel_fence_again(struct channel *channel);

extern const struct channel_contract node_contract;
extern const struct channel_contract packet_contract;

#endif
