/* How a command of the operator's is started: with what it was given, and nothing else. */

#include "control/powers.h"

#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static const char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=given", NULL};

static char folder[64];
static char said[8192];

static int start(void **state)
{
    said[0] = '\0';
    setenv("PATH", "/usr/bin:/bin", 1); /* where commands are looked for */
    snprintf(folder, sizeof(folder), "%s/limpet-command-XXXXXX", P_tmpdir);
    return mkdtemp(folder) && chmod(folder, 0755) == 0 ? 0 : -1;
}

static int stop(void **state)
{
    return rmdir(folder);
}

static const char *const *script(const char *words)
{
    static const char *arguments[4] = {"sh", "-c", NULL, NULL};
    arguments[2] = words;
    return arguments;
}

static struct powers_command command_of(const char *words)
{
    return (struct powers_command){
        .arguments = script(words),
        .environment = environment,
        .standard_output = -1,
        .standard_error = -1,
        .open_files = RLIM_INFINITY,
        .processes = RLIM_INFINITY,
        .core = RLIM_INFINITY,
    };
}

static void read_said(int fd)
{
    size_t length = 0;
    for (ssize_t got; (got = read(fd, said + length, sizeof(said) - 1 - length)) > 0;)
        length += (size_t)got;
    said[length] = '\0';
    close(fd);
}

/* Starts it, reads what it prints and waits for its end; its exit status. */
static int run(struct powers_command *command)
{
    int out[2], status;
    pid_t pid;
    const char *step;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    command->standard_output = out[1];
    int failure = powers_spawn_command(command, &pid, &step);
    close(out[1]);
    assert_int_equal(failure, 0);
    read_said(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* It cannot become what it should: the errno, at this step; no process is left. */
static void assert_fails(const struct powers_command *command, int expected, const char *at)
{
    pid_t pid;
    const char *step = "";
    size_t before = loopback_open_count();
    assert_int_equal(powers_spawn_command(command, &pid, &step), expected);
    assert_memory_equal(step, at, strlen(at)); /* advice may follow */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(loopback_open_count(), before);
}

static void it_finds_its_arguments_and_its_environment_and_nothing_else(void **state)
{
    static const char *const arguments[] = {"sh", "-c", "echo \"$1|$2\"; exec env", "x", "a b", "", NULL};
    struct powers_command command = command_of("");
    command.arguments = arguments;
    setenv("SECRET", "1", 1);
    assert_int_equal(run(&command), 0);
    assert_memory_equal(said, "a b|\n", 5);
    assert_non_null(strstr(said, "WORD=given\n"));
    assert_null(strstr(said, "SECRET"));
    unsetenv("SECRET");
}

static void it_reads_nothing_and_prints_where_it_is_told_to(void **state)
{
    struct powers_command command = command_of("cat; echo error >&2; echo fine");
    int errors[2];
    char word[16] = "";
    assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
    command.standard_error = errors[1];
    assert_int_equal(run(&command), 0);
    close(errors[1]);
    assert_string_equal(said, "fine\n");
    assert_int_equal(read(errors[0], word, sizeof(word) - 1), 6);
    assert_string_equal(word, "error\n");
    close(errors[0]);
}

static bool is_kept(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* `ls` itself opens one. What whoever started us has left open is not ours to close. */
static void its_descriptors_are_its_streams_and_its_channels(void **state)
{
    struct powers_command command = command_of("for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                                               "test -e /proc/$$/fd/$n && echo -n $n,; done; exit 0");
    int pair[2], other[2];
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_int_equal(pipe2(other, O_CLOEXEC), 0);
    command.channels = (int[]){pair[0], other[1]};
    command.channel_count = 2;
    char expected[64] = "0,1,2,3,4,";
    for (int fd = 5; fd <= 20; fd++)
        if (is_kept(fd))
            snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%d,", fd);
    assert_int_equal(run(&command), 0);
    assert_string_equal(said, expected);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(other[i]);
    }
}

/* Whatever numbers they have here, each becomes what it should. */
static void its_channels_are_in_order_whatever_their_numbers_are(void **state)
{
    static const int numbers[][4] = {{4, 3, 5, 6}, {6, 5, 4, 3}, {30, 31, 3, 32}, {5, 30, 4, 3}, {30, 4, 31, 5}};
    int before[8];
    for (int fd = 3; fd < 8; fd++)
        before[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 50);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        int ends[4][2];
        pid_t pid;
        const char *step;
        char word[16];
        struct powers_command command = command_of("echo first >&3; echo second >&4; echo out; echo err >&2");
        for (int j = 0; j < 4; j++) {
            int made[2];
            assert_int_equal(pipe2(made, O_CLOEXEC), 0);
            ends[j][0] = fcntl(made[0], F_DUPFD_CLOEXEC, 60);
            ends[j][1] = fcntl(made[1], F_DUPFD_CLOEXEC, 60);
            close(made[0]);
            close(made[1]);
        }
        for (int j = 0; j < 4; j++)
            assert_int_equal(dup3(ends[j][1], numbers[i][j], O_CLOEXEC), numbers[i][j]);
        command.channels = numbers[i];
        command.channel_count = 2;
        command.standard_output = numbers[i][2];
        command.standard_error = numbers[i][3];
        int failure = powers_spawn_command(&command, &pid, &step);
        for (int j = 0; j < 4; j++) {
            close(numbers[i][j]);
            close(ends[j][1]);
        }
        assert_int_equal(failure, 0);
        waitpid(pid, NULL, 0);
        static const char *const words[] = {"first\n", "second\n", "out\n", "err\n"};
        for (int j = 0; j < 4; j++) {
            ssize_t got = read(ends[j][0], word, sizeof(word) - 1);
            word[got > 0 ? got : 0] = '\0';
            assert_string_equal(word, words[j]);
            close(ends[j][0]);
        }
    }
    for (int fd = 3; fd < 8; fd++)
        if (before[fd] >= 0) {
            dup3(before[fd], fd, O_CLOEXEC);
            close(before[fd]);
        }
}

static void it_starts_in_its_directory(void **state)
{
    struct powers_command command = command_of("pwd");
    command.directory = folder;
    assert_int_equal(run(&command), 0);
    said[strcspn(said, "\n")] = '\0';
    assert_string_equal(said, folder);
}

static void its_limits_are_hard_ones(void **state)
{
    struct powers_command command =
        command_of("ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc; grep 'Max processes' /proc/$$/limits");
    command.open_files = 77;
    command.core = 0;
    command.processes = 5000;
    assert_int_equal(run(&command), 0);
    assert_memory_equal(said, "77\n77\n0\n0\n", 10);
    assert_non_null(strstr(said, " 5000 "));
}

/* We take all we may have; a program that uses select(2) must not get such numbers. */
static void its_limit_of_open_files_is_what_ours_was_at_first(void **state)
{
    struct rlimit before, low;
    char expected[64];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){64, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    powers_raise_nofile();
    powers_raise_nofile();
    struct powers_command command = command_of("ulimit -n; ulimit -Hn");
    int status = run(&command);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, 0);
    snprintf(expected, sizeof(expected), "64\n%llu\n", (unsigned long long)before.rlim_max);
    assert_string_equal(said, expected);
}

static void it_leads_a_group_of_its_own(void **state)
{
    struct powers_command command = command_of("read -r _ _ _ _ group _ </proc/$$/stat; test $group = $$");
    assert_int_equal(run(&command), 0);
}

static void it_finds_all_signals_as_they_should_be(void **state)
{
    struct powers_command command = command_of("exec grep -E 'SigBlk|SigIgn' /proc/self/status");
    sigset_t all, before;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(sigprocmask(SIG_BLOCK, &all, &before), 0);
    int status = run(&command);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, 0);
    assert_string_equal(said, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void what_it_cannot_become_is_named(void **state)
{
    struct powers_command command = command_of("exit 0");
    command.directory = "/nowhere/at/all";
    assert_fails(&command, -ENOENT, "entering its directory");
    command = command_of("");
    command.arguments = (const char *const[]){"no-such-command-anywhere", NULL};
    assert_fails(&command, -ENOENT, "executing it");
    command.arguments = (const char *const[]){folder, NULL};
    assert_fails(&command, -EACCES, "executing it");
    command = command_of("exit 0");
    command.channels = (int[]){999};
    command.channel_count = 1;
    assert_fails(&command, -EBADF, "passing its descriptors");
    command = command_of("exit 0");
    command.standard_error = 999;
    assert_fails(&command, -EBADF, "passing its descriptors");
    command = command_of("exit 0");
    command.open_files = (rlim_t)1 << 40; /* more than the kernel has */
    assert_fails(&command, -EPERM, "setting its limits");
}

static void root_starts_it_as_somebody_else(void **state)
{
    struct powers_command command = command_of("id -u; id -g; id -G; cat /etc/shadow && echo too much");
    if (geteuid() != 0)
        skip();
    const struct passwd *nobody = getpwnam("nobody");
    assert_non_null(nobody);
    uid_t uid = nobody->pw_uid;
    gid_t gid = nobody->pw_gid;
    command.user = "nobody";
    command.standard_error = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_not_equal(run(&command), 0);
    close(command.standard_error);
    char expected[64];
    snprintf(expected, sizeof(expected), "%u\n%u\n%u\n", uid, gid, gid);
    assert_string_equal(said, expected);
    command.user = "no-such-user-anywhere";
    command.standard_output = command.standard_error = -1;
    assert_fails(&command, -ENOENT, "becoming its user");
}

/* What root may enter is no measure for it. */
static void its_directory_is_entered_as_its_user(void **state)
{
    struct powers_command command = command_of("exit 0");
    if (geteuid() != 0)
        skip();
    command.user = "nobody";
    command.directory = folder;
    assert_int_equal(chmod(folder, 0700), 0);
    assert_fails(&command, -EACCES, "entering its directory");
}

static void an_ordinary_user_starts_it_as_himself(void **state)
{
    struct powers_command command = command_of("");
    char expected[16];
    uid_t own = geteuid();
    assert_true(own != 0 || seteuid(65534) == 0);
    command.user = "root";
    command.arguments = (const char *const[]){"id", "-u", NULL};
    int status = run(&command);
    snprintf(expected, sizeof(expected), "%u\n", geteuid());
    assert_true(own != 0 || seteuid(own) == 0);
    assert_int_equal(status, 0);
    assert_string_equal(said, expected);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(it_finds_its_arguments_and_its_environment_and_nothing_else),
        fresh(it_reads_nothing_and_prints_where_it_is_told_to),
        fresh(its_descriptors_are_its_streams_and_its_channels),
        fresh(its_channels_are_in_order_whatever_their_numbers_are),
        fresh(it_starts_in_its_directory),
        fresh(its_limits_are_hard_ones),
        fresh(its_limit_of_open_files_is_what_ours_was_at_first),
        fresh(it_leads_a_group_of_its_own),
        fresh(it_finds_all_signals_as_they_should_be),
        fresh(what_it_cannot_become_is_named),
        fresh(root_starts_it_as_somebody_else),
        fresh(its_directory_is_entered_as_its_user),
        fresh(an_ordinary_user_starts_it_as_himself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
