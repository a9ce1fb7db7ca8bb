#include "control/engine.h"

#include "base/log.h"
#include "control/budget.h"
#include "control/powers.h"
#include "control/wire.h"
#include "session/share.h"
#include "session/thread.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct engine {
    int channel;
    const struct plan *plan;
    struct share share;
    struct sink *errors;
    struct ranking *ranking;
    struct thread *threads;
    size_t thread_count;
    size_t point_count; /* bind addresses of all listeners: what each thread listens on */
    size_t running;     /* threads that were started */
    size_t ended;       /* ... and those of them that have ended */
    int bell;           /* eventfd: a thread has ended */
    bool draining;
    bool stopped;
    micros drain_deadline;
};

int engine_receive_bundle(int channel)
{
    struct wire_message message;
    int fds[WIRE_FDS_MOST];
    size_t count = 0;
    int got = wire_receive(channel, &message, fds, &count);
    if (got < 0)
        return got;
    if (got == 1 && message.kind == WIRE_BUNDLE && count == 1)
        return fds[0];
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    return got == 0 ? -EPIPE : -EPROTO;
}

/* ---- setting up ---------------------------------------------------------------------------------------------------- */

static int make_share(struct engine *engine)
{
    const struct plan *plan = engine->plan;
    assert(plan->listener_count > 0);
    engine->ranking = ranking_new(plan);
    engine->share.plan = plan;
    engine->share.ranking = engine->ranking;
    engine->share.states = server_states_new(plan->server_count);
    size_t descriptors = powers_raise_nofile();
    engine->share.pipes_per_thread = budget_pipes(plan, descriptors);
    engine->share.limits = limits_new(plan, budget_connections(plan, descriptors));
    engine->share.crowd_quiet = calloc(plan->listener_count, sizeof(micros));
    return engine->ranking && engine->share.states && engine->share.limits && engine->share.crowd_quiet ? 0 : -ENOMEM;
}

/* For the crossover table in docs/speed.md; not for users. */
static void choose_splicing(struct relay_kit *kit)
{
    const char *choice = getenv("LIMPET_SPLICE");
    kit->may_splice = !choice || strcmp(choice, "never") != 0;
    kit->always_splice = choice && strcmp(choice, "always") == 0;
}

static int make_threads(struct engine *engine)
{
    const struct plan *plan = engine->plan;
    engine->threads = calloc(plan->threads, sizeof(*engine->threads));
    if (!engine->threads)
        return -ENOMEM;
    for (unsigned i = 0; i < plan->threads; i++) {
        struct thread *thread = &engine->threads[i];
        int failure = thread_init(thread, &engine->share, i, engine->point_count);
        if (failure)
            return failure;
        choose_splicing(&thread->context.kit);
        engine->thread_count++;
    }
    return 0;
}

static int init(struct engine *engine, int channel, const struct plan *plan)
{
    *engine = (struct engine){.channel = channel, .plan = plan, .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (engine->bell < 0)
        return -errno;
    for (size_t i = 0; i < plan->listener_count; i++)
        engine->point_count += plan->listeners[i].bind_count;
    int failure = make_share(engine);
    return failure ? failure : make_threads(engine);
}

static void fini(struct engine *engine)
{
    for (size_t i = 0; i < engine->thread_count; i++)
        thread_fini(&engine->threads[i]);
    free(engine->threads);
    if (engine->bell >= 0)
        close(engine->bell);
    sink_free(engine->share.access);
    log_set_writer(NULL, NULL);
    sink_free(engine->errors);
    limits_free(engine->share.limits);
    server_states_free(engine->share.states);
    ranking_free(engine->ranking);
    free(engine->share.crowd_quiet);
}

static void write_error(void *context, const char *line, size_t length)
{
    sink_write(context, line, length);
}

static int set_log(struct sink **sink, int fd)
{
    if (*sink) {
        sink_reopen(*sink, fd);
        return 0;
    }
    *sink = sink_new(fd);
    return *sink ? 0 : -ENOMEM;
}

/* One socket for each thread, or one that all share (a Unix socket; the kernel wakes one of them). */
static int take_listener(struct engine *engine, uint32_t listener, const int *fds, size_t count)
{
    int failure = listener < engine->plan->listener_count ? 0 : -EPROTO;
    for (size_t i = 0; i < engine->thread_count; i++) {
        int fd = count == engine->thread_count || i == 0 ? fds[i] : dup(fds[0]);
        if (!failure)
            failure = fd < 0 ? -errno : thread_listen(&engine->threads[i], listener, fd);
    }
    return failure;
}

static int obey(struct engine *engine, const struct wire_message *message, const int *fds, size_t count)
{
    switch (message->kind) {
    case WIRE_ACCESS_LOG:
        return count == 1 ? set_log(&engine->share.access, fds[0]) : -EPROTO;
    case WIRE_ERROR_LOG:
        if (count != 1 || set_log(&engine->errors, fds[0]) != 0)
            return -EPROTO;
        log_set_writer(write_error, engine->errors);
        return 0;
    case WIRE_LISTENER:
        return count > 0 ? take_listener(engine, message->number, fds, count) : -EPROTO;
    default:
        return -EPROTO;
    }
}

/* Everything up to WIRE_START. */
static int set_up(struct engine *engine)
{
    for (;;) {
        struct wire_message message;
        int fds[WIRE_FDS_MOST];
        size_t count;
        int got = wire_receive(engine->channel, &message, fds, &count);
        if (got <= 0)
            return got < 0 ? got : -EPIPE;
        if (message.kind == WIRE_START)
            return 0;
        int failure = obey(engine, &message, fds, count);
        if (failure)
            return failure;
    }
}

static int start_threads(struct engine *engine)
{
    for (size_t i = 0; i < engine->thread_count; i++) {
        int failure = thread_start(&engine->threads[i], engine->bell);
        if (failure)
            return failure;
        engine->running++;
    }
    return 0;
}

/* ---- serving ------------------------------------------------------------------------------------------------------- */

static void tell_all(struct engine *engine, uint32_t notes)
{
    for (size_t i = 0; i < engine->running; i++)
        thread_tell(&engine->threads[i], notes);
}

static void begin_to_drain(struct engine *engine)
{
    if (engine->draining)
        return;
    engine->draining = true;
    engine->drain_deadline = clock_steady() + engine->plan->timeouts.drain;
    tell_all(engine, THREAD_DRAIN);
}

static void stop(struct engine *engine)
{
    engine->stopped = true;
    tell_all(engine, THREAD_STOP);
}

/* A message from the keeper while serving. */
static void hear(struct engine *engine)
{
    struct wire_message message;
    int fds[WIRE_FDS_MOST];
    size_t count;
    int got = wire_receive(engine->channel, &message, fds, &count);
    if (got == 0 || got == -ECONNRESET || (got > 0 && message.kind == WIRE_STOP)) {
        /* Without its keeper an engine would be a process that nobody can stop or reload. */
        stop(engine);
    } else if (got < 0) {
        log_error("a message from the keeper was lost: %s", strerror(-got));
    } else if (message.kind == WIRE_DRAIN) {
        begin_to_drain(engine);
    } else if (obey(engine, &message, fds, count) != 0) {
        log_error("the keeper sent a message that this engine does not know (%u)", message.kind);
    }
}

/* Milliseconds until the drain deadline; for ever as long as there is none. */
static int patience(const struct engine *engine)
{
    return !engine->draining || engine->stopped ? -1 : clock_patience(engine->drain_deadline - clock_steady());
}

/* Threads ring when they end. */
static void count_ended(struct engine *engine)
{
    eventfd_t rings = 0;
    if (eventfd_read(engine->bell, &rings) == 0)
        engine->ended += rings;
}

static void serve(struct engine *engine)
{
    while (engine->ended < engine->running) {
        struct pollfd wake[] = {
            {.fd = engine->bell, .events = POLLIN},
            {.fd = engine->stopped ? -1 : engine->channel, .events = POLLIN},
        };
        poll(wake, ARRAY_LENGTH(wake), patience(engine));
        if (wake[0].revents)
            count_ended(engine);
        if (wake[1].revents)
            hear(engine);
        if (engine->draining && !engine->stopped && clock_steady() >= engine->drain_deadline)
            stop(engine);
    }
    for (size_t i = 0; i < engine->running; i++)
        thread_join(&engine->threads[i]);
}

/* A terminal's Ctrl-C and a service manager's TERM reach every process of a program. What they mean is for the keeper to
 * say; when it is gone, the channel ends. */
static void leave_signals_to_the_keeper(void)
{
    static const int theirs[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < ARRAY_LENGTH(theirs); i++)
        signal(theirs[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); /* splice(2) has no flag for it */
}

int engine_run(int channel, const struct plan *plan)
{
    struct engine engine;
    leave_signals_to_the_keeper();
    log_set_stamped(strcmp(plan->log.errors, "stderr") != 0);
    int failure = init(&engine, channel, plan);
    if (!failure)
        failure = set_up(&engine);
    if (!failure) {
        failure = powers_become(plan->user);
        if (failure)
            log_error("user %s: %s", plan->user, strerror(-failure));
    }
    if (!failure)
        failure = start_threads(&engine);
    if (!failure)
        failure = wire_send(channel, WIRE_READY, 0, NULL, 0);
    if (failure) {
        log_error("the engine cannot start: %s", strerror(-failure));
        stop(&engine); /* those threads that run */
    }
    serve(&engine);
    fini(&engine);
    return failure ? 1 : 0;
}
