#ifndef LIMPET_SESSION_THREAD_H
#define LIMPET_SESSION_THREAD_H

/* A thread of the engine: a loop with its own listening sockets and its own connections. Threads share nothing but struct
 * share. */

#include "front/listen.h"
#include "io/mailbox.h"
#include "session/context.h"

#include <pthread.h>

/* What the engine may ask of a thread. */
enum thread_note {
    THREAD_DRAIN = 1, /* accept nobody any more; end when the last connection has */
    THREAD_STOP = 2,  /* end all connections now */
};

struct thread {
    struct context context;
    struct mailbox mailbox;
    struct listen_taker taker;
    struct listen_point *points;
    size_t point_count;
    pthread_t id;
    int bell;
};

/* `number` from 0; `point_count` is the most that will be given to thread_listen(). 0 or a negative errno. */
MUST_CHECK int thread_init(struct thread *thread, const struct share *share, unsigned number, size_t point_count);
void thread_fini(struct thread *thread);

/* Gives it a listening socket, before it starts. 0 or a negative errno. */
MUST_CHECK int thread_listen(struct thread *thread, size_t listener, int fd);

/* Rings the eventfd `bell` when it ends. 0 or a negative errno. */
MUST_CHECK int thread_start(struct thread *thread, int bell);

/* From any thread: enum thread_note bits. */
void thread_tell(struct thread *thread, uint32_t notes);

/* Waits until it has ended. */
void thread_join(struct thread *thread);

#endif
