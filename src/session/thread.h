#ifndef LIMPET_SESSION_THREAD_H
#define LIMPET_SESSION_THREAD_H

/* A thread of the engine: its loop, its listening sockets, its connections, its counters. Threads share nothing but
 * struct share. */

#include "base/counter.h"
#include "base/list.h"
#include "carry/relay.h"
#include "front/crowd.h"
#include "front/listen.h"
#include "front/peek.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "session/share.h"
#include "session/visit.h"

#include <pthread.h>
#include <stdbool.h>

/* What the engine may ask of a thread. */
enum thread_note {
    THREAD_DRAIN = 1, /* accept nobody any more; end when the last connection has */
    THREAD_STOP = 2,  /* end all connections now */
};

/* Log lines of one turn go out together. */
#define THREAD_LOG_SIZE (4 * VISIT_LINE_SIZE)

struct thread {
    struct loop loop;
    const struct share *share;
    struct mailbox mailbox;
    struct listen_taker taker;
    struct listen_point *points;
    size_t point_count;
    struct list connections;
    size_t connection_count;
    bool draining;
    uint64_t serial; /* of the last connection; differs between threads */
    struct crowd crowd;
    struct counters counters;
    struct relay_kit kit;
    struct peek first_look; /* most connections are decided without waiting and never need one of their own */
    uint8_t scratch[PEEK_LIMIT];
    char *log;
    size_t log_length;
    pthread_t id;
    int bell;
};

/* `number` from 0. 0 or a negative errno. */
MUST_CHECK int thread_init(struct thread *thread, const struct share *share, unsigned number, size_t point_count);
void thread_fini(struct thread *thread);

/* Gives it a listening socket (before it starts). 0 or a negative errno. */
MUST_CHECK int thread_listen(struct thread *thread, size_t listener, int fd);

/* Rings the eventfd `bell` when it ends. 0 or a negative errno. */
MUST_CHECK int thread_start(struct thread *thread, int bell);

/* From any thread: enum thread_note bits. */
void thread_tell(struct thread *thread, uint32_t notes);

/* Waits until it has ended. */
void thread_join(struct thread *thread);

/* For the connections of this thread. */
void thread_log(struct thread *thread, const char *line, size_t length);
void thread_left(struct thread *thread); /* a connection is gone */

#endif
