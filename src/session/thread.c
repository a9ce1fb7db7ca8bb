#include "session/thread.h"

#include "session/connection.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* ---- drain and stop ------------------------------------------------------------------------------------------------ */

static void drain(struct thread *thread)
{
    for (size_t i = 0; i < thread->point_count; i++)
        listen_stop(&thread->points[i]);
    context_drain(&thread->context);
}

static void stop_all(struct context *context)
{
    while (!list_is_empty(&context->connections))
        connection_stop(connection_of_link(context->connections.next), REASON_STOPPED);
}

static void read_notes(struct mailbox *mailbox, uint32_t notes)
{
    struct thread *thread = container_of(mailbox, struct thread, mailbox);
    if (notes & (THREAD_DRAIN | THREAD_STOP))
        drain(thread);
    if (notes & THREAD_STOP)
        stop_all(&thread->context);
}

void thread_tell(struct thread *thread, uint32_t notes)
{
    mailbox_post(&thread->mailbox, notes);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void take(struct listen_taker *taker, struct listen_point *point, int fd, const struct endpoint *peer)
{
    connection_start(&container_of(taker, struct thread, taker)->context, point, fd, peer);
}

int thread_init(struct thread *thread, const struct share *share, unsigned number, size_t point_count)
{
    memset(thread, 0, sizeof(*thread));
    thread->mailbox.source.fd = -1;
    int failure = context_init(&thread->context, share, number);
    if (failure)
        return failure;
    thread->taker = (struct listen_taker){
        .take = take, .loop = &thread->context.loop, .limits = share->limits, .counters = &thread->context.counters};
    thread->points = calloc(point_count, sizeof(*thread->points));
    if (!thread->points)
        return -ENOMEM;
    return mailbox_init(&thread->mailbox, &thread->context.loop, read_notes);
}

void thread_fini(struct thread *thread)
{
    for (size_t i = 0; i < thread->point_count; i++)
        listen_close(&thread->points[i]);
    mailbox_fini(&thread->mailbox);
    free(thread->points);
    context_fini(&thread->context);
}

int thread_listen(struct thread *thread, size_t listener, int fd)
{
    const struct plan *plan = thread->context.share->plan;
    struct listen_point *point = &thread->points[thread->point_count];
    int failure = listen_start(point, &thread->taker, &plan->listeners[listener], listener, fd);
    if (!failure)
        thread->point_count++;
    return failure;
}

static void after_turn(void *context)
{
    context_flush_log(context);
}

static void *run(void *argument)
{
    struct thread *thread = argument;
    loop_run(&thread->context.loop, after_turn, &thread->context);
    (void)!eventfd_write(thread->bell, 1);
    return NULL;
}

/* Signals are the engine's first thread's affair. */
int thread_start(struct thread *thread, int bell)
{
    sigset_t all;
    sigset_t before;
    thread->bell = bell;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&thread->id, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -failure;
}

void thread_join(struct thread *thread)
{
    pthread_join(thread->id, NULL);
}
