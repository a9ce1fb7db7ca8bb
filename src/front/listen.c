#include "front/listen.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a listener rests when it cannot accept: long enough to cost nothing, short enough that nobody notices once
 * there is room again. */
#define PAUSE (50 * (micros)MILLIS_IN_MICROS)

static void pause_accepting(struct listen_point *point, const char *why)
{
    static struct log_limit limit;
    unsigned long skipped;
    counter_add(point->taker->counters, COUNTER_ACCEPT_PAUSES, 1);
    if (log_limit_pass(&limit, 1, &skipped))
        log_warning("%s: accepting pauses: %s (newcomers wait in the backlog)", point->listener->name, why);
    if (timer_set(&point->taker->loop->timers, &point->resume, point->taker->loop->now + PAUSE) != 0)
        return; /* level-triggered: it will be tried again at once, which is all that is left without memory */
    loop_forget(point->taker->loop, &point->source);
    point->paused = true;
}

static void resume(struct timer *timer)
{
    struct listen_point *point = container_of(timer, struct listen_point, resume);
    point->paused = false;
    if (loop_add(point->taker->loop, &point->source, LOOP_ACCEPT) != 0)
        pause_accepting(point, "no memory");
}

/* What accept(2) may answer because of one newcomer only: he is gone, the next one may be fine. */
static bool is_his_own_trouble(int error)
{
    switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
    case EPERM: /* a firewall rule */
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

/* One newcomer. False when there is none, or when the listener had to pause. */
static bool accept_one(struct listen_point *point)
{
    struct listen_taker *taker = point->taker;
    if (!limits_enter(taker->limits, point->number)) {
        pause_accepting(point, "the limit of connections is reached");
        return false;
    }
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    int fd = accept4(point->source.fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        limits_leave(taker->limits, point->number);
        if (is_his_own_trouble(error))
            return true;
        if (error != EAGAIN)
            pause_accepting(point, strerror(error));
        return false;
    }
    counter_add(taker->counters, COUNTER_CONNECTIONS_ACCEPTED, 1);
    struct endpoint peer = point->is_unix ? (struct endpoint){.kind = ENDPOINT_UNIX}
                                          : endpoint_from_sockaddr((const struct sockaddr *)&from);
    taker->take(taker, point, fd, &peer);
    return true;
}

/* Level-triggered, so one newcomer at a time is enough: whoever is left wakes us again, and the connections that are
 * already here get their turn in between. */
static void ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    accept_one(container_of(source, struct listen_point, source));
}

int listen_start(struct listen_point *point, struct listen_taker *taker, const struct plan_listener *listener,
                 size_t number, int fd)
{
    *point = (struct listen_point){.taker = taker, .listener = listener, .number = number};
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    if (getsockname(fd, (struct sockaddr *)&own, &length) == 0)
        point->is_unix = own.ss_family == AF_UNIX;
    timer_init(&point->resume, resume);
    loop_source_init(&point->source, fd, ready);
    int failure = loop_add(taker->loop, &point->source, LOOP_ACCEPT);
    if (failure) {
        close(fd);
        point->source.fd = -1;
    }
    return failure;
}

void listen_stop(struct listen_point *point)
{
    if (point->source.fd < 0)
        return;
    while (!point->paused && accept_one(point))
        ;
    listen_close(point);
}

void listen_close(struct listen_point *point)
{
    if (point->source.fd < 0)
        return;
    timer_clear(&point->taker->loop->timers, &point->resume);
    if (!point->paused)
        loop_forget(point->taker->loop, &point->source); /* the keeper has this file too */
    loop_ignore(&point->source);
    close(point->source.fd);
    point->source.fd = -1;
}
