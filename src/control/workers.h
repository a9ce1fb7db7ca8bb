#ifndef LIMPET_CONTROL_WORKERS_H
#define LIMPET_CONTROL_WORKERS_H

/* The worker processes, as the keeper has them: it starts them, each into its slot; starts a new one when one dies; holds a copy
 * of every channel, so that they outlive any engine; and replaces them one after the other when it is told to.
 *
 * A slot has a process that serves, for a while perhaps a second one that is to take its place, and old ones that finish what
 * they have. A process that takes no connections yet when the engine dies is started anew: what it said may be lost. */

#include "base/attr.h"
#include "control/doors.h"
#include "control/engine_process.h"
#include "control/output.h"
#include "io/loop.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <sys/types.h>

enum worker_state {
    WORKER_STARTING, /* takes no connections yet */
    WORKER_SERVING,
    WORKER_LEAVING, /* told to finish */
    WORKER_ENDING,  /* told to end, by SIGTERM */
    WORKER_KILLED   /* it did not */
};

struct slot;

struct worker {
    struct list link;
    struct workers *workers;
    struct slot *slot;
    uint32_t id;
    pid_t pid;
    enum worker_state state;
    enum contract contract; /* CONTRACT_AUTO: it has not spoken */
    bool spoken;
    bool lost;   /* an engine that it spoke to has died before it took connections */
    int node[2]; /* its channels: our end and its own; -1: none */
    int limpet[2];
    struct node_line first; /* its first listen(), if that is door 0 */
    uint64_t asked;         /* doors where it may listen */
    uint64_t doors;         /* ... and does */
    uint64_t said;          /* ... and says that it does: the engine is told */
    micros started;
    micros served;         /* when it began to take connections; 0: not yet */
    struct timer timer;    /* of the state */
    struct output *output; /* null: it writes to our own streams */
    struct output *errors;
};

struct slot {
    const struct plan_pool *pool;
    const struct plan_server *server;
    struct worker *current; /* null: none */
    struct worker *next;    /* is to take its place; null: none */
    struct timer restart;
    uint64_t doors; /* where its last process listened that took connections */
    micros pause;
    uint32_t starts;
    struct workers *workers;
};

struct workers {
    const struct plan *plan;
    struct loop *loop;
    struct engine_process *engine;
    struct doors doors;
    struct server_states *states;
    struct slot *slots;
    size_t slot_count;
    struct list all; /* of worker */
    uint32_t last_id;
    bool draining; /* limpet is: nobody may begin to listen */
    bool stopping;
    bool reloading;
    bool reload_failed;        /* the last one */
    size_t reload_at;          /* the slot that is being replaced */
    struct worker *reload_old; /* whose end is waited for; null: none */
    char **bound_data; /* for each pool: what the first worker at door 0 sent along, as JSON; null: nothing yet */
    void (*gone)(void *context); /* while stopping: the last one has ended */
    void *context;
};

/* 0 or a negative errno. */
MUST_CHECK int workers_init(struct workers *workers, const struct plan *plan, struct loop *loop,
                            struct engine_process *engine, struct server_states *states);
void workers_fini(struct workers *workers);

/* Starts one in each slot. 0 or a negative errno, which was told: the command cannot be executed. */
MUST_CHECK int workers_start(struct workers *workers);

/* Tells a new engine of all of them, and of their doors. 0 or a negative errno. */
MUST_CHECK int workers_brief(struct workers *workers);
/* The engine has died; another one will be told. */
void workers_engine_died(struct workers *workers);

/* What the engine says of them. */
void workers_hear(struct workers *workers, const struct wire_message *message);

/* True if this process was one of them. */
bool workers_reap(struct workers *workers, pid_t pid, int wait_status);

/* Replaces them one after the other. 0, -EALREADY, or -ENOTSUP: there are none. */
MUST_CHECK int workers_reload(struct workers *workers);

/* From now on none is started. Tells them to finish, and ends them when the time for it is over; `gone` is called when all
 * have ended. Without time they are ended at once. */
void workers_stop(struct workers *workers, micros patience);

/* How a slot is, for the operator. */
#define SLOT_STATE_TABLE(X)                                                                                            \
    X(DOWN, "down")           /* there is no process */                                                                \
    X(DRAINING, "draining")   /* it gets no new clients, because the operator said so */                               \
    X(STARTING, "starting")   /* it takes no connections yet */                                                        \
    X(REPLACING, "replacing") /* it serves until another process takes its place */                                    \
    X(SILENT, "silent")       /* it takes no connections any more */                                                   \
    X(BUSY, "busy")           /* it lets its clients wait */                                                           \
    X(UP, "up")

enum slot_state {
#define X(name, text) SLOT_##name,
    SLOT_STATE_TABLE(X)
#undef X
        SLOT_STATE_COUNT
};

enum slot_state slot_state(const struct slot *slot);
const char *slot_state_text(enum slot_state state);

/* The slot of this server; null: it is an address. */
const struct slot *workers_slot(const struct workers *workers, const struct plan_server *server);

#endif
