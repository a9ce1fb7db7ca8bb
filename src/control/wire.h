#ifndef LIMPET_CONTROL_WIRE_H
#define LIMPET_CONTROL_WIRE_H

/* What keeper and engine say to each other, over a SOCK_SEQPACKET pair: short messages, some with descriptors. The engine
 * trusts the keeper; the keeper believes nothing but WIRE_READY of the engine. */

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
    WIRE_LISTENER,   /* sockets of one bind address, one for each thread, or one for all; `number`: the listener */
    WIRE_START,      /* that was all */
    WIRE_DRAIN,      /* accept nobody any more, end when the last has left or the deadline has come */
    WIRE_STOP,       /* end now */
    /* engine to keeper */
    WIRE_READY, /* accepting */
};

struct wire_message {
    uint32_t kind; /* enum wire_kind */
    uint32_t number;
};

/* 0 or a negative errno. The descriptors stay open here. */
MUST_CHECK int wire_send(int channel, enum wire_kind kind, uint32_t number, const int *fds, size_t count);

/* The next message; its descriptors belong to the caller. 1 when there was one, 0 at the end of the channel, or a negative
 * errno (-EAGAIN on a non-blocking channel). */
MUST_CHECK int wire_receive(int channel, struct wire_message *message, int fds[WIRE_FDS_MOST], size_t *count);

#endif
