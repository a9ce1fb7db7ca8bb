#ifndef LIMPET_CONTROL_POWERS_H
#define LIMPET_CONTROL_POWERS_H

/* The powers of this program over the machine: opening files, binding sockets, starting processes. They are here and
 * nowhere else, so that one short file shows all that it could be tricked into. Only the keeper and the commands use
 * them; the engine gives them up before it reads a client's first byte.
 *
 * Functions return 0 or a negative errno, unless they say otherwise. Descriptors are close-on-exec. */

#include "base/attr.h"
#include "base/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Reads a whole file of at most `most` bytes (-EFBIG if it is longer). The caller frees *text, which has a NUL behind
 * its last byte. Nothing is waited for: what is no file, such as a FIFO or a device, is -ENXIO, a directory -EISDIR. */
MUST_CHECK int powers_read_file(const char *path, size_t most, char **text, size_t *length);
/* The same for what may be anything else that ends, too: what is handed to us, as by `-c /dev/stdin`. It is waited for. */
MUST_CHECK int powers_read_input(const char *path, size_t most, char **text, size_t *length);
/* As powers_read_file(), for a secret; -EPERM if others than its owner and group could read it, or others than its owner
 * change it. */
MUST_CHECK int powers_read_secret_file(const char *path, size_t most, char **text, size_t *length);

/* Puts these bytes in the place of a file, whole or not at all: they are written beside it first. It keeps its owner and mode;
 * a new one is made with mode 0600. */
MUST_CHECK int powers_replace_file(const char *path, const void *bytes, size_t length);

/* Opens a log for appending, created with mode 0640. Returns the descriptor, which does not block: a FIFO takes what fits
 * until somebody reads it. */
MUST_CHECK int powers_open_log(const char *path);

/* Creates a listening socket, non-blocking. `share` binds it so that several threads can each have one (SO_REUSEPORT);
 * that alone would also let a second program in, so ask powers_probe() first. Returns the descriptor. */
MUST_CHECK int powers_listen(const struct address *address, bool share, unsigned unix_mode);

/* 0 if the address can be bound now; -EADDRINUSE if somebody listens there. A Unix socket file that nobody listens on
 * any more is removed. */
MUST_CHECK int powers_probe(const struct address *address);

/* Creates the listening socket of the admin interface, non-blocking, at a Unix address; a stale file of one is removed.
 * Only its owner may use it, and `group` if it is not null. A missing directory is made (only the last one): open to
 * look into when we are root, ours alone otherwise. The umask is changed for a moment: not for programs with threads.
 *
 * Returns the descriptor. -ENOENT: there is no such group; -ENOTDIR: the directory cannot be made because the one around
 * it is missing; -EPERM: the directory belongs to somebody else, who could put his own socket there, or we are not in the
 * group; -EADDRINUSE: somebody listens there; -EEXIST: it is no socket. */
MUST_CHECK int powers_admin_listen(const struct address *address, const char *group);

/* Connects, for at most so many seconds; later reads and writes wait as long. Returns the descriptor; -EAGAIN or -EINPROGRESS: nobody
 * answered in that time. */
MUST_CHECK int powers_connect(const struct address *address, int seconds);

/* Removes the file of a Unix socket that we bound; harmless for other addresses. */
void powers_unlink(const struct address *address);

/* A descriptor with these bytes that nobody can change any more (a sealed memfd). */
MUST_CHECK int powers_sealed_memory(const void *bytes, size_t length);

/* A file with these bytes that everybody can read and only its owner replace, alone in a folder that is made for it under
 * $TMPDIR, or /tmp. Its path has no blanks, quotes or symbolic links, unless `name` has. */
#define POWERS_PATH_SIZE 1024
MUST_CHECK int powers_scratch_file(const char *name, const void *bytes, size_t length, char path[POWERS_PATH_SIZE]);
/* What cleans /tmp of old files, systemd-tmpfiles(8), leaves its folder alone until this descriptor is closed. */
MUST_CHECK int powers_lock_scratch(const char *path);
/* Removes it with its folder, and empties the path; one that is empty is fine. */
void powers_remove_scratch(char path[POWERS_PATH_SIZE]);

/* A descriptor of so many zeros that several processes can share by mapping it; nobody can change its size. */
MUST_CHECK int powers_shared_memory(size_t size);

/* As fork(2). */
MUST_CHECK pid_t powers_fork(void);

/* Starts this very program again (the running file, even if it was replaced on disk) with these arguments. Standard
 * output and error become the given descriptors (-1: stay), and `channel`, if not -1, its descriptor 3. The child dies
 * with SIGTERM when this process does, if `bound`. */
struct powers_spawn {
    const char *const *arguments; /* null-terminated, with argv[0] */
    int standard_output;
    int standard_error;
    int channel;
    bool bound;
};
MUST_CHECK int powers_spawn_self(const struct powers_spawn *spawn, pid_t *pid);

/* Starts a command of the operator's, in a process group of its own, with nothing to read on its standard input. */
struct powers_command {
    const char *const *arguments;   /* null-terminated; looked for as execvp(3) does */
    const char *const *environment; /* null-terminated */
    const char *directory;          /* null: stay */
    const char *user;               /* null: stay */
    int standard_output;            /* -1: ours */
    int standard_error;
    const int *channels; /* these become descriptors 3, 4 ... of the child */
    size_t channel_count;
    rlim_t open_files; /* RLIM_INFINITY: as ours were before powers_raise_nofile() */
    rlim_t processes;  /* RLIM_INFINITY: as ours */
    rlim_t core;       /* RLIM_INFINITY: as ours */
};
#define POWERS_FIRST_CHANNEL 3
#define POWERS_CHANNELS_MOST 4
/* 0 or a negative errno, also when the child could not become what it should: then *step says at what it failed, a static
 * text. */
MUST_CHECK int powers_spawn_command(const struct powers_command *command, pid_t *pid, const char **step);

/* Raises the soft limit of open descriptors to the hard one; returns what it is now. */
size_t powers_raise_nofile(void);

/* 0 if there is such a user or group, -ENOENT if not, or another negative errno. */
MUST_CHECK int powers_find_user(const char *user);
MUST_CHECK int powers_find_group(const char *group);

/* How many CPUs this process may use: those that it may run on, and no more than what the quota of its control group
 * pays for. At least 1. */
unsigned powers_count_cpus(void);

/* ... and back to what it was at the first call of this, for those who come after us. */
void powers_restore_nofile(void);

/* Becomes this user with his groups, if this process is root; null is nobody else. */
MUST_CHECK int powers_change_user(const char *user);

/* From now on files are looked for, made and removed as this user may, and ports below 1024 are refused to anybody but root; null
 * is who we are. Nothing if this process is not root. For what somebody else asks us to do: a worker, above all. 0 or a
 * negative errno. */
MUST_CHECK int powers_act_as(const char *user);

/* A socket on which the kernel tells of other sockets (sock_diag(7)). */
MUST_CHECK int powers_diag_socket(void);

/* The folder in which the descriptors of a process stand (/proc/PID/fd). */
MUST_CHECK int powers_descriptors_of(pid_t pid);

/* Becomes this user for good, if this process is root and `user` is not null; drops everything root could do. */
MUST_CHECK int powers_become(const char *user);

#endif
