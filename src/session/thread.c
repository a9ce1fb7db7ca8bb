#include "session/thread.h"

#include "session/connection.h"
#include "session/homing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- drain and stop ------------------------------------------------------------------------------------------------ */

static void drain(struct thread *thread)
{
    for (size_t i = 0; i < thread->point_count; i++)
        listen_stop(thread->points[i]);
    context_drain(&thread->context);
}

static void stop_all(struct context *context)
{
    context_stop_members(context, REASON_STOPPED);
    if (context->alone)
        team_end_processes(&context->team); /* nobody else will */
    team_stop(&context->team);
}

static void read_notes(struct mailbox *mailbox, uint32_t notes)
{
    struct thread *thread = container_of(mailbox, struct thread, mailbox);
    struct context *context = &thread->context;
    if (notes & THREAD_ALONE) {
        context->alone = true;
        team_go_alone(&context->team);
    }
    if (notes & (THREAD_DRAIN | THREAD_STOP))
        drain(thread);
    if (notes & THREAD_STOP)
        stop_all(context);
    context_look_quiet(context);
    if (notes & THREAD_LEAVE)
        team_leave_all(&context->team);
    if (notes & THREAD_WAKE)
        context_wake(context);
    if (notes & THREAD_END)
        context->loop.stopping = true;
}

void thread_tell(struct thread *thread, uint32_t notes)
{
    mailbox_post(&thread->mailbox, notes);
}

/* True if it was not before. */
static bool becomes(bool *what, bool now)
{
    return now && !__atomic_exchange_n(what, true, __ATOMIC_RELEASE);
}

static void quiet(struct context *context)
{
    struct thread *thread = container_of(context, struct thread, context);
    bool settled = becomes(&thread->settled, context->undecided + context->abandoned == 0);
    bool workers = context->alone && !list_is_empty(&context->team.channels);
    bool empty = becomes(&thread->empty, context->member_count + context->abandoned == 0 && !workers);
    if (settled || empty)
        (void)!eventfd_write(thread->bell, 1);
}

/* ---- workers ------------------------------------------------------------------------------------------------------- */

/* Whoever waits in any thread waits for this. */
static void opened(void *context)
{
    const struct share *share = ((struct context *)context)->share;
    for (size_t i = 0; i < share->thread_count; i++)
        mailbox_post(share->threads[i].context->mailbox, THREAD_WAKE);
}

static void session(void *context, const struct plan_pool *pool, const struct plan_server *server, struct span id,
                    bool ended)
{
    homing_hear(context, pool, (uint32_t)(server - pool->servers), id, ended);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void take(struct listen_taker *taker, struct listen_point *point, int fd, const struct endpoint *peer)
{
    connection_start(&container_of(taker, struct thread, taker)->context, point, fd, peer);
}

int thread_init(struct thread *thread, const struct share *share, unsigned number, int bell)
{
    memset(thread, 0, sizeof(*thread));
    thread->mailbox.source.fd = -1;
    thread->bell = bell;
    int failure = context_init(&thread->context, share, number);
    if (failure)
        return failure;
    thread->context.quiet = quiet;
    thread->context.mailbox = &thread->mailbox;
    thread->context.team.opened = opened;
    thread->context.team.session = session;
    thread->context.team.context = &thread->context;
    thread->taker = (struct listen_taker){
        .take = take, .loop = &thread->context.loop, .limits = share->limits, .counters = thread->context.counters};
    return mailbox_init(&thread->mailbox, &thread->context.loop, read_notes);
}

void thread_fini(struct thread *thread)
{
    for (size_t i = 0; i < thread->point_count; i++) {
        listen_close(thread->points[i]);
        free(thread->points[i]);
    }
    team_stop(&thread->context.team);
    mailbox_fini(&thread->mailbox);
    free(thread->points);
    context_fini(&thread->context);
}

static int add_point(struct thread *thread, struct listen_point *point)
{
    struct listen_point **points = realloc(thread->points, (thread->point_count + 1) * sizeof(struct listen_point *));
    if (!points)
        return -ENOMEM;
    thread->points = points;
    points[thread->point_count++] = point;
    return 0;
}

int thread_listen(struct thread *thread, const struct plan_listener *listener, size_t number, unsigned door, int fd)
{
    struct listen_point *point = malloc(sizeof(*point));
    if (!point) {
        close(fd);
        return -ENOMEM;
    }
    int failure = listen_start(point, &thread->taker, listener, number, fd);
    if (!failure) {
        failure = add_point(thread, point);
        point->door = (uint8_t)door;
        if (!failure)
            return 0;
        listen_close(point);
    }
    free(point);
    return failure;
}

/* Events of this turn may still name the point: it is freed with the thread. */
void thread_unlisten(struct thread *thread, unsigned door)
{
    for (size_t i = 0; i < thread->point_count; i++)
        if (thread->points[i]->door == door)
            listen_stop(thread->points[i]);
}

static void after_turn(void *context)
{
    context_flush_log(context);
}

static void *run(void *argument)
{
    struct thread *thread = argument;
    loop_run(&thread->context.loop, after_turn, &thread->context);
    return NULL;
}

/* Signals are the engine's first thread's affair. */
int thread_start(struct thread *thread)
{
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
