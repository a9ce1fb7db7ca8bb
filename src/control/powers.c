#include "control/powers.h"

#include "control/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The kernel cuts this down to net.core.somaxconn. */
#define BACKLOG 65535
#define ADMIN_BACKLOG 64

static int read_all(int fd, char *text, size_t room, size_t *length)
{
    *length = 0;
    while (*length < room) {
        ssize_t got = read(fd, text + *length, room - *length);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            *length += (size_t)got;
    }
    return -EFBIG;
}

/* Closes the descriptor. */
static int read_and_close(int fd, size_t most, char **text, size_t *length)
{
    /* One byte more than allowed, so that a file of exactly `most` bytes ends in time; one for the NUL. */
    char *bytes = malloc(most + 2);
    int failure = bytes ? read_all(fd, bytes, most + 1, length) : -ENOMEM;
    close(fd);
    if (failure < 0) {
        free(bytes);
        return failure;
    }
    char *fitted = realloc(bytes, *length + 1);
    *text = fitted ? fitted : bytes;
    (*text)[*length] = '\0';
    return 0;
}

int powers_read_input(const char *path, size_t most, char **text, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : read_and_close(fd, most, text, length);
}

static int judge_file(int fd, struct stat *found)
{
    if (fstat(fd, found) != 0)
        return -errno;
    if (S_ISDIR(found->st_mode))
        return -EISDIR;
    return S_ISREG(found->st_mode) ? 0 : -ENXIO;
}

/* Opening a FIFO would wait for somebody who writes; so would reading from it, and a device may never end. A socket cannot
 * be opened at all, which is -ENXIO, too. Returns the descriptor. */
static int open_file(const char *path, struct stat *found)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int failure = judge_file(fd, found);
    if (!failure)
        return fd;
    close(fd);
    return failure;
}

int powers_read_file(const char *path, size_t most, char **text, size_t *length)
{
    struct stat found;
    int fd = open_file(path, &found);
    return fd < 0 ? fd : read_and_close(fd, most, text, length);
}

int powers_read_secret_file(const char *path, size_t most, char **text, size_t *length)
{
    struct stat found = {0};
    int fd = open_file(path, &found);
    if (fd < 0)
        return fd;
    if (found.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) {
        close(fd);
        return -EPERM;
    }
    return read_and_close(fd, most, text, length);
}

int powers_open_log(const char *path)
{
    /* Waiting for the reader of a FIFO, or for a terminal's carrier, would make the keeper deaf. */
    int how = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, O_WRONLY | how, 0640);
    if (fd < 0 && errno == ENXIO)
        fd = open(path, O_RDWR | how, 0640); /* a FIFO that nobody reads yet, fifo(7) */
    return fd < 0 ? -errno : fd;
}

static int set_flag(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* Options of a listening TCP socket are inherited by what it accepts: set once here, no system call per connection. */
static int prepare_tcp(int fd, const struct address *address, bool share)
{
    int failure = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    if (!failure && share)
        failure = set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
    if (!failure)
        failure = set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
    if (!failure)
        failure = set_flag(fd, SOL_SOCKET, SO_KEEPALIVE);
    if (!failure && address->storage.ss_family == AF_INET6) {
        /* ":443" means both families; "[::]:443" is IPv6 alone, whatever the system's default says. */
        int only = address->text[0] != ':';
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
            failure = -errno;
    }
    return failure;
}

/* A machine without IPv6 still has ":443". */
static struct address as_ip4(const struct address *address)
{
    struct address plain = *address;
    struct sockaddr_in *in = (struct sockaddr_in *)&plain.storage;
    memset(&plain.storage, 0, sizeof(plain.storage));
    in->sin_family = AF_INET;
    in->sin_port = htons(address_port(address));
    plain.length = sizeof(*in);
    return plain;
}

static bool acts_for_another;

static int bind_socket(const struct address *address, bool share)
{
    int family = address->storage.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        if (errno != EAFNOSUPPORT || family != AF_INET6 || address->text[0] != ':')
            return -errno;
        struct address plain = as_ip4(address);
        return bind_socket(&plain, share);
    }
    bool reserved = family != AF_UNIX && address_port(address) > 0 && address_port(address) < 1024;
    int failure = reserved && acts_for_another ? -EACCES : family == AF_UNIX ? 0 : prepare_tcp(fd, address, share);
    if (!failure && bind(fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        failure = -errno;
    if (!failure)
        return fd;
    close(fd);
    return failure;
}

static const char *unix_path(const struct address *address)
{
    return ((const struct sockaddr_un *)&address->storage)->sun_path;
}

int powers_listen(const struct address *address, bool share, unsigned unix_mode)
{
    int fd = bind_socket(address, share);
    if (fd < 0)
        return fd;
    int failure = 0;
    if (address_is_unix(address) && chmod(unix_path(address), unix_mode) < 0)
        failure = -errno;
    if (!failure && listen(fd, BACKLOG) < 0)
        failure = -errno;
    if (!failure)
        return fd;
    close(fd);
    return failure;
}

/* A Unix socket file outlives its process. Only a connect can tell whether somebody still listens. */
static int probe_unix(const struct address *address)
{
    struct stat found;
    if (lstat(unix_path(address), &found) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(found.st_mode))
        return -EEXIST;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int answer = connect(fd, (const struct sockaddr *)&address->storage, address->length) < 0 ? errno : 0;
    close(fd);
    if (answer != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(unix_path(address)) < 0 ? -errno : 0;
}

int powers_probe(const struct address *address)
{
    if (address_is_unix(address))
        return probe_unix(address);
    int fd = bind_socket(address, false);
    if (fd < 0)
        return fd;
    /* Two sockets with SO_REUSEADDR may both be bound; only listen() tells that the other one listens already. */
    int failure = listen(fd, 1) < 0 ? -errno : 0;
    close(fd);
    return failure;
}

/* -1 when nobody is asked for. */
static int find_group(const char *name, gid_t *group)
{
    *group = (gid_t)-1;
    if (!name)
        return 0;
    errno = 0;
    const struct group *found = getgrnam(name);
    if (!found)
        return errno ? -errno : -ENOENT;
    *group = found->gr_gid;
    return 0;
}

/* The default place of ordinary users may lie in /tmp, where anybody can be first. */
static int judge_folder(const char *path)
{
    struct stat found;
    if (stat(path, &found) < 0)
        return -errno;
    uid_t own = geteuid();
    return own == 0 || found.st_uid == own || found.st_uid == 0 ? 0 : -EPERM;
}

static int make_folder(const char *path)
{
    mode_t before = umask(0);
    int failure = mkdir(path, geteuid() == 0 ? 0755 : 0700) < 0 ? -errno : 0;
    umask(before);
    if (failure == -ENOENT)
        return -ENOTDIR;
    return failure == -EEXIST ? judge_folder(path) : failure;
}

static int make_folder_of(const struct address *address)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1] = "";
    strncpy(path, unix_path(address), sizeof(path) - 1);
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    *slash = '\0';
    return make_folder(path);
}

/* Who may connect is settled before anybody can: until listen() they are refused. The mode comes from the umask and the
 * group is set without following links, so that nobody who owns the directory can point us at another file. */
static int open_to_group(int fd, const struct address *address, gid_t group)
{
    if (group != (gid_t)-1 && lchown(unix_path(address), (uid_t)-1, group) < 0)
        return -errno;
    return listen(fd, ADMIN_BACKLOG) < 0 ? -errno : 0;
}

int powers_admin_listen(const struct address *address, const char *group_name)
{
    gid_t group;
    int failure = find_group(group_name, &group);
    if (!failure)
        failure = make_folder_of(address);
    if (!failure)
        failure = probe_unix(address);
    if (failure)
        return failure;
    mode_t before = umask(group_name ? 0117 : 0177);
    int fd = bind_socket(address, false);
    umask(before);
    if (fd < 0)
        return fd;
    failure = open_to_group(fd, address, group);
    if (!failure)
        return fd;
    close(fd);
    powers_unlink(address);
    return failure;
}

int powers_connect(const struct address *address, int seconds)
{
    struct timeval patience = {.tv_sec = seconds};
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* connect(2) waits as long as a write would: for the other side, or for room in its backlog. */
    int failure = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        failure = -errno;
    if (!failure)
        return fd;
    close(fd);
    return failure;
}

void powers_unlink(const struct address *address)
{
    if (address_is_unix(address))
        unlink(unix_path(address));
}

static int write_all(int fd, const void *bytes, size_t length)
{
    size_t written = 0;
    while (written < length) {
        ssize_t put = write(fd, (const char *)bytes + written, length - written);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0)
            written += (size_t)put;
    }
    return 0;
}

int powers_sealed_memory(const void *bytes, size_t length)
{
    int fd = memfd_create("limpet", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int failure = write_all(fd, bytes, length);
    if (!failure && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        failure = -errno;
    if (!failure)
        return fd;
    close(fd);
    return failure;
}

static int write_file(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int failure = write_all(fd, bytes, length);
    if (!failure && fchmod(fd, 0444) < 0)
        failure = -errno;
    close(fd);
    return failure;
}

/* Without symbolic links: a program may compare what it was told with what it finds. */
static int make_scratch_folder(char path[POWERS_PATH_SIZE], const char *place)
{
    char *real = place ? realpath(place, NULL) : NULL;
    bool fits = real && strpbrk(real, " \t\n\"'\\") == NULL &&
                snprintf(path, POWERS_PATH_SIZE, "%s/limpet-XXXXXX", real) < POWERS_PATH_SIZE;
    free(real);
    if (!fits)
        return -ENOTDIR;
    return mkdtemp(path) && chmod(path, 0755) == 0 ? 0 : -errno;
}

int powers_scratch_file(const char *name, const void *bytes, size_t length, char path[POWERS_PATH_SIZE])
{
    int failure = make_scratch_folder(path, getenv("TMPDIR"));
    if (failure)
        failure = make_scratch_folder(path, "/tmp");
    size_t used = failure ? 0 : strlen(path);
    path[used] = '\0';
    if (failure)
        return failure;
    bool fits = snprintf(path + used, POWERS_PATH_SIZE - used, "/%s", name) < (int)(POWERS_PATH_SIZE - used);
    failure = fits ? write_file(path, bytes, length) : -ENAMETOOLONG;
    if (failure)
        powers_remove_scratch(path);
    return failure;
}

int powers_lock_scratch(const char *path)
{
    char folder[POWERS_PATH_SIZE];
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return -ENOENT;
    *slash = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int failure = -errno;
    close(fd);
    return failure;
}

void powers_remove_scratch(char path[POWERS_PATH_SIZE])
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    unlink(path);
    *slash = '\0';
    rmdir(path);
    path[0] = '\0';
}

int powers_shared_memory(size_t size)
{
    int fd = memfd_create("limpet", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    /* Whoever shrinks it would kill all others who look into it (SIGBUS). */
    if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    int failure = -errno;
    close(fd);
    return failure;
}

pid_t powers_fork(void)
{
    return fork();
}

static struct rlimit first_nofile;

size_t powers_raise_nofile(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1024;
    if (first_nofile.rlim_max == 0)
        first_nofile = limit;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void powers_restore_nofile(void)
{
    if (first_nofile.rlim_max != 0)
        setrlimit(RLIMIT_NOFILE, &first_nofile);
}

static int find_user(const char *user, struct passwd **found)
{
    errno = 0;
    *found = getpwnam(user);
    if (*found)
        return 0;
    return errno ? -errno : -ENOENT;
}

int powers_find_user(const char *user)
{
    struct passwd *found;
    return find_user(user, &found);
}

int powers_find_group(const char *group)
{
    errno = 0;
    if (getgrnam(group))
        return 0;
    return errno ? -errno : -ENOENT;
}

/* Files of the kernel, which say 0 for their size. */
static bool read_small(void *context, const char *path, char *text, size_t size)
{
    size_t length;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool fine = read_all(fd, text, size - 1, &length) == 0;
    close(fd);
    text[length] = '\0';
    return fine;
}

unsigned powers_count_cpus(void)
{
    return cpus_count(read_small, NULL);
}

int powers_change_user(const char *user)
{
    struct passwd *found;
    if (!user || geteuid() != 0 || strcmp(user, "root") == 0)
        return 0;
    int failure = find_user(user, &found);
    if (failure)
        return failure;
    bool done = initgroups(found->pw_name, found->pw_gid) == 0 &&
                setresgid(found->pw_gid, found->pw_gid, found->pw_gid) == 0 &&
                setresuid(found->pw_uid, found->pw_uid, found->pw_uid) == 0;
    return done ? 0 : -errno;
}

int powers_become(const char *user)
{
    int failure = powers_change_user(user);
    if (failure)
        return failure;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int powers_act_as(const char *user)
{
    struct passwd *found = NULL;
    if (geteuid() != 0)
        return 0;
    int failure = user ? find_user(user, &found) : 0;
    if (failure)
        return failure;
    uid_t uid = found ? found->pw_uid : 0;
    gid_t gid = found ? found->pw_gid : getegid();
    /* With another user than root for files the kernel also takes the powers over files away (capabilities(7)). */
    setfsgid(gid);
    setfsuid(uid);
    acts_for_another = uid != 0;
    return setfsuid((uid_t)-1) == (int)uid ? 0 : -EPERM;
}

int powers_diag_socket(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    return fd < 0 ? -errno : fd;
}

int powers_descriptors_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}
