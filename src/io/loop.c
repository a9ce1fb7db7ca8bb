#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Events taken from the kernel at once: enough that a busy loop makes few calls, small enough for the stack. */
#define BATCH 128

int loop_init(struct loop *loop)
{
    *loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .now = clock_steady()};
    if (loop->epoll < 0)
        return -errno;
    timers_init(&loop->timers);
    list_init(&loop->again);
    list_init(&loop->graves);
    return 0;
}

static void empty_graves(struct loop *loop)
{
    while (!list_is_empty(&loop->graves)) {
        struct loop_grave *grave = container_of(loop->graves.next, struct loop_grave, link);
        list_remove(&grave->link);
        grave->free(grave);
    }
}

void loop_fini(struct loop *loop)
{
    if (loop->epoll < 0)
        return;
    empty_graves(loop);
    timers_fini(&loop->timers);
    close(loop->epoll);
    loop->epoll = -1;
}

void loop_source_init(struct loop_source *source, int fd, void (*ready)(struct loop_source *, uint32_t events))
{
    source->fd = fd;
    source->ready = ready;
    list_init(&source->again);
}

#define EVENTS_BOTH (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET)

int loop_add(struct loop *loop, struct loop_source *source, enum loop_how how)
{
    static const uint32_t events[] = {
        [LOOP_BOTH] = EVENTS_BOTH,
        [LOOP_ACCEPT] = EPOLLIN | EPOLLEXCLUSIVE,
        [LOOP_READ] = EPOLLIN,
    };
    struct epoll_event event = {.events = events[how], .data.ptr = source};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

int loop_move(struct loop *loop, struct loop_source *source)
{
    struct epoll_event event = {.events = EVENTS_BOTH, .data.ptr = source};
    return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

static void do_nothing(struct loop_source *source, uint32_t events)
{
    (void)source;
    (void)events;
}

void loop_ignore(struct loop_source *source)
{
    source->ready = do_nothing;
    list_remove(&source->again);
}

void loop_forget(struct loop *loop, struct loop_source *source)
{
    /* It cannot fail for a descriptor that loop_add() took. */
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    list_remove(&source->again);
}

void loop_again(struct loop *loop, struct loop_source *source)
{
    if (list_is_empty(&source->again))
        list_append(&loop->again, &source->again);
}

void loop_bury(struct loop *loop, struct loop_grave *grave, void (*free)(struct loop_grave *grave))
{
    grave->free = free;
    list_init(&grave->link);
    list_append(&loop->graves, &grave->link);
}

/* Milliseconds to wait for events: rounded up, or a timer would spin through its last millisecond. */
static int patience(const struct loop *loop)
{
    if (!list_is_empty(&loop->again))
        return 0;
    micros next = timers_next(&loop->timers);
    if (next == TIMER_NEVER)
        return -1;
    return clock_patience(next - loop->now);
}

/* Only those that were waiting when the turn began: one that asks again waits for the next turn. */
static void run_again(struct list *waiting)
{
    while (!list_is_empty(waiting)) {
        struct loop_source *source = container_of(waiting->next, struct loop_source, again);
        list_remove(&source->again);
        source->ready(source, 0);
    }
}

/* With hundreds of connections the kernel's part of one drives the next one's owner out of the caches: its first lines
 * come back while this one is served. One per cent of a request, at 512. */
static void fetch_ahead(const void *source)
{
    const char *begin = source;
    for (size_t at = 0; at < 192; at += 64)
        __builtin_prefetch(begin + at, 1);
}

static void turn(struct loop *loop)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(loop->epoll, events, BATCH, patience(loop));
    assert(count >= 0 || errno == EINTR);
    loop->now = clock_steady();

    struct list waiting;
    list_init(&waiting);
    list_splice(&waiting, &loop->again);
    for (int i = 0; i < count; i++) {
        struct loop_source *source = events[i].data.ptr;
        if (i + 1 < count)
            fetch_ahead(events[i + 1].data.ptr);
        source->ready(source, events[i].events);
    }
    run_again(&waiting);
    timers_run(&loop->timers, loop->now);
}

void loop_run(struct loop *loop, void (*after_turn)(void *context), void *context)
{
    while (!loop->stopping) {
        turn(loop);
        if (after_turn)
            after_turn(context);
        empty_graves(loop);
    }
}
