#include "control/keeper.h"

#include "base/log.h"
#include "control/budget.h"
#include "control/common.h"
#include "control/engine_process.h"
#include "control/logs.h"
#include "control/operator.h"
#include "control/pins_saver.h"
#include "control/posts.h"
#include "control/powers.h"
#include "control/preload.h"
#include "control/workers.h"
#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* An engine keeps its own deadlines. One that is so much late does not hear. */
#define GRACE (2 * (micros)SECOND_IN_MICROS)

struct keeper {
    const struct keeper_config *config;
    struct loop loop;
    struct posts posts;
    struct logs logs;
    struct engine_process engine;
    struct workers workers;
    struct loop_source signals;
    struct operator operator;
    struct timer kill; /* an engine that is still there then hangs */
    bool late;         /* ... and was killed */
    struct common common;
    int common_fd;
    struct pins_saver pins;
    micros began;
    bool on_terminal;
    bool draining; /* asked to stop once */
    micros drain_deadline;
    int status; /* what to end with */
};

static const struct plan *plan_of(const struct keeper *keeper)
{
    return keeper->config->plan;
}

/* ---- what the engine is told ---------------------------------------------------------------------------------------- */

static int send_logs(struct keeper *keeper)
{
    int failure = 0;
    if (keeper->logs.access >= 0)
        failure = engine_process_say(&keeper->engine, WIRE_ACCESS_LOG, 0, &keeper->logs.access, 1);
    if (!failure && keeper->logs.errors >= 0)
        failure = engine_process_say(&keeper->engine, WIRE_ERROR_LOG, 0, &keeper->logs.errors, 1);
    return failure;
}

static int brief(void *context)
{
    struct keeper *keeper = context;
    struct engine_process *engine = &keeper->engine;
    int failure = engine_process_say(engine, WIRE_BUNDLE, 0, &keeper->config->bundle, 1);
    if (!failure)
        failure = engine_process_say(engine, WIRE_COMMON, 0, &keeper->common_fd, 1);
    if (!failure)
        failure = send_logs(keeper);
    for (size_t i = 0; i < keeper->posts.count && !failure; i++) {
        const struct post *post = &keeper->posts.all[i];
        failure = engine_process_say(engine, WIRE_LISTENER, (uint32_t)post->listener, post->fds, post->count);
    }
    if (!failure)
        failure = workers_brief(&keeper->workers);
    return failure ? failure : engine_process_say(engine, WIRE_START, 0, NULL, 0);
}

/* ---- what it says --------------------------------------------------------------------------------------------------- */

static void say_how_many(const struct plan *plan)
{
    size_t descriptors = powers_raise_nofile();
    uint32_t fit = budget_connections(plan, descriptors);
    if (fit < plan->limits.connections)
        log_notice(
            "room for %u connection%s at once, not for %u (`limits: connections`): a process may have %zu open files "
            "here; raise LimitNOFILE= or ulimit -Hn for more",
            fit, fit == 1 ? "" : "s", plan->limits.connections, descriptors);
}

static void say_ready(struct keeper *keeper)
{
    struct engine_process *engine = &keeper->engine;
    engine->ready = true;
    for (size_t i = 0; i < keeper->posts.count && !engine->was_ready; i++)
        log_notice("listening on %s", keeper->posts.all[i].address->text);
    log_notice(engine->was_ready ? "ready again" : "ready");
    if (!engine->was_ready)
        say_how_many(plan_of(keeper));
    engine->was_ready = true;
}

/* Nobody waits for a worker any more: they may finish what they have. */
static void let_workers_finish(struct keeper *keeper)
{
    micros left = keeper->drain_deadline - clock_steady();
    workers_stop(&keeper->workers, left > 0 ? left : 1);
}

static void hear(void *context, const struct wire_message *message)
{
    struct keeper *keeper = context;
    if (message->kind == WIRE_READY)
        say_ready(keeper);
    else if (message->kind == WIRE_SETTLED && keeper->draining)
        let_workers_finish(keeper);
    else
        workers_hear(&keeper->workers, message);
}

static const struct engine_calls engine_calls = {.brief = brief, .hear = hear};

/* ---- what the operator asks ------------------------------------------------------------------------------------------ */

static int open_operator(struct keeper *keeper)
{
    keeper->operator.status =(struct status){
        .plan = plan_of(keeper),
        .posts = &keeper->posts,
        .engine = &keeper->engine,
        .states = keeper->common.states,
        .counters = keeper->common.counters,
        .breakers = keeper->common.breakers,
        .pins = keeper->common.pins,
        .version = keeper->config->version,
        .began = keeper->began,
        .began_wall = clock_wall() - (clock_steady() - keeper->began),
        .room = budget_connections(plan_of(keeper), powers_raise_nofile()),
        .draining = &keeper->draining,
    };
    keeper->operator.breakers = keeper->common.breakers;
    int failure = pins_view_init(&keeper->operator.pins, plan_of(keeper), keeper->common.states, keeper->common.pins);
    if (failure)
        log_error("no memory for the names of the servers");
    return failure ? failure : operator_open(&keeper->operator, & keeper->workers, &keeper->loop);
}

/* ---- the end -------------------------------------------------------------------------------------------------------- */

/* limpet ends when the engine and all workers have. */
static void look_at_end(void *context)
{
    struct keeper *keeper = context;
    if (keeper->draining && keeper->engine.pid == 0 && list_is_empty(&keeper->workers.all))
        keeper->loop.stopping = true;
}

static void set_kill(struct keeper *keeper, micros patience)
{
    if (timer_set(&keeper->loop.timers, &keeper->kill, clock_steady() + patience) != 0)
        engine_process_kill(&keeper->engine);
}

static void kill_engine(struct timer *timer)
{
    struct keeper *keeper = container_of(timer, struct keeper, kill);
    keeper->late = true;
    engine_process_kill(&keeper->engine);
}

static void close_doors(struct keeper *keeper)
{
    /* The engine's copy of each socket must be the last to close: it takes in those in the backlog before it does. */
    keeper->workers.draining = true;
    posts_close(&keeper->posts);
    doors_fini(&keeper->workers.doors);
}

static void ask_to_end(struct keeper *keeper)
{
    bool again = keeper->draining;
    micros patience = again ? 0 : plan_of(keeper)->timeouts.drain;
    keeper->draining = true;
    keeper->drain_deadline = clock_steady() + patience;
    timer_clear(&keeper->loop.timers, &keeper->engine.restart);
    set_kill(keeper, patience + GRACE);
    log_notice(again ? "stopping now" : "draining: no new connections; a second signal stops at once");
    close_doors(keeper);
    bool told = keeper->engine.channel.fd >= 0;
    if (told && engine_process_say(&keeper->engine, again ? WIRE_STOP : WIRE_DRAIN, 0, NULL, 0) != 0)
        log_error("the engine did not take the order");
    if (again || !told)
        workers_stop(&keeper->workers, 0);
    look_at_end(keeper);
}

static void engine_ended(struct keeper *keeper, int wait_status)
{
    struct engine_process *engine = &keeper->engine;
    const char *what_now = "a new one is started";
    if (!keeper->draining && !engine->was_ready) {
        log_error("the engine could not start");
        engine_process_died(engine, wait_status, NULL);
        keeper->status = 1;
        keeper->draining = true;
        workers_stop(&keeper->workers, 0);
        return;
    }
    if (keeper->draining) {
        keeper->status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1;
        bool by_itself = keeper->status == 0 || keeper->late;
        what_now = by_itself ? NULL : "whom it was still carrying is lost";
    }
    engine_process_died(engine, wait_status, what_now);
    if (!keeper->draining) {
        workers_engine_died(&keeper->workers);
        engine_process_restart(engine);
    } else if (!keeper->workers.stopping) {
        workers_stop(&keeper->workers, 0);
    }
}

/* As process 1 it has orphans of everybody to bury. */
static void reap(struct keeper *keeper)
{
    int wait_status;
    for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;)
        if (pid == keeper->engine.pid)
            engine_ended(keeper, wait_status);
        else
            workers_reap(&keeper->workers, pid, wait_status);
    look_at_end(keeper);
}

/* ---- signals -------------------------------------------------------------------------------------------------------- */

static void reopen_logs(struct keeper *keeper)
{
    logs_reopen(&keeper->logs);
    if (keeper->engine.channel.fd >= 0 && send_logs(keeper) != 0)
        log_error("the engine did not take the reopened logs");
}

static void hang_up(struct keeper *keeper)
{
    if (keeper->on_terminal) {
        ask_to_end(keeper);
        return;
    }
    int failure = workers_reload(&keeper->workers);
    log_warning(failure == -EALREADY ? "HUP: the workers are being replaced already"
                : failure == -ENOTSUP
                    ? "HUP: reload is not in this version; the old configuration serves on. Restart to "
                      "read a new one"
                    : "HUP: the configuration is not read again in this version, only the workers are new");
}

static void take_signal(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct keeper *keeper = container_of(source, struct keeper, signals);
    struct signalfd_siginfo info;
    if (read(source->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGCHLD:
        reap(keeper);
        break;
    case SIGHUP:
        hang_up(keeper);
        break;
    case SIGUSR1:
        reopen_logs(keeper);
        break;
    case SIGUSR2:
        log_warning("USR2: upgrade is not in this version");
        break;
    default:
        ask_to_end(keeper);
        break;
    }
}

static int watch_signals(struct keeper *keeper)
{
    sigset_t set;
    sigemptyset(&set);
    static const int watched[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
    for (size_t i = 0; i < ARRAY_LENGTH(watched); i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is one that cannot be written */
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int failure = fd < 0 ? -errno : 0;
    loop_source_init(&keeper->signals, fd, take_signal);
    if (!failure)
        failure = loop_add(&keeper->loop, &keeper->signals, LOOP_READ);
    if (failure)
        log_error("signals cannot be watched: %s", strerror(-failure));
    return failure;
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

static int check_descriptors(const struct plan *plan)
{
    size_t descriptors = powers_raise_nofile();
    if (budget_connections(plan, descriptors) > 0)
        return 0;
    log_error("a process may have only %zu open files here, and limpet needs %zu for one connection; raise "
              "LimitNOFILE= or ulimit -Hn",
              descriptors, budget_reserved(plan, descriptors) + BUDGET_PER_CONNECTION);
    return -EMFILE;
}

/* The engine would find out too, but only after everything else was set up. */
static int check_user(const char *user)
{
    int failure = user ? powers_find_user(user) : 0;
    if (failure == -ENOENT)
        log_error("there is no user `%s` (`user` wants a name, not a number)", user);
    else if (failure)
        log_error("user `%s`: %s", user, strerror(-failure));
    return failure;
}

static int make_loop(struct keeper *keeper)
{
    int failure = loop_init(&keeper->loop);
    if (failure)
        log_error("no event loop can be made: %s", strerror(-failure));
    return failure;
}

static int make_common(struct keeper *keeper)
{
    keeper->common_fd = common_make(&keeper->common, plan_of(keeper));
    if (keeper->common_fd < 0)
        log_error("no memory for the state of the servers: %s", strerror(-keeper->common_fd));
    return keeper->common_fd < 0 ? keeper->common_fd : 0;
}

static int make_workers(struct keeper *keeper)
{
    int failure =
        workers_init(&keeper->workers, plan_of(keeper), &keeper->loop, &keeper->engine, keeper->common.states);
    keeper->workers.gone = look_at_end;
    keeper->workers.context = keeper;
    return failure;
}

static int start(struct keeper *keeper)
{
    const struct plan *plan = plan_of(keeper);
    int failure = check_descriptors(plan);
    if (!failure)
        failure = check_user(plan->user);
    if (!failure)
        failure = watch_signals(keeper);
    if (!failure)
        failure = logs_open(&keeper->logs, &plan->log);
    if (!failure)
        failure = posts_open(&keeper->posts, plan);
    if (!failure)
        failure = make_common(keeper);
    if (!failure)
        pins_saver_begin(&keeper->pins, &keeper->loop, plan, keeper->common.pins);
    if (!failure)
        failure = make_workers(keeper);
    if (!failure)
        failure = open_operator(keeper);
    /* From here on messages go where they are configured to; whoever starts limpet sees what was wrong until now. */
    if (!failure)
        logs_use(&keeper->logs);
    if (!failure)
        failure = workers_start(&keeper->workers);
    return failure ? failure : engine_process_start(&keeper->engine);
}

static void end(struct keeper *keeper)
{
    operator_close(&keeper->operator);
    posts_close(&keeper->posts);
    workers_fini(&keeper->workers);
    preload_forget();
    engine_process_fini(&keeper->engine);
    if (keeper->signals.fd >= 0)
        close(keeper->signals.fd);
    pins_saver_end(&keeper->pins);
    common_fini(&keeper->common);
    if (keeper->common_fd >= 0)
        close(keeper->common_fd);
    logs_close(&keeper->logs);
    close(keeper->config->bundle);
    loop_fini(&keeper->loop);
}

/* What was started before something failed is ended in order. */
static void give_up(struct keeper *keeper)
{
    keeper->draining = true;
    keeper->status = 1;
    workers_stop(&keeper->workers, 0);
    look_at_end(keeper);
}

int keeper_run(const struct keeper_config *config)
{
    struct keeper keeper = {.config = config,
                            .signals.fd = -1,
                            .common_fd = -1,
                            .logs = {.access = -1, .errors = -1},
                            .began = clock_steady(),
                            .on_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1};
    if (make_loop(&keeper) != 0)
        return 1;
    timer_init(&keeper.kill, kill_engine);
    list_init(&keeper.workers.all);
    engine_process_init(&keeper.engine, &keeper.loop, config->engine_arguments, &engine_calls, &keeper);
    if (start(&keeper) != 0)
        give_up(&keeper);
    loop_run(&keeper.loop, NULL, NULL);
    end(&keeper);
    return keeper.status;
}
