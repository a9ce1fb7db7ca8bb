#ifndef LIMPET_CONTROL_WIRE_H
#define LIMPET_CONTROL_WIRE_H

/* What keeper and engine say to each other, over a SOCK_SEQPACKET pair: short messages, some with descriptors. The engine
 * trusts the keeper. The keeper does for the engine only what a worker may ask for: see control/doors.h. */

#include "algo/mark.h"
#include "base/attr.h"
#include "plan/plan.h"

#include <stddef.h>
#include <stdint.h>

/* The engine finds its end of the channel under this number. */
#define WIRE_CHANNEL 3

#define WIRE_FDS_MOST PLAN_THREADS_MOST

enum wire_kind {
    /* keeper to engine */
    WIRE_BUNDLE = 1, /* one descriptor: what control/bundle.h packed */
    WIRE_ACCESS_LOG, /* one descriptor; later again when logs are reopened */
    WIRE_ERROR_LOG,  /* the same */
    WIRE_COMMON,     /* one descriptor: the memory of control/common.h */
    WIRE_LISTENER,   /* sockets of one address, one for each thread, or one for all; `number`: the listener; `door`; a
                        door of a worker's own listen() has its address as `text` */
    WIRE_UNLISTEN,   /* `door` is closed */
    WIRE_START,      /* that was all */
    WIRE_DRAIN,      /* accept nobody any more, end when the last has left or the deadline has come */
    WIRE_STOP,       /* end now */
    WIRE_WORKER,     /* a process: `worker`, `number` of its server, `process`, `contract`, `doors` where it listens,
                        `generation` of the engine; both ends of its channel */
    WIRE_WORKER_GONE,
    WIRE_WORKER_LEAVE, /* tell it to finish and go */
    WIRE_WORKER_DOOR,  /* it listens at `door`, or not any more: `doors` is 1 or 0 */
    WIRE_MAY_LISTEN, /* answers WIRE_ASKS: `worker`, `seq`, `door`, `error`; `text`: sockname and data, each with a NUL */
    WIRE_UNPIN,      /* a key of the pool `number`; `text`: a struct wire_unpin for each of its meanings */
    WIRE_UNPIN_SERVER, /* all that is pinned to the server `number` */
    /* engine to keeper */
    WIRE_READY,   /* accepting */
    WIRE_SETTLED, /* draining: no connection waits for a worker any more */
    WIRE_SPOKE,   /* `worker` speaks `contract` */
    WIRE_ASKS,    /* `worker` asks to listen, or does so now; `text` is a struct node_line */
    WIRE_LISTENS, /* `worker` takes connections from `doors` */
    WIRE_ENDED,   /* `worker` lives, but its channel has ended */
    WIRE_SILENT,  /* `worker` is silent for so long that it is to be killed */
};

/* What a key stands under. */
struct wire_unpin {
    struct mark mark;
    uint32_t stick; /* index in the pool's sticks: how long it counts, and whether it is shared */
};

#define WIRE_TEXT_MOST 4096

struct wire_message {
    uint32_t kind; /* enum wire_kind */
    uint32_t number;
    uint32_t worker; /* process, as the keeper counts them, from 1 */
    uint32_t door;
    uint64_t seq;
    uint64_t doors;
    int32_t error; /* negative errno, or 0 */
    int32_t process;
    uint32_t contract; /* enum contract */
    uint32_t generation;
    uint32_t length;               /* of the text */
    uint32_t adopted;              /* the worker has spoken to another engine */
    char text[WIRE_TEXT_MOST + 1]; /* with a NUL behind it, which is not sent */
};

/* All zeros but the kind; the text is empty. */
void wire_init(struct wire_message *message, enum wire_kind kind);

/* 0 or a negative errno. The descriptors stay open here. */
MUST_CHECK int wire_send(int channel, enum wire_kind kind, uint32_t number, const int *fds, size_t count);
MUST_CHECK int wire_send_message(int channel, const struct wire_message *message, const int *fds, size_t count);

/* The next message; its descriptors belong to the caller. 1 when there was one, 0 at the end of the channel, or a negative
 * errno (-EAGAIN on a non-blocking channel). */
MUST_CHECK int wire_receive(int channel, struct wire_message *message, int fds[WIRE_FDS_MOST], size_t *count);

#endif
