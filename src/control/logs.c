#include "control/logs.h"

#include "base/log.h"
#include "control/powers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Returns a descriptor of our own for this log, -1 for "off" or standard error, or below that a negative errno. */
static int open_log(const char *where)
{
    if (strcmp(where, "off") == 0)
        return -1;
    int fd = strcmp(where, "stdout") == 0   ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
             : strcmp(where, "stderr") == 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                                            : powers_open_log(where);
    if (fd == -1)
        fd = -errno;
    if (fd < 0)
        log_error("log %s: %s", where, strerror(-fd));
    return fd < 0 ? -EIO : fd;
}

int logs_open(struct logs *logs, const struct plan_log *plan)
{
    *logs = (struct logs){plan, open_log(plan->access), open_log(plan->errors)};
    return logs->access < -1 || logs->errors < -1 ? -EIO : 0;
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

void logs_reopen(struct logs *logs)
{
    replace(&logs->access, open_log(logs->plan->access));
    replace(&logs->errors, open_log(logs->plan->errors));
}

static void write_own(void *context, const char *line, size_t length)
{
    const struct logs *logs = context;
    log_put(logs->errors, line, length);
}

void logs_use(struct logs *logs)
{
    if (strcmp(logs->plan->errors, "stderr") == 0)
        return;
    log_set_writer(write_own, logs);
    log_set_stamped(true);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void logs_close(struct logs *logs)
{
    log_set_writer(NULL, NULL);
    close_one(&logs->access);
    close_one(&logs->errors);
}
