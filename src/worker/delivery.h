#ifndef LIMPET_WORKER_DELIVERY_H
#define LIMPET_WORKER_DELIVERY_H

/* A delivery is a connection on its way to a worker: our copy of its descriptor, and what the worker is told about it. Who
 * gives it away (a visit, in the thread that accepted the client) waits for the answer, and keeps the descriptor until then:
 * so nothing is lost when the worker refuses, or dies. */

#include "base/clock.h"
#include "base/endpoint.h"
#include "io/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

enum delivery_answer {
    DELIVERY_NONE,    /* not answered yet */
    DELIVERY_TAKEN,   /* the worker has it: our copy is to be closed */
    DELIVERY_REFUSED, /* the worker does not want it */
    DELIVERY_LOST,    /* the worker had no descriptor free for it */
    DELIVERY_GONE,    /* the worker died before it answered, or is not there */
    DELIVERY_SILENT,  /* the worker does not hear: what was sent to it was taken back */
};

struct delivery {
    struct mail mail; /* between threads; with the worker's owner, its link is in the queue of a channel */
    /* Called once, in the thread that owns the worker, perhaps before team_deliver() returns. */
    void (*answered)(struct delivery *delivery);
    void *sender; /* for whoever gave it away */
    struct endpoint client;
    struct endpoint peer;
    uint64_t key; /* hash */
    size_t server;
    uint32_t readable; /* bytes that are known to be there */
    int fd;            /* non-blocking; the sender closes it, once it is answered */
    uint8_t door;
    uint8_t answer; /* enum delivery_answer */
    bool tls;       /* the client speaks TLS, which was taken off in front */
    bool pair;      /* the descriptor is one end of a socketpair */
    bool requests;  /* ... which brings requests of this client, and then of others: each of them names its own */
    bool unwanted;  /* atomic: nobody waits for it any more, so it need not be sent */
};

#endif
