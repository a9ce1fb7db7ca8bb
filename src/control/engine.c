#include "control/engine.h"

#include "base/log.h"
#include "control/budget.h"
#include "control/common.h"
#include "control/engine_pins.h"
#include "control/engine_workers.h"
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
#include <sys/random.h>
#include <unistd.h>

struct engine {
    int channel;
    const struct plan *plan;
    struct share share;
    struct sink *errors;
    struct sticks *sticks;
    struct pins_shared pins;
    struct ranking *ranking;
    struct thread *threads;
    size_t thread_count;
    size_t running; /* threads that were started */
    int bell;       /* eventfd: a thread that drains has settled, or is empty */
    bool draining;
    bool settled; /* ... and every connection has its server */
    bool stopped;
    bool alone; /* the keeper is gone */
    micros drain_deadline;
    struct common common;
    struct door *doors; /* what the workers' own listen() opened */
};

/* A listener of which only the name is its own. */
struct door {
    struct door *next;
    struct plan_listener listener;
    char name[];
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
    engine->share.thread_count = plan->threads;
    engine->share.threads = calloc(plan->threads, sizeof(*engine->share.threads));
    size_t descriptors = powers_raise_nofile();
    engine->share.pipes_per_thread = budget_pipes(plan, descriptors);
    engine->sticks = sticks_new(plan);
    engine->share.sticks = engine->sticks;
    if (getrandom(&engine->share.via, sizeof(engine->share.via), 0) < 0)
        engine->share.via = (uint32_t)clock_wall();
    engine->share.limits = limits_new(plan, budget_connections(plan, descriptors));
    engine->share.crowd_quiet = calloc(plan->listener_count, sizeof(micros));
    bool whole =
        engine->ranking && engine->sticks && engine->share.threads && engine->share.limits && engine->share.crowd_quiet;
    return whole ? 0 : -ENOMEM;
}

static int take_pins(struct engine *engine)
{
    if (!engine->common.pins)
        return 0;
    engine->share.pins = &engine->pins;
    int failure =
        pins_shared_init(&engine->pins, engine->plan, engine->ranking, engine->common.pins, engine->common.breakers);
    engine->pins.states = engine->common.states;
    return failure;
}

static int take_common(struct engine *engine, int fd)
{
    int failure = common_take(&engine->common, engine->plan, fd);
    close(fd);
    engine->share.states = engine->common.states;
    engine->share.counters = engine->common.counters;
    return failure ? failure : take_pins(engine);
}

/* For the crossover table in docs/speed.md; not for users. */
static void choose_splicing(struct carry_kit *kit)
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
        int failure = thread_init(thread, &engine->share, i, engine->bell);
        if (failure)
            return failure;
        choose_splicing(&thread->context.kit);
        engine_workers_init(thread, &engine->channel);
        engine->share.threads[i].context = &thread->context;
        engine->thread_count++;
    }
    return 0;
}

static int init(struct engine *engine, int channel, const struct plan *plan)
{
    *engine = (struct engine){.channel = channel, .plan = plan, .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (engine->bell < 0)
        return -errno;
    return make_share(engine);
}

static void fini(struct engine *engine)
{
    for (size_t i = 0; i < engine->thread_count; i++)
        thread_fini(&engine->threads[i]);
    free(engine->threads);
    free(engine->share.threads);
    while (engine->doors) {
        struct door *door = engine->doors;
        engine->doors = door->next;
        free(door);
    }
    common_fini(&engine->common);
    if (engine->bell >= 0)
        close(engine->bell);
    sink_free(engine->share.access);
    log_set_writer(NULL, NULL);
    sink_free(engine->errors);
    limits_free(engine->share.limits);
    sticks_free(engine->sticks);
    pins_shared_fini(&engine->pins);
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

/* The rules of the listener that the plan names, under the name of the address where a worker wants to listen. */
static const struct plan_listener *make_door(struct engine *engine, const struct wire_message *message)
{
    const struct plan_listener *rules = &engine->plan->listeners[message->number];
    if (message->length == 0)
        return rules;
    struct door *door = malloc(sizeof(*door) + message->length + 1);
    if (!door)
        return NULL;
    door->listener = *rules;
    door->listener.name = strcpy(door->name, message->text);
    door->next = engine->doors;
    engine->doors = door;
    return &door->listener;
}

static int hand_out(struct engine *engine, size_t thread, const struct plan_listener *listener,
                    const struct wire_message *message, int fd)
{
    struct thread *to = &engine->threads[thread];
    if (engine->running > 0)
        return engine_workers_listen(to, listener, message->number, message->door, fd);
    return thread_listen(to, listener, message->number, message->door, fd);
}

/* One socket for each thread, or one that all share (a Unix socket; the kernel wakes one of them). */
static int take_listener(struct engine *engine, const struct wire_message *message, const int *fds, size_t count)
{
    bool known = message->number < engine->plan->listener_count && message->door < SERVER_DOORS;
    const struct plan_listener *listener = known ? make_door(engine, message) : NULL;
    int failure = !known ? -EPROTO : listener ? 0 : -ENOMEM;
    for (size_t i = 0; i < engine->thread_count; i++) {
        int fd = count == engine->thread_count || i == 0 ? fds[i] : dup(fds[0]);
        if (!failure)
            failure = fd < 0 ? -errno : hand_out(engine, i, listener, message, fd);
    }
    return failure;
}

static int begin_threads(struct engine *engine, const int *fds, size_t count)
{
    int failure = count == 1 && !engine->share.states ? take_common(engine, fds[0]) : -EPROTO;
    return failure ? failure : make_threads(engine);
}

static int unpin(struct engine *engine, const struct wire_message *message)
{
    if (engine->thread_count == 0)
        return -EPROTO;
    return message->kind == WIRE_UNPIN ? engine_pins_unpin(&engine->threads[0], message)
                                       : engine_pins_unpin_server(&engine->pins, message);
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
    case WIRE_COMMON:
        return begin_threads(engine, fds, count);
    case WIRE_LISTENER:
        return count > 0 ? take_listener(engine, message, fds, count) : -EPROTO;
    case WIRE_UNLISTEN:
        for (size_t i = 0; i < engine->thread_count; i++)
            if (engine_workers_tell(&engine->threads[i], engine->plan, message, fds, 0) != 0)
                return -ENOMEM;
        return 0;
    case WIRE_UNPIN:
    case WIRE_UNPIN_SERVER:
        return unpin(engine, message);
    case WIRE_WORKER:
    case WIRE_WORKER_GONE:
    case WIRE_WORKER_LEAVE:
    case WIRE_WORKER_DOOR:
    case WIRE_MAY_LISTEN:
        if (engine->thread_count == 0)
            return -EPROTO;
        return engine_workers_tell(&engine->threads[message->number % engine->thread_count], engine->plan, message, fds,
                                   count);
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

/* Who waits at a listener is decided at once, by a thread that does not know the workers of another one yet: it would lead
 * to strangers whoever is at home with those. So all of them are there before the first thread runs. */
static int start_threads(struct engine *engine)
{
    for (size_t i = 0; i < engine->thread_count; i++)
        mailbox_open(&engine->threads[i].mailbox);
    for (size_t i = 0; i < engine->thread_count; i++) {
        int failure = thread_start(&engine->threads[i]);
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

/* Without its keeper an engine would be a process that nobody can stop or reload. Workers are let finish what they have;
 * they would lose it with the end of their channel. */
static void go_on_alone(struct engine *engine)
{
    engine->alone = true;
    if (engine->plan->worker_count == 0)
        stop(engine);
    else {
        tell_all(engine, THREAD_ALONE);
        begin_to_drain(engine);
    }
}

/* A message from the keeper while serving. */
static void hear(struct engine *engine)
{
    struct wire_message message;
    int fds[WIRE_FDS_MOST];
    size_t count;
    int got = wire_receive(engine->channel, &message, fds, &count);
    if (got == 0 || got == -ECONNRESET) {
        go_on_alone(engine);
    } else if (got > 0 && message.kind == WIRE_STOP) {
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

static bool is_everywhere(const struct engine *engine, bool (*is)(const struct thread *thread))
{
    for (size_t i = 0; i < engine->running; i++)
        if (!is(&engine->threads[i]))
            return false;
    return true;
}

static bool is_settled(const struct thread *thread)
{
    return __atomic_load_n(&thread->settled, __ATOMIC_ACQUIRE);
}

static bool is_empty(const struct thread *thread)
{
    return __atomic_load_n(&thread->empty, __ATOMIC_ACQUIRE);
}

/* Nobody waits for a worker any more: now the workers may be told to finish. The keeper sees to it that they do. */
static void note_settled(struct engine *engine)
{
    if (!engine->draining || engine->settled || !is_everywhere(engine, is_settled))
        return;
    engine->settled = true;
    tell_all(engine, THREAD_LEAVE);
    if (!engine->alone && wire_send(engine->channel, WIRE_SETTLED, 0, NULL, 0) != 0)
        log_debug("the keeper does not hear");
}

static void end_threads(struct engine *engine)
{
    tell_all(engine, THREAD_END);
    for (size_t i = 0; i < engine->running; i++)
        thread_join(&engine->threads[i]);
}

static void serve(struct engine *engine)
{
    while (!is_everywhere(engine, is_empty)) {
        struct pollfd wake[] = {
            {.fd = engine->bell, .events = POLLIN},
            {.fd = engine->stopped || engine->alone ? -1 : engine->channel, .events = POLLIN},
        };
        poll(wake, ARRAY_LENGTH(wake), patience(engine));
        eventfd_t rings;
        if (wake[0].revents)
            (void)!eventfd_read(engine->bell, &rings);
        if (wake[1].revents)
            hear(engine);
        note_settled(engine);
        if (engine->draining && !engine->stopped && clock_steady() >= engine->drain_deadline)
            stop(engine);
    }
    end_threads(engine);
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
    if (!failure) {
        /* Before anything is connected to: what root may reach once is no use when it has to be reached again. */
        failure = powers_become(plan->user);
        if (failure)
            log_error("user %s: %s", plan->user, strerror(-failure));
    }
    if (!failure)
        failure = set_up(&engine);
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
