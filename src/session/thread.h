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
    THREAD_DRAIN = 1,  /* accept nobody any more */
    THREAD_STOP = 2,   /* the same, and end all connections and channels now */
    THREAD_LEAVE = 4,  /* tell all workers to finish and go */
    THREAD_WAKE = 8,   /* a worker has come: those who wait for one may try again */
    THREAD_ALONE = 16, /* the keeper is gone: the thread is empty only when its workers have gone, too */
    THREAD_END = 32,   /* end the thread, which has nothing left to do */
};

struct thread {
    struct context context;
    struct mailbox mailbox;
    struct listen_taker taker;
    struct listen_point **points;
    size_t point_count;
    pthread_t id;
    int bell;
    bool settled; /* atomic; while draining: every connection has its server */
    bool empty;   /* atomic; while draining: there is no connection left */
};

/* `number` from 0. `bell` is an eventfd that is rung when `settled` or `empty` becomes true. 0 or a negative errno. */
MUST_CHECK int thread_init(struct thread *thread, const struct share *share, unsigned number, int bell);
void thread_fini(struct thread *thread);

/* Gives it a listening socket, from now on its own, before it starts or in it. 0 or a negative errno. */
MUST_CHECK int thread_listen(struct thread *thread, const struct plan_listener *listener, size_t number, unsigned door,
                             int fd);

/* In the thread: closes the sockets of this door. */
void thread_unlisten(struct thread *thread, unsigned door);

/* 0 or a negative errno. */
MUST_CHECK int thread_start(struct thread *thread);

/* From any thread: enum thread_note bits. */
void thread_tell(struct thread *thread, uint32_t notes);

/* Waits until it has ended. */
void thread_join(struct thread *thread);

#endif
