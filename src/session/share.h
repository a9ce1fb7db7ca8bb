#ifndef LIMPET_SESSION_SHARE_H
#define LIMPET_SESSION_SHARE_H

/* All that the threads share, and nothing else: each part says itself how it may be used from several of them. */

#include "base/counter.h"
#include "io/sink.h"
#include "pins/pins.h"
#include "plan/plan.h"
#include "route/limits.h"
#include "route/pick.h"
#include "route/server.h"
#include "route/stick.h"

struct context;

/* Where to find a thread. */
struct share_thread {
    struct context *context; /* its team and its mailbox; everything else is its own */
};

struct share {
    const struct plan *plan;       /* never changes */
    const struct ranking *ranking; /* never changes */
    struct server_states *states;  /* atomics */
    struct limits *limits;         /* atomics and locks */
    const struct sticks *sticks;   /* never change */
    struct pins_shared *pins;      /* atomics and locks; null: no pool remembers anything in a table */
    uint32_t via;                  /* tells our name in Via from other limpets'; never changes */
    micros *crowd_quiet;           /* atomics, one for each listener: no warning about its crowd before then */
    struct counters *counters;     /* atomics, one for each thread */
    size_t pipes_per_thread;       /* never changes */
    struct sink *access;           /* locks; null: no access log */
    struct share_thread
        *threads; /* never changes; server number N of a worker is owned by thread N modulo their count */
    size_t thread_count;
};

#endif
