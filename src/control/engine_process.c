#include "control/engine_process.h"

#include "base/log.h"
#include "control/powers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An engine that dies right after its start is started again ever more slowly. Not one that lived a second: a start takes
 * milliseconds, and while none is running the newcomers pile up, all of whom the next death would hit. */
#define RESTART_FIRST (50 * (micros)MILLIS_IN_MICROS)
#define RESTART_MOST (5 * (micros)SECOND_IN_MICROS)
#define LIVED_LONG_ENOUGH ((micros)SECOND_IN_MICROS)

/* How many descriptors may be under way is counted per user, and other processes of his may have filled that just now
 * (unix(7), ETOOMANYREFS). They will be received; so long is waited for it, in so many steps. */
#define TELL_PAUSE_NANOS (2 * 1000 * 1000)
#define TELL_TRIES 250

/* What an engine that is behind with reading has not taken yet is kept, in order, and offered again. */
#define LATER_PAUSE (2 * (micros)MILLIS_IN_MICROS)
#define LATER_MOST 2048

struct later {
    struct list link;
    struct wire_message message;
    size_t count;
    int fds[WIRE_FDS_MOST];
};

static void later_free(struct engine_process *engine, struct later *later)
{
    list_remove(&later->link);
    engine->later_count--;
    for (size_t i = 0; i < later->count; i++)
        close(later->fds[i]);
    free(later);
}

static void forget_later(struct engine_process *engine)
{
    for (struct list *link = engine->later.next, *next; link != &engine->later; link = next) {
        next = link->next;
        later_free(engine, container_of(link, struct later, link));
    }
}

static int send_now(struct engine_process *engine, const struct wire_message *message, const int *fds, size_t count)
{
    int failure = wire_send_message(engine->channel.fd, message, fds, count);
    for (int i = 1; failure == -ETOOMANYREFS && i < TELL_TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = TELL_PAUSE_NANOS}, NULL);
        failure = wire_send_message(engine->channel.fd, message, fds, count);
    }
    return failure;
}

static void send_later(struct timer *timer)
{
    struct engine_process *engine = container_of(timer, struct engine_process, offer);
    for (struct list *link = engine->later.next, *next; link != &engine->later; link = next) {
        struct later *first = container_of(link, struct later, link);
        next = link->next;
        if (engine->channel.fd >= 0 && send_now(engine, &first->message, first->fds, first->count) == -EAGAIN)
            break;
        later_free(engine, first);
    }
    if (!list_is_empty(&engine->later) &&
        timer_set(&engine->loop->timers, &engine->offer, clock_steady() + LATER_PAUSE) != 0)
        forget_later(engine);
}

static int keep_for_later(struct engine_process *engine, const struct wire_message *message, const int *fds,
                          size_t count)
{
    struct later *later = engine->later_count < LATER_MOST ? malloc(sizeof(*later)) : NULL;
    if (!later)
        return -EAGAIN;
    memcpy(&later->message, message, offsetof(struct wire_message, text) + message->length);
    for (later->count = 0; later->count < count; later->count++)
        later->fds[later->count] = fcntl(fds[later->count], F_DUPFD_CLOEXEC, 0);
    list_init(&later->link);
    list_append(&engine->later, &later->link);
    engine->later_count++;
    if (timer_is_set(&engine->offer))
        return 0;
    return timer_set(&engine->loop->timers, &engine->offer, clock_steady() + LATER_PAUSE);
}

int engine_process_tell(struct engine_process *engine, const struct wire_message *message, const int *fds, size_t count)
{
    if (engine->channel.fd < 0)
        return -EPIPE;
    int failure = list_is_empty(&engine->later) ? send_now(engine, message, fds, count) : -EAGAIN;
    return failure == -EAGAIN ? keep_for_later(engine, message, fds, count) : failure;
}

int engine_process_say(struct engine_process *engine, enum wire_kind kind, uint32_t number, const int *fds,
                       size_t count)
{
    struct wire_message message;
    wire_init(&message, kind);
    message.number = number;
    return engine->channel.fd < 0 ? -EPIPE : send_now(engine, &message, fds, count);
}

static void close_channel(struct engine_process *engine)
{
    engine->ready = false;
    forget_later(engine);
    if (engine->channel.fd < 0)
        return;
    loop_forget(engine->loop, &engine->channel);
    loop_ignore(&engine->channel);
    close(engine->channel.fd);
    engine->channel.fd = -1;
}

/* False when there is nothing more. */
static bool hear_one(struct engine_process *engine)
{
    struct wire_message message;
    int fds[WIRE_FDS_MOST];
    size_t count;
    int got = engine->channel.fd < 0 ? -EAGAIN : wire_receive(engine->channel.fd, &message, fds, &count);
    for (size_t i = 0; got > 0 && i < count; i++)
        close(fds[i]);
    if (got > 0)
        engine->calls->hear(engine->context, &message);
    else if (got != -EAGAIN && got != -ECONNRESET)
        close_channel(engine);
    /* It left something unread: that is told first, and once, before what it said. */
    return got > 0 || got == -ECONNRESET;
}

static void hear(struct loop_source *source, uint32_t events)
{
    (void)events;
    hear_one(container_of(source, struct engine_process, channel));
}

static int spawn(struct engine_process *engine)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    struct powers_spawn how = {
        .arguments = engine->arguments, .standard_output = -1, .standard_error = -1, .channel = ends[1]};
    int failure = powers_spawn_self(&how, &engine->pid);
    close(ends[1]);
    loop_source_init(&engine->channel, ends[0], hear);
    if (!failure)
        failure = loop_add(engine->loop, &engine->channel, LOOP_READ);
    else
        engine->pid = 0;
    if (failure)
        close_channel(engine);
    return failure;
}

int engine_process_start(struct engine_process *engine)
{
    engine->started = clock_steady();
    engine->generation++;
    int failure = spawn(engine);
    if (failure) {
        log_error("the engine cannot be started: %s", strerror(-failure));
        return failure;
    }
    failure = engine->calls->brief(engine->context);
    if (failure) {
        /* It sees the end of its channel and ends, if it is not dead already; its end is what starts the next one. */
        log_error("the engine did not take its orders: %s", strerror(-failure));
        close_channel(engine);
        return 0;
    }
    /* From now on an engine that hears nothing must not hold up who is to end it. */
    (void)fcntl(engine->channel.fd, F_SETFL, O_NONBLOCK);
    return 0;
}

void engine_process_restart(struct engine_process *engine)
{
    micros now = clock_steady();
    if (now - engine->started >= LIVED_LONG_ENOUGH)
        engine->pause = 0;
    micros at = now + engine->pause;
    engine->pause = engine->pause ? engine->pause * 2 : RESTART_FIRST;
    if (engine->pause > RESTART_MOST)
        engine->pause = RESTART_MOST;
    if (timer_set(&engine->loop->timers, &engine->restart, at) != 0 && engine_process_start(engine) != 0)
        log_error("there is no engine: out of memory");
}

static void restart(struct timer *timer)
{
    struct engine_process *engine = container_of(timer, struct engine_process, restart);
    if (engine_process_start(engine) != 0)
        engine_process_restart(engine);
}

static void say_how_it_died(pid_t pid, int status, const char *what_now)
{
    if (WIFSIGNALED(status))
        log_error("the engine (process %d) was killed by signal %d (%s); %s", (int)pid, WTERMSIG(status),
                  strsignal(WTERMSIG(status)), what_now);
    else
        log_error("the engine (process %d) ended with status %d; %s", (int)pid, WEXITSTATUS(status), what_now);
}

void engine_process_died(struct engine_process *engine, int wait_status, const char *what_now)
{
    while (hear_one(engine)) /* its last words */
        continue;
    if (what_now)
        say_how_it_died(engine->pid, wait_status, what_now);
    engine->pid = 0;
    close_channel(engine);
}

void engine_process_kill(struct engine_process *engine)
{
    if (engine->pid <= 0)
        return;
    log_error("the engine (process %d) does not end by itself; it is killed", (int)engine->pid);
    kill(engine->pid, SIGKILL);
}

void engine_process_init(struct engine_process *engine, struct loop *loop, const char *const *arguments,
                         const struct engine_calls *calls, void *context)
{
    *engine = (struct engine_process){
        .loop = loop, .arguments = arguments, .calls = calls, .context = context, .channel.fd = -1};
    timer_init(&engine->restart, restart);
    timer_init(&engine->offer, send_later);
    list_init(&engine->later);
}

void engine_process_fini(struct engine_process *engine)
{
    timer_clear(&engine->loop->timers, &engine->restart);
    timer_clear(&engine->loop->timers, &engine->offer);
    close_channel(engine);
}
