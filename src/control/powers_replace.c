#include "control/powers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

/* Who owns the file, and who may read it, stay as they are: set before there is anything in it. */
static int make_alike(int fd, const struct stat *old)
{
    if (fchown(fd, old->st_uid, old->st_gid) != 0)
        return -errno;
    return fchmod(fd, old->st_mode & 07777) != 0 ? -errno : 0;
}

/* So that the new name is on the disk, too; a file system that cannot has done what it can. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = '\0';
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static int fill(int fd, const struct stat *old, const void *bytes, size_t length)
{
    int failure = old ? make_alike(fd, old) : 0;
    if (!failure)
        failure = write_all(fd, bytes, length);
    if (!failure && fsync(fd) != 0)
        failure = -errno;
    return failure;
}

static int replace(char *path, const struct stat *old, const void *bytes, size_t length)
{
    char beside[PATH_MAX];
    int size = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    if (size < 0 || (size_t)size >= sizeof(beside))
        return -ENAMETOOLONG;
    int fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return -errno;
    int failure = fill(fd, old, bytes, length);
    close(fd);
    if (!failure && rename(beside, path) != 0)
        failure = -errno;
    if (failure)
        (void)unlink(beside);
    else
        sync_folder(path);
    return failure;
}

int powers_replace_file(const char *path, const void *bytes, size_t length)
{
    /* A name that leads elsewhere stays one: it is the file at its end that is replaced. */
    char place[PATH_MAX];
    struct stat old;
    if (realpath(path, place))
        return stat(place, &old) != 0 ? -errno : replace(place, &old, bytes, length);
    if (errno != ENOENT)
        return -errno;
    if (strlen(path) >= sizeof(place))
        return -ENAMETOOLONG;
    strcpy(place, path);
    return replace(place, NULL, bytes, length);
}
