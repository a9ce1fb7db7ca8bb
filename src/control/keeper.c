#include "control/keeper.h"

#include "base/log.h"
#include "control/budget.h"
#include "control/posts.h"
#include "control/powers.h"
#include "control/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An engine that dies right after its start is started again ever more slowly. Not one that lived a second: a start takes
 * milliseconds, and while none is running the newcomers pile up, all of whom the next death would hit. */
#define RESTART_FIRST (50 * (micros)MILLIS_IN_MICROS)
#define RESTART_MOST (5 * (micros)SECOND_IN_MICROS)
#define LIVED_LONG_ENOUGH ((micros)SECOND_IN_MICROS)

/* An engine keeps its own deadlines. One that is so much late does not hear. */
#define GRACE (2 * (micros)SECOND_IN_MICROS)

struct keeper {
    const struct keeper_config *config;
    struct posts posts;
    int access_log; /* -1: off */
    int error_log;  /* -1: standard error */
    int signals;
    bool on_terminal;
    bool draining;  /* asked to stop once */
    micros kill_at; /* an engine that is still there then hangs; 0: no such time */
    pid_t engine;   /* 0: none is running */
    int channel;    /* -1: none */
    bool ready;     /* this engine accepts */
    bool was_ready; /* some engine did: from now on, one that dies is started again */
    micros started;
    micros restart_at; /* 0: not waiting */
    micros restart_pause;
};

static const struct plan *plan_of(const struct keeper *keeper)
{
    return keeper->config->plan;
}

/* ---- what the engine is told --------------------------------------------------------------------------------------- */

/* How many descriptors may be under way is counted per user, and other processes of his may have filled that just now
 * (unix(7), ETOOMANYREFS). They will be received; so long is waited for it, in so many steps. */
#define TELL_PAUSE_NANOS (2 * 1000 * 1000)
#define TELL_TRIES 250

static int tell(struct keeper *keeper, enum wire_kind kind, uint32_t number, const int *fds, size_t count)
{
    int failure = wire_send(keeper->channel, kind, number, fds, count);
    for (int i = 1; failure == -ETOOMANYREFS && i < TELL_TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = TELL_PAUSE_NANOS}, NULL);
        failure = wire_send(keeper->channel, kind, number, fds, count);
    }
    return failure;
}

/* ---- logs ---------------------------------------------------------------------------------------------------------- */

/* Returns a descriptor of our own for this log, -1 for "off" or standard error, or below that a negative errno. */
static int open_log(const char *where)
{
    if (strcmp(where, "off") == 0)
        return -1;
    int fd = strcmp(where, "stdout") == 0   ? dup(STDOUT_FILENO)
             : strcmp(where, "stderr") == 0 ? dup(STDERR_FILENO)
                                            : powers_open_log(where);
    if (fd == -1)
        fd = -errno;
    if (fd < 0)
        log_error("log %s: %s", where, strerror(-fd));
    return fd < 0 ? -EIO : fd;
}

static int open_logs(struct keeper *keeper)
{
    keeper->access_log = open_log(plan_of(keeper)->log.access);
    keeper->error_log = open_log(plan_of(keeper)->log.errors);
    return keeper->access_log < -1 || keeper->error_log < -1 ? -EIO : 0;
}

static int send_logs(struct keeper *keeper)
{
    int failure = 0;
    if (keeper->access_log >= 0)
        failure = tell(keeper, WIRE_ACCESS_LOG, 0, &keeper->access_log, 1);
    if (!failure && keeper->error_log >= 0)
        failure = tell(keeper, WIRE_ERROR_LOG, 0, &keeper->error_log, 1);
    return failure;
}

static void replace(int *fd, int fresh)
{
    if (fresh < -1)
        log_error("the old log file is still written to");
    if (fresh < 0)
        return;
    if (*fd >= 0)
        close(*fd);
    *fd = fresh;
}

/* The keeper's own messages go where the engine's go. */
static void write_own(void *context, const char *line, size_t length)
{
    const struct keeper *keeper = context;
    log_put(keeper->error_log, line, length);
}

static void reopen_logs(struct keeper *keeper)
{
    replace(&keeper->access_log, open_log(plan_of(keeper)->log.access));
    replace(&keeper->error_log, open_log(plan_of(keeper)->log.errors));
    if (keeper->channel >= 0 && send_logs(keeper) != 0)
        log_error("the engine did not take the reopened logs");
}

/* ---- engine -------------------------------------------------------------------------------------------------------- */

static int send_everything(struct keeper *keeper)
{
    int failure = tell(keeper, WIRE_BUNDLE, 0, &keeper->config->bundle, 1);
    if (!failure)
        failure = send_logs(keeper);
    for (size_t i = 0; i < keeper->posts.count && !failure; i++) {
        const struct post *post = &keeper->posts.all[i];
        failure = tell(keeper, WIRE_LISTENER, (uint32_t)post->listener, post->fds, post->count);
    }
    return failure ? failure : tell(keeper, WIRE_START, 0, NULL, 0);
}

static void close_channel(struct keeper *keeper)
{
    if (keeper->channel >= 0)
        close(keeper->channel);
    keeper->channel = -1;
    keeper->ready = false;
}

static int spawn_engine(struct keeper *keeper)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    struct powers_spawn spawn = {
        .arguments = keeper->config->engine_arguments, .standard_output = -1, .standard_error = -1, .channel = ends[1]};
    int failure = powers_spawn_self(&spawn, &keeper->engine);
    close(ends[1]);
    keeper->channel = ends[0];
    if (failure) {
        keeper->engine = 0;
        close_channel(keeper);
    }
    return failure;
}

static int start_engine(struct keeper *keeper)
{
    keeper->started = clock_steady();
    keeper->restart_at = 0;
    int failure = spawn_engine(keeper);
    if (failure) {
        log_error("the engine cannot be started: %s", strerror(-failure));
        return failure;
    }
    failure = send_everything(keeper);
    if (failure) {
        /* It sees the end of its channel and ends, if it is not dead already; its end is what starts the next one. */
        log_error("the engine did not take its orders: %s", strerror(-failure));
        close_channel(keeper);
        return 0;
    }
    /* From now on an engine that hears nothing must not hold up who is to end it. */
    (void)fcntl(keeper->channel, F_SETFL, O_NONBLOCK);
    return 0;
}

static void plan_restart(struct keeper *keeper)
{
    micros now = clock_steady();
    if (now - keeper->started >= LIVED_LONG_ENOUGH)
        keeper->restart_pause = 0;
    keeper->restart_at = now + keeper->restart_pause;
    keeper->restart_pause = keeper->restart_pause ? keeper->restart_pause * 2 : RESTART_FIRST;
    if (keeper->restart_pause > RESTART_MOST)
        keeper->restart_pause = RESTART_MOST;
}

static void say_how_it_died(pid_t pid, int status, const char *what_now)
{
    if (WIFSIGNALED(status))
        log_error("the engine (process %d) was killed by signal %d (%s); %s", (int)pid, WTERMSIG(status),
                  strsignal(WTERMSIG(status)), what_now);
    else
        log_error("the engine (process %d) ended with status %d; %s", (int)pid, WEXITSTATUS(status), what_now);
}

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
    keeper->ready = true;
    for (size_t i = 0; i < keeper->posts.count && !keeper->was_ready; i++)
        log_notice("listening on %s", keeper->posts.all[i].address->text);
    log_notice(keeper->was_ready ? "ready again" : "ready");
    if (!keeper->was_ready)
        say_how_many(plan_of(keeper));
    keeper->was_ready = true;
}

static void hear(struct keeper *keeper)
{
    struct wire_message message;
    int fds[WIRE_FDS_MOST];
    size_t count;
    int got = wire_receive(keeper->channel, &message, fds, &count);
    for (size_t i = 0; got > 0 && i < count; i++)
        close(fds[i]);
    if (got > 0 && message.kind == WIRE_READY)
        say_ready(keeper);
    else if (got <= 0 && got != -EAGAIN)
        close_channel(keeper);
}

/* ---- signals ------------------------------------------------------------------------------------------------------- */

static void ask_to_end(struct keeper *keeper)
{
    bool again = keeper->draining;
    keeper->draining = true;
    keeper->kill_at = clock_steady() + (again ? 0 : plan_of(keeper)->timeouts.drain) + GRACE;
    log_notice(again ? "stopping now" : "draining: no new connections; a second signal stops at once");
    /* The engine's copy of each socket must be the last to close: it takes in those in the backlog before it does. */
    posts_close(&keeper->posts);
    if (keeper->channel >= 0 && tell(keeper, again ? WIRE_STOP : WIRE_DRAIN, 0, NULL, 0) != 0)
        log_error("the engine did not take the order");
}

/* Returns true, with *status, when the engine's end is the end of limpet. */
static bool engine_ended(struct keeper *keeper, int wait_status, int *status)
{
    pid_t pid = keeper->engine;
    keeper->engine = 0;
    close_channel(keeper);
    if (keeper->draining) {
        *status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1;
        if (*status != 0 && keeper->kill_at != 0)
            say_how_it_died(pid, wait_status, "whom it was still carrying is lost");
        return true;
    }
    if (!keeper->was_ready) {
        log_error("the engine could not start");
        *status = 1;
        return true;
    }
    say_how_it_died(pid, wait_status, "a new one is started");
    plan_restart(keeper);
    return false;
}

static bool reap(struct keeper *keeper, int *status)
{
    bool over = false;
    int wait_status;
    for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;)
        if (pid == keeper->engine)
            over = engine_ended(keeper, wait_status, status);
    return over;
}

/* Returns true, with *status, when it is time to go. */
static bool take_signal(struct keeper *keeper, int *status)
{
    struct signalfd_siginfo info;
    if (read(keeper->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return false;
    switch (info.ssi_signo) {
    case SIGCHLD:
        return reap(keeper, status);
    case SIGHUP:
        if (keeper->on_terminal)
            ask_to_end(keeper);
        else
            log_warning(
                "HUP: reload is not in this version; the old configuration serves on. Restart to read a new one");
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
    /* Stopped while no engine was running. */
    *status = 0;
    return keeper->draining && keeper->engine == 0;
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
    keeper->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (keeper->signals >= 0)
        return 0;
    int failure = -errno;
    log_error("signals cannot be watched: %s", strerror(-failure));
    return failure;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static bool is_due(micros deadline)
{
    return deadline != 0 && clock_steady() >= deadline;
}

/* Milliseconds until there is something to do. */
static int patience(const struct keeper *keeper)
{
    micros next = keeper->draining ? keeper->kill_at : keeper->restart_at;
    return next == 0 ? -1 : clock_patience(next - clock_steady());
}

static void kill_engine(struct keeper *keeper)
{
    keeper->kill_at = 0;
    if (keeper->engine <= 0)
        return;
    log_error("the engine (process %d) does not end by itself; it is killed", (int)keeper->engine);
    kill(keeper->engine, SIGKILL);
}

static void restart_engine(struct keeper *keeper)
{
    if (start_engine(keeper) != 0)
        plan_restart(keeper);
}

static int watch(struct keeper *keeper)
{
    for (;;) {
        struct pollfd wake[] = {
            {.fd = keeper->signals, .events = POLLIN},
            {.fd = keeper->channel, .events = POLLIN},
        };
        poll(wake, ARRAY_LENGTH(wake), patience(keeper));
        int status = 0;
        if (wake[1].revents)
            hear(keeper);
        if (wake[0].revents && take_signal(keeper, &status))
            return status;
        if (is_due(keeper->kill_at))
            kill_engine(keeper);
        else if (!keeper->draining && is_due(keeper->restart_at))
            restart_engine(keeper);
    }
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

static int start(struct keeper *keeper)
{
    int failure = check_descriptors(plan_of(keeper));
    if (!failure)
        failure = check_user(plan_of(keeper)->user);
    if (!failure)
        failure = watch_signals(keeper);
    if (!failure)
        failure = open_logs(keeper);
    if (!failure)
        failure = posts_open(&keeper->posts, plan_of(keeper));
    /* From here on messages go where they are configured to; whoever starts limpet sees what was wrong until now. */
    if (!failure && strcmp(plan_of(keeper)->log.errors, "stderr") != 0) {
        log_set_writer(write_own, keeper);
        log_set_stamped(true);
    }
    return failure ? failure : start_engine(keeper);
}

int keeper_run(const struct keeper_config *config)
{
    struct keeper keeper = {.config = config,
                            .access_log = -1,
                            .error_log = -1,
                            .signals = -1,
                            .channel = -1,
                            .on_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1};
    int status = start(&keeper) == 0 ? watch(&keeper) : 1;
    posts_close(&keeper.posts);
    close_channel(&keeper);
    log_set_writer(NULL, NULL);
    int own[] = {keeper.access_log, keeper.error_log, keeper.signals, config->bundle};
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
        if (own[i] >= 0)
            close(own[i]);
    return status;
}
