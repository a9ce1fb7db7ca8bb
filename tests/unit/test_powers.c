/* What the program may do to its machine. Run with "speak" this is its own child. */

#include "control/powers.h"

#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static char folder[64];
static char path[ADDRESS_TEXT_SIZE];
static struct address address;

/* A path that nothing has yet, and the Unix address of it. */
static int start(void **state)
{
    snprintf(folder, sizeof(folder), "%s/limpet-powers-XXXXXX", P_tmpdir);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "unix:%s/file", folder);
    const char *wrong = address_parse(span_text(path), &address);
    memmove(path, path + 5, strlen(path + 5) + 1);
    return wrong ? -1 : 0;
}

static int stop(void **state)
{
    unlink(path);
    return rmdir(folder);
}

static void write_file(const char *bytes, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static bool exists(void)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

static void set_port(const char *host, unsigned port)
{
    char text[64];
    snprintf(text, sizeof(text), "%s:%u", host, port);
    assert_null(address_parse(span_text(text), &address));
}

/* Both families have it at the same place. */
static unsigned port_of(int fd)
{
    struct sockaddr_in6 own = {.sin6_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &length), 0);
    return ntohs(own.sin6_port);
}

static bool accepts(int listener, const struct sockaddr *to, socklen_t length)
{
    int client = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(client, to, length) == 0;
    int guest = connected ? accept(listener, NULL, NULL) : -1;
    close(client);
    if (guest >= 0)
        close(guest);
    return guest >= 0;
}

static void a_file_is_read_whole_or_not_at_all(void **state)
{
    char *text = NULL;
    size_t length = 0;
    write_file("a\0b", 3);
    assert_int_equal(powers_read_file(path, 3, &text, &length), 0);
    assert_int_equal(length, 3);
    assert_memory_equal(text, "a\0b\0", 4);
    free(text);
    assert_int_equal(powers_read_file(path, 2, &text, &length), -EFBIG);
    write_file("", 0);
    assert_int_equal(powers_read_file(path, 0, &text, &length), 0);
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    free(text);
}

static void a_secret_is_read_only_if_others_cannot_read_or_change_it(void **state)
{
    static const mode_t refused[] = {0644, 0604, 0620, 0602, 0666}, fine[] = {0600, 0400, 0640, 0700};
    char *text;
    size_t length;
    write_file("secret", 6);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(chmod(path, refused[i]), 0);
        assert_int_equal(powers_read_secret_file(path, 100, &text, &length), -EPERM);
    }
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        assert_int_equal(chmod(path, fine[i]), 0);
        assert_int_equal(powers_read_secret_file(path, 100, &text, &length), 0);
        assert_string_equal(text, "secret");
        free(text);
    }
    unlink(path);
    assert_int_equal(powers_read_secret_file(path, 100, &text, &length), -ENOENT);
}

static void what_is_no_file_is_not_waited_for(void **state)
{
    char *text;
    size_t length;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(powers_read_file(path, 100, &text, &length), -ENXIO);
    assert_int_equal(powers_read_secret_file(path, 100, &text, &length), -ENXIO);
    assert_int_equal(powers_read_file("/dev/zero", 100, &text, &length), -ENXIO);
    assert_int_equal(powers_read_secret_file(folder, 100, &text, &length), -EISDIR);
    unlink(path);
    int fd = powers_admin_listen(&address, NULL);
    assert_true(fd >= 0);
    assert_int_equal(powers_read_file(path, 100, &text, &length), -ENXIO);
    close(fd);
}

static void what_is_handed_to_us_need_not_be_a_file(void **state)
{
    int ends[2];
    char place[64], *text;
    size_t length;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "words", 5), 5);
    close(ends[1]);
    snprintf(place, sizeof(place), "/dev/fd/%d", ends[0]);
    assert_int_equal(powers_read_file(place, 100, &text, &length), -ENXIO);
    assert_int_equal(powers_read_input(place, 100, &text, &length), 0);
    assert_string_equal(text, "words");
    free(text);
    close(ends[0]);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    char *text;
    size_t length;
    assert_int_equal(powers_read_input(path, 100, &text, &length), -ENOENT);
    assert_int_equal(powers_read_file(path, 100, &text, &length), -ENOENT);
    assert_int_equal(powers_read_file(folder, 100, &text, &length), -EISDIR);
}

static void a_log_is_appended_to_and_not_for_everybody_to_read(void **state)
{
    struct stat found;
    mode_t mask = umask(0);
    int fd = powers_open_log(path);
    umask(mask);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "one\n", 4), 4);
    assert_int_equal(fstat(fd, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0640);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    fd = powers_open_log(path);
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    char *text;
    size_t length;
    assert_int_equal(powers_read_file(path, 100, &text, &length), 0);
    assert_string_equal(text, "one\ntwo\n");
    free(text);
    assert_int_equal(powers_open_log(folder), -EISDIR);
}

static void a_log_waits_for_no_reader(void **state)
{
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = powers_open_log(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "early\n", 6), 6);
    char line[16];
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(read(reader, line, sizeof(line)), 6);
    close(reader);
    close(fd);
}

static void a_port_that_somebody_has_is_noticed(void **state)
{
    struct sockaddr_in taken;
    int listener = loopback_listener(&taken);
    set_port("127.0.0.1", ntohs(taken.sin_port));
    assert_int_equal(powers_probe(&address), -EADDRINUSE);
    close(listener);
    assert_int_equal(powers_probe(&address), 0);
}

static void sharing_a_port_does_not_hide_who_has_it(void **state)
{
    set_port("127.0.0.1", 0);
    int first = powers_listen(&address, true, 0);
    assert_true(first >= 0);
    set_port("127.0.0.1", port_of(first));
    assert_int_equal(powers_probe(&address), -EADDRINUSE);
    int second = powers_listen(&address, true, 0);
    assert_true(second >= 0);
    assert_int_equal(powers_listen(&address, false, 0), -EADDRINUSE);
    close(first);
    close(second);
}

static void a_listening_socket_waits_for_nobody_and_ends_with_exec(void **state)
{
    set_port("127.0.0.1", 0);
    int fd = powers_listen(&address, false, 0);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(fd);
}

static void a_port_without_a_host_is_that_port_of_both_families(void **state)
{
    assert_null(address_parse(span_text(":0"), &address));
    int fd = powers_listen(&address, false, 0);
    assert_true(fd >= 0);
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    four.sin_port = six.sin6_port = htons((uint16_t)port_of(fd));
    assert_true(accepts(fd, (struct sockaddr *)&four, sizeof(four)));
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(own);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &length), 0);
    if (own.ss_family == AF_INET6) /* a machine without IPv6 has IPv4 alone */
        assert_true(accepts(fd, (struct sockaddr *)&six, sizeof(six)));
    close(fd);
}

static void the_ipv6_any_address_is_not_for_ipv4(void **state)
{
    assert_null(address_parse(span_text("[::]:0"), &address));
    int fd = powers_listen(&address, false, 0);
    if (fd == -EAFNOSUPPORT)
        skip();
    assert_true(fd >= 0);
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    four.sin_port = htons((uint16_t)port_of(fd));
    assert_false(accepts(fd, (struct sockaddr *)&four, sizeof(four)));
    close(fd);
}

static void a_low_port_is_refused_to_ordinary_users(void **state)
{
    if (geteuid() == 0)
        skip();
    set_port("127.0.0.1", 1);
    int fd = powers_listen(&address, false, 0);
    if (fd >= 0) {
        close(fd);
        skip(); /* a machine without low ports */
    }
    assert_int_equal(fd, -EACCES);
}

static void a_unix_socket_has_the_mode_it_was_given(void **state)
{
    struct stat found;
    assert_int_equal(powers_probe(&address), 0);
    int fd = powers_listen(&address, false, 0606);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &found), 0);
    assert_true(S_ISSOCK(found.st_mode));
    assert_int_equal(found.st_mode & 0777, 0606);
    assert_true(accepts(fd, (struct sockaddr *)&address.storage, address.length));
    close(fd);
    powers_unlink(&address);
    assert_false(exists());
}

static void a_unix_socket_that_somebody_listens_on_stays(void **state)
{
    int fd = powers_listen(&address, false, 0600);
    assert_true(fd >= 0);
    assert_int_equal(powers_probe(&address), -EADDRINUSE);
    assert_true(exists());
    assert_true(powers_listen(&address, false, 0600) < 0);
    close(fd);
}

static void a_unix_socket_that_was_left_behind_is_removed(void **state)
{
    int fd = powers_listen(&address, false, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_true(exists());
    assert_int_equal(powers_probe(&address), 0);
    assert_false(exists());
}

static void what_is_no_socket_is_never_removed(void **state)
{
    write_file("precious", 8);
    assert_true(powers_probe(&address) < 0);
    assert_true(exists());
    unlink(path);
    assert_int_equal(symlink(folder, path), 0);
    assert_true(powers_probe(&address) < 0);
    assert_true(exists());
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(powers_probe(&address) < 0);
    assert_int_equal(rmdir(path), 0);
}

static mode_t mode_of(const char *name)
{
    struct stat found;
    assert_int_equal(lstat(name, &found), 0);
    return found.st_mode & 07777;
}

static void an_admin_socket_is_for_its_owner_alone(void **state)
{
    mode_t before = umask(0);
    int fd = powers_admin_listen(&address, NULL);
    assert_int_equal(umask(before), 0);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(mode_of(path), 0600);
    int client = powers_connect(&address, 1);
    assert_true(client >= 0);
    assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
    close(client);
    assert_int_equal(powers_admin_listen(&address, NULL), -EADDRINUSE);
    close(fd);
    assert_int_equal(powers_connect(&address, 1), -ECONNREFUSED);
    fd = powers_admin_listen(&address, NULL);
    assert_true(fd >= 0);
    close(fd);
}

static void an_admin_socket_may_be_for_a_group(void **state)
{
    struct stat found;
    const struct group *own = getgrgid(getegid());
    assert_non_null(own);
    assert_int_equal(powers_admin_listen(&address, "no-group-of-that-name"), -ENOENT);
    assert_false(exists());
    int fd = powers_admin_listen(&address, geteuid() == 0 ? "daemon" : own->gr_name);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mode_of(path), 0660);
    assert_int_equal(lstat(path, &found), 0);
    assert_int_equal(found.st_gid, geteuid() == 0 ? getgrnam("daemon")->gr_gid : getegid());
}

static void an_admin_socket_of_a_group_that_one_is_not_in_is_refused(void **state)
{
    if (geteuid() == 0)
        skip();
    assert_int_equal(powers_admin_listen(&address, "root"), -EPERM);
    assert_false(exists());
}

static void the_last_directory_of_an_admin_socket_is_made(void **state)
{
    char text[ADDRESS_TEXT_SIZE];
    snprintf(text, sizeof(text), "unix:%s/file/sock", folder);
    assert_null(address_parse(span_text(text), &address));
    mode_t before = umask(077);
    int fd = powers_admin_listen(&address, NULL);
    umask(before);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mode_of(path), geteuid() == 0 ? 0755 : 0700);
    powers_unlink(&address);
    assert_int_equal(rmdir(path), 0);

    snprintf(text, sizeof(text), "unix:%s/file/deeper/sock", folder);
    assert_null(address_parse(span_text(text), &address));
    assert_int_equal(powers_admin_listen(&address, NULL), -ENOTDIR);
    write_file("", 0);
    assert_int_equal(powers_admin_listen(&address, NULL), -ENOTDIR);
}

static void unlinking_a_port_is_harmless(void **state)
{
    set_port("127.0.0.1", 80);
    powers_unlink(&address);
}

static void sealed_memory_holds_its_bytes_for_good(void **state)
{
    char bytes[8] = "";
    int fd = powers_sealed_memory("sealed", 6);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), 6);
    assert_memory_equal(bytes, "sealed", 6);
    assert_int_equal(pwrite(fd, "X", 1, 0), -1);
    assert_int_equal(pwrite(fd, "X", 1, 6), -1);
    assert_int_equal(ftruncate(fd, 3), -1);
    assert_int_equal(ftruncate(fd, 100), -1);
    assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    fd = powers_sealed_memory(NULL, 0);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), 0);
    close(fd);
}

/* What the child says, once it is run. */
static int speak(const char *word)
{
    dprintf(STDOUT_FILENO, "out %s", word);
    dprintf(STDERR_FILENO, "err %s", word);
    return dprintf(3, "channel %s", word) > 0 ? 7 : 8;
}

static void assert_said(int fd, const char *expected)
{
    char words[64] = "";
    assert_true(read(fd, words, sizeof(words) - 1) >= 0);
    assert_string_equal(words, expected);
    close(fd);
}

static void a_child_is_this_program_with_the_channels_it_was_given(void **state)
{
    static const char *const arguments[] = {"limpet", "speak", "hello", NULL};
    int out[2] = {-1, -1}, err[2] = {-1, -1}, channel[2] = {-1, -1}, status = 0;
    pid_t child = -1;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
    struct powers_spawn spawn = {.arguments = arguments,
                                 .standard_output = out[1],
                                 .standard_error = err[1],
                                 .channel = channel[1],
                                 .bound = true};
    assert_int_equal(powers_spawn_self(&spawn, &child), 0);
    close(out[1]);
    close(err[1]);
    close(channel[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_said(out[0], "out hello");
    assert_said(err[0], "err hello");
    assert_said(channel[0], "channel hello");
}

static void the_soft_limit_of_descriptors_is_raised_to_the_hard_one(void **state)
{
    struct rlimit before, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = before.rlim_max < 64 ? before.rlim_max : 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    size_t now = powers_raise_nofile();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(now, before.rlim_max);
    assert_int_equal(low.rlim_cur, before.rlim_max);
}

static void a_user_is_found_or_not(void **state)
{
    assert_int_equal(powers_find_user("root"), 0);
    assert_int_equal(powers_find_user("nobody-of-that-name"), -ENOENT);
}

/* 0 if this process is nobody now, and cannot go back. */
static int become_nobody(void)
{
    if (setgroups(1, (gid_t[]){0}) != 0)
        return 7;
    if (powers_become("nobody-of-that-name") != -ENOENT || geteuid() != 0)
        return 1;
    if (powers_become("nobody") != 0)
        return 2;
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0 || real == 0 || effective == 0 || saved == 0)
        return 3;
    if (getegid() == 0 || setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
        return 4;
    gid_t groups[64];
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == 0)
            return 5;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 6;
}

static int stay_ordinary(void)
{
    uid_t before = getuid();
    if (powers_become("root") != 0 || powers_become(NULL) != 0 || getuid() != before)
        return 1;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2;
}

static int in_a_child(int (*what)(void))
{
    int status = -1;
    pid_t child = powers_fork();
    if (child == 0)
        _exit(what());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* As somebody else may have been first in /tmp. */
static int listen_in_the_folder_of_another(void)
{
    if (chown(folder, 1, 1) != 0 || chmod(folder, 0777) != 0 || powers_become("nobody") != 0)
        return 1;
    if (powers_admin_listen(&address, NULL) != -EPERM || exists())
        return 2;
    return 0;
}

static void an_admin_socket_is_not_put_where_another_could_replace_it(void **state)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_a_child(listen_in_the_folder_of_another), 0);
}

static void root_becomes_another_user_for_good(void **state)
{
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_a_child(become_nobody), 0);
}

static void an_ordinary_user_stays_who_he_is(void **state)
{
    if (geteuid() == 0)
        skip();
    assert_int_equal(in_a_child(stay_ordinary), 0);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "speak") == 0)
        return speak(arguments[2]);
    const struct CMUnitTest tests[] = {
        fresh(a_file_is_read_whole_or_not_at_all),
        fresh(what_is_no_file_is_not_waited_for),
        fresh(what_is_handed_to_us_need_not_be_a_file),
        fresh(what_cannot_be_read_is_an_error),
        fresh(a_secret_is_read_only_if_others_cannot_read_or_change_it),
        fresh(a_log_is_appended_to_and_not_for_everybody_to_read),
        fresh(a_log_waits_for_no_reader),
        fresh(a_port_that_somebody_has_is_noticed),
        fresh(sharing_a_port_does_not_hide_who_has_it),
        fresh(a_listening_socket_waits_for_nobody_and_ends_with_exec),
        fresh(a_port_without_a_host_is_that_port_of_both_families),
        fresh(the_ipv6_any_address_is_not_for_ipv4),
        fresh(a_low_port_is_refused_to_ordinary_users),
        fresh(a_unix_socket_has_the_mode_it_was_given),
        fresh(a_unix_socket_that_somebody_listens_on_stays),
        fresh(a_unix_socket_that_was_left_behind_is_removed),
        fresh(what_is_no_socket_is_never_removed),
        fresh(an_admin_socket_is_for_its_owner_alone),
        fresh(an_admin_socket_may_be_for_a_group),
        fresh(an_admin_socket_of_a_group_that_one_is_not_in_is_refused),
        fresh(the_last_directory_of_an_admin_socket_is_made),
        fresh(an_admin_socket_is_not_put_where_another_could_replace_it),
        fresh(unlinking_a_port_is_harmless),
        fresh(sealed_memory_holds_its_bytes_for_good),
        fresh(a_child_is_this_program_with_the_channels_it_was_given),
        fresh(the_soft_limit_of_descriptors_is_raised_to_the_hard_one),
        fresh(a_user_is_found_or_not),
        fresh(root_becomes_another_user_for_good),
        fresh(an_ordinary_user_stays_who_he_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
