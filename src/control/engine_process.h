#ifndef LIMPET_CONTROL_ENGINE_PROCESS_H
#define LIMPET_CONTROL_ENGINE_PROCESS_H

/* The engine as its keeper has it: a process that is started, told what to do, listened to, and started again when it
 * dies. */

#include "base/attr.h"
#include "control/wire.h"
#include "io/loop.h"

#include <stdbool.h>
#include <sys/types.h>

struct engine_process;

struct engine_calls {
    /* Tells a new engine everything, up to and with WIRE_START. 0 or a negative errno. */
    int (*brief)(void *context);
    /* What the engine says. */
    void (*hear)(void *context, const struct wire_message *message);
};

struct engine_process {
    struct loop *loop;
    const char *const *arguments;
    const struct engine_calls *calls;
    void *context;
    struct loop_source channel; /* its descriptor is -1 when there is none */
    struct timer restart;
    struct timer offer; /* of what it has not taken yet */
    struct list later;
    size_t later_count;
    pid_t pid; /* 0: none is running */
    uint32_t generation;
    bool ready;     /* this engine accepts */
    bool was_ready; /* some engine did: from now on, one that dies is started again */
    micros started;
    micros pause;
};

/* `arguments` as for powers_spawn_self(). */
void engine_process_init(struct engine_process *engine, struct loop *loop, const char *const *arguments,
                         const struct engine_calls *calls, void *context);
void engine_process_fini(struct engine_process *engine);

/* 0 or a negative errno, which was told. */
MUST_CHECK int engine_process_start(struct engine_process *engine);

/* It died and is to be started again, at once or in a moment. */
void engine_process_restart(struct engine_process *engine);

/* Notes that it has died (this process was waited for), and says how, if `what_now` says what comes of it. */
void engine_process_died(struct engine_process *engine, int wait_status, const char *what_now);

/* 0 or a negative errno; -EPIPE when there is none. Waits a little when the kernel has too many descriptors under way. What an
 * engine that is behind does not take now it is told as soon as it does. */
MUST_CHECK int engine_process_tell(struct engine_process *engine, const struct wire_message *message, const int *fds,
                                   size_t count);
/* The same, but what an engine that is behind does not take now it is not told: -EAGAIN. */
MUST_CHECK int engine_process_say(struct engine_process *engine, enum wire_kind kind, uint32_t number, const int *fds,
                                  size_t count);

/* Ends one that does not end by itself. */
void engine_process_kill(struct engine_process *engine);

#endif
