#include "session/thread.h"

#include "session/connection.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* ---- log ----------------------------------------------------------------------------------------------------------- */

static void flush_log(struct thread *thread)
{
    if (thread->log_length > 0 && !sink_write(thread->share->access, thread->log, thread->log_length))
        counter_add(&thread->counters, COUNTER_LOG_LINES_DROPPED, 1);
    thread->log_length = 0;
}

void thread_log(struct thread *thread, const char *line, size_t length)
{
    if (length > THREAD_LOG_SIZE - thread->log_length)
        flush_log(thread);
    memcpy(thread->log + thread->log_length, line, length);
    thread->log_length += length;
}

/* ---- drain and stop ------------------------------------------------------------------------------------------------ */

static void stop_if_empty(struct thread *thread)
{
    if (thread->draining && thread->connection_count == 0)
        thread->loop.stopping = true;
}

void thread_left(struct thread *thread)
{
    thread->connection_count--;
    stop_if_empty(thread);
}

static void drain(struct thread *thread)
{
    thread->draining = true;
    for (size_t i = 0; i < thread->point_count; i++)
        listen_stop(&thread->points[i]);
    stop_if_empty(thread);
}

static void stop_all(struct thread *thread)
{
    while (!list_is_empty(&thread->connections))
        connection_stop(connection_of_link(thread->connections.next), REASON_STOPPED);
}

static void read_notes(struct mailbox *mailbox, uint32_t notes)
{
    struct thread *thread = container_of(mailbox, struct thread, mailbox);
    if (notes & (THREAD_DRAIN | THREAD_STOP))
        drain(thread);
    if (notes & THREAD_STOP)
        stop_all(thread);
}

void thread_tell(struct thread *thread, uint32_t notes)
{
    mailbox_post(&thread->mailbox, notes);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void take(struct listen_taker *taker, struct listen_point *point, int fd, const struct endpoint *peer)
{
    connection_start(container_of(taker, struct thread, taker), point, fd, peer);
}

int thread_init(struct thread *thread, const struct share *share, unsigned number, size_t point_count)
{
    memset(thread, 0, sizeof(*thread));
    thread->share = share;
    list_init(&thread->connections);
    thread->serial = (uint64_t)number << 48; /* room for 2^48 connections before two threads' numbers could meet */
    thread->taker = (struct listen_taker){
        .take = take, .loop = &thread->loop, .limits = share->limits, .counters = &thread->counters};
    relay_kit_init(&thread->kit, &thread->counters);
    thread->log = malloc(THREAD_LOG_SIZE);
    thread->points = calloc(point_count, sizeof(*thread->points));
    if (!thread->log || !thread->points)
        return -ENOMEM;
    int failure = loop_init(&thread->loop);
    return failure ? failure : mailbox_init(&thread->mailbox, &thread->loop, read_notes);
}

void thread_fini(struct thread *thread)
{
    for (size_t i = 0; i < thread->point_count; i++)
        listen_stop(&thread->points[i]);
    mailbox_fini(&thread->mailbox);
    relay_kit_fini(&thread->kit);
    loop_fini(&thread->loop);
    free(thread->points);
    free(thread->log);
}

int thread_listen(struct thread *thread, size_t listener, int fd)
{
    struct listen_point *point = &thread->points[thread->point_count];
    int failure = listen_start(point, &thread->taker, &thread->share->plan->listeners[listener], listener, fd);
    if (!failure)
        thread->point_count++;
    return failure;
}

static void after_turn(void *context)
{
    struct thread *thread = context;
    if (thread->log_length > 0)
        flush_log(thread);
}

static void *run(void *argument)
{
    struct thread *thread = argument;
    loop_run(&thread->loop, after_turn, thread);
    (void)!eventfd_write(thread->bell, 1);
    return NULL;
}

/* Signals are handled by the engine's first thread alone. */
int thread_start(struct thread *thread, int bell)
{
    thread->bell = bell;
    sigset_t all;
    sigset_t before;
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
