/* The powers that start processes. */

#include "control/powers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL 3

/* The running file by its name, so that tools which watch a program can follow it; by its link when that name leads to
 * another file by now (the link then reads "... (deleted)", which does not exist). */
static void execute_self(const char *const *arguments)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length > 0) {
        path[length] = '\0';
        execv(path, (char *const *)arguments);
    }
    execv("/proc/self/exe", (char *const *)arguments);
}

/* In the child, between fork and exec: nothing but system calls. */
static void become_child(const struct powers_spawn *spawn, pid_t parent)
{
    /* An engine lets them through when it has said that they are not for it; until then they wait. */
    sigset_t waiting;
    sigemptyset(&waiting);
    if (spawn->channel >= 0) {
        sigaddset(&waiting, SIGTERM);
        sigaddset(&waiting, SIGINT);
        sigaddset(&waiting, SIGHUP);
    }
    sigprocmask(SIG_SETMASK, &waiting, NULL);
    if (spawn->bound && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
        _exit(127);
    if (spawn->standard_output >= 0 && dup2(spawn->standard_output, STDOUT_FILENO) < 0)
        _exit(127);
    if (spawn->standard_error >= 0 && dup2(spawn->standard_error, STDERR_FILENO) < 0)
        _exit(127);
    if (spawn->channel == CHANNEL)
        fcntl(CHANNEL, F_SETFD, 0);
    else if (spawn->channel >= 0 && dup2(spawn->channel, CHANNEL) < 0)
        _exit(127);
    execute_self(spawn->arguments);
    _exit(127);
}

int powers_spawn_self(const struct powers_spawn *spawn, pid_t *pid)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0)
        become_child(spawn, parent);
    *pid = child;
    return 0;
}

/* ---- commands of the operator's -------------------------------------------------------------------------------------- */

/* What a child tells its parent when it cannot become the command: at which step, and why. */
struct failure {
    int step;
    int error;
};

enum spawn_step { SPAWN_CHANNELS, SPAWN_LIMITS, SPAWN_USER, SPAWN_DIRECTORY, SPAWN_EXECUTE };

static const char *const step_names[] = {
    [SPAWN_CHANNELS] = "passing its descriptors",
    [SPAWN_LIMITS] = "setting its limits (`ulimit -Ha` shows what they may be)",
    [SPAWN_USER] = "becoming its user",
    [SPAWN_DIRECTORY] = "entering its directory",
    [SPAWN_EXECUTE] = "executing it",
};

/* The numbers from 3 on may be taken by what is to be passed, so everything is moved up first. */
static int pass_channels(const struct powers_command *command, int *report)
{
    int high[POWERS_CHANNELS_MOST];
    const int above = POWERS_FIRST_CHANNEL + POWERS_CHANNELS_MOST;
    const int moved = fcntl(*report, F_DUPFD_CLOEXEC, above);
    if (moved < 0)
        return -errno; /* said by the old one */
    *report = moved;
    for (size_t i = 0; i < command->channel_count; i++)
        high[i] = fcntl(command->channels[i], F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < command->channel_count; i++)
        if (high[i] < 0 || dup2(high[i], POWERS_FIRST_CHANNEL + (int)i) < 0)
            return -errno;
    return 0;
}

static int set_streams(const struct powers_command *command)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0)
        dup2(nothing, STDIN_FILENO);
    if (command->standard_output >= 0 && dup2(command->standard_output, STDOUT_FILENO) < 0)
        return -errno;
    if (command->standard_error >= 0 && dup2(command->standard_error, STDERR_FILENO) < 0)
        return -errno;
    return 0;
}

static int set_limit(int resource, rlim_t limit)
{
    struct rlimit limits = {limit, limit};
    return limit != RLIM_INFINITY && setrlimit((__rlimit_resource_t)resource, &limits) < 0 ? -errno : 0;
}

static int set_limits(const struct powers_command *command)
{
    int failure = 0;
    if (command->open_files != RLIM_INFINITY)
        failure = set_limit(RLIMIT_NOFILE, command->open_files);
    else
        powers_restore_nofile();
    if (!failure)
        failure = set_limit(RLIMIT_NPROC, command->processes);
    return failure ? failure : set_limit(RLIMIT_CORE, command->core);
}

static void restore_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static enum spawn_step become_command(const struct powers_command *command, int *report, int *error)
{
    setpgid(0, 0);
    /* First the streams: they may have numbers that become those of channels. */
    *error = -set_streams(command);
    if (!*error)
        *error = -pass_channels(command, report);
    if (*error)
        return SPAWN_CHANNELS;
    *error = -set_limits(command);
    if (*error)
        return SPAWN_LIMITS;
    *error = -powers_change_user(command->user);
    if (*error)
        return SPAWN_USER;
    if (command->directory && chdir(command->directory) < 0) {
        *error = errno;
        return SPAWN_DIRECTORY;
    }
    restore_signals();
    execvpe(command->arguments[0], (char *const *)command->arguments, (char *const *)command->environment);
    *error = errno;
    return SPAWN_EXECUTE;
}

/* The pipe closes when the command is executed. */
static int read_failure(int pipe, const char **step)
{
    struct failure failure;
    ssize_t got;
    do
        got = read(pipe, &failure, sizeof(failure));
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(failure))
        return 0;
    *step = step_names[failure.step];
    return -failure.error;
}

int powers_spawn_command(const struct powers_command *command, pid_t *pid, const char **step)
{
    int pipe[2];
    *step = "making its process";
    if (pipe2(pipe, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        struct failure failure;
        failure.step = (int)become_command(command, &pipe[1], &failure.error);
        (void)!write(pipe[1], &failure, sizeof(failure));
        _exit(127);
    }
    int failure = child < 0 ? -errno : 0;
    close(pipe[1]);
    if (!failure)
        failure = read_failure(pipe[0], step);
    close(pipe[0]);
    *pid = child;
    if (failure && child > 0)
        waitpid(child, NULL, 0);
    return failure;
}
