#include "io/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* 1 MiB is about 5,000 lines: some seconds of a busy proxy, time enough for a log rotation. */
#define CAPACITY ((size_t)1 << 20)

/* Writers append to one half while the thread writes out the other. */
struct sink {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t ended;
    int fd;
    bool closing;
    bool done;
    bool torn;   /* the last line was written in part; atomic */
    int lost;    /* the errno of a failed write that no writer was told yet; guarded by lock */
    char *fresh; /* guarded by lock, as is its length */
    size_t length;
    char *going_out; /* the thread's own */
};

/* After each write the thread rests. Lines that come meanwhile gather into one write, and their writers need no system
 * call to wake a thread that is not waiting: with one line per turn of a loop, waking was a seventh of a thread's time. */
#define REST_NANOS (5 * 1000 * 1000)

static void rest(void)
{
    struct timespec pause = {.tv_nsec = REST_NANOS};
    nanosleep(&pause, NULL);
}

/* Somebody made the log non-blocking; but this thread is here to wait. */
static void wait_for(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    poll(&room, 1, -1);
    errno = EAGAIN;
}

/* An error (disk full, reader gone) drops the rest, as every log must. Returns it, or 0. *torn is kept: whether what was
 * written ends in the middle of a line. */
static int write_all(int fd, const char *lines, size_t length, bool *torn)
{
    while (length > 0) {
        ssize_t put = write(fd, lines, length);
        if (put < 0 && errno == EAGAIN)
            wait_for(fd);
        if (put < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (put < 0)
            return errno;
        if (put > 0)
            *torn = lines[put - 1] != '\n';
        lines += put;
        length -= (size_t)put;
    }
    return 0;
}

/* A line that could not be finished is ended first, so that it spoils no other. */
static int write_out(struct sink *sink, const char *lines, size_t length)
{
    bool torn = __atomic_load_n(&sink->torn, __ATOMIC_RELAXED);
    int failure = torn ? write_all(sink->fd, "\n", 1, &torn) : 0;
    if (!failure)
        failure = write_all(sink->fd, lines, length, &torn);
    __atomic_store_n(&sink->torn, torn, __ATOMIC_RELAXED);
    return failure;
}

static void *run(void *argument)
{
    struct sink *sink = argument;
    pthread_mutex_lock(&sink->lock);
    while (sink->length > 0 || !sink->closing) {
        if (sink->length == 0) {
            pthread_cond_wait(&sink->filled, &sink->lock);
            continue;
        }
        char *lines = sink->fresh;
        size_t length = sink->length;
        sink->fresh = sink->going_out;
        sink->length = 0;
        sink->going_out = lines;
        pthread_mutex_unlock(&sink->lock);
        int failure = write_out(sink, lines, length);
        rest();
        pthread_mutex_lock(&sink->lock);
        if (failure)
            sink->lost = failure;
    }
    sink->done = true;
    pthread_cond_signal(&sink->ended);
    pthread_mutex_unlock(&sink->lock);
    return NULL;
}

static void release(struct sink *sink)
{
    if (sink->fd >= 0)
        close(sink->fd);
    pthread_cond_destroy(&sink->filled);
    pthread_cond_destroy(&sink->ended);
    pthread_mutex_destroy(&sink->lock);
    free(sink->fresh);
    free(sink->going_out);
    free(sink);
}

/* Signals are the keeper's affair: a log thread must not be interrupted by them. */
static int start_thread(struct sink *sink)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&sink->thread, NULL, run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

/* The one timed wait here counts on the steady clock. */
static void init_ended(struct sink *sink)
{
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&sink->ended, &steady);
    pthread_condattr_destroy(&steady);
}

struct sink *sink_new(int fd)
{
    struct sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return NULL;
    sink->fd = -1;
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->filled, NULL);
    init_ended(sink);
    sink->fresh = malloc(CAPACITY);
    sink->going_out = malloc(CAPACITY);
    if (!sink->fresh || !sink->going_out || start_thread(sink) != 0) {
        release(sink);
        return NULL;
    }
    sink->fd = fd;
    return sink;
}

void sink_free(struct sink *sink)
{
    if (!sink)
        return;
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec++;

    pthread_mutex_lock(&sink->lock);
    sink->closing = true;
    pthread_cond_signal(&sink->filled);
    while (!sink->done && pthread_cond_timedwait(&sink->ended, &sink->lock, &deadline) == 0)
        ;
    bool stuck = !sink->done;
    pthread_mutex_unlock(&sink->lock);
    if (stuck) {
        /* The thread sits in write(2) on a full pipe. The process is about to end: leave it there. */
        pthread_detach(sink->thread);
        return;
    }
    pthread_join(sink->thread, NULL);
    release(sink);
}

int sink_write(struct sink *sink, const char *lines, size_t length)
{
    pthread_mutex_lock(&sink->lock);
    int outcome = -sink->lost;
    sink->lost = 0;
    if (length <= CAPACITY - sink->length) {
        memcpy(sink->fresh + sink->length, lines, length);
        if (sink->length == 0)
            pthread_cond_signal(&sink->filled);
        sink->length += length;
    } else {
        outcome = -EAGAIN;
    }
    pthread_mutex_unlock(&sink->lock);
    return outcome;
}

void sink_reopen(struct sink *sink, int fd)
{
    /* The number stays, so a write that is under way ends in one file or the other, never in a stranger's. */
    (void)!dup3(fd, sink->fd, O_CLOEXEC);
    __atomic_store_n(&sink->torn, false, __ATOMIC_RELAXED);
    close(fd);
}
