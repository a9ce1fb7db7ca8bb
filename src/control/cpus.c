#include "control/cpus.h"

#include "base/span.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NO_LIMIT UINT_MAX

struct reader {
    bool (*read)(void *context, const char *path, char *text, size_t size);
    void *context;
};

/* Whole CPUs that pay for the time: 2.5 of them keep three busy now and then. */
static unsigned in_cpus(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return NO_LIMIT;
    long long cpus = quota / period + (quota % period > 0);
    return cpus > INT_MAX ? NO_LIMIT : (unsigned)cpus;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* cgroup v2: "max 100000", or "200000 100000". */
static unsigned limit_of(const struct reader *r, const char *group)
{
    char path[4200], text[128];
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group);
    if (!r->read(r->context, path, text, sizeof(text)))
        return NO_LIMIT;
    char *rest;
    long long quota = strtoll(text, &rest, 10);
    return rest == text ? NO_LIMIT : in_cpus(quota, strtoll(rest, NULL, 10));
}

/* cgroup v1, where -1 is no limit. */
static unsigned old_limit_of(const struct reader *r, const char *group)
{
    static const char *const names[] = {"quota", "period"};
    long long numbers[2];
    for (size_t i = 0; i < 2; i++) {
        char path[4200], text[128];
        snprintf(path, sizeof(path), "/sys/fs/cgroup/cpu%s/cpu.cfs_%s_us", group, names[i]);
        if (!r->read(r->context, path, text, sizeof(text)))
            return NO_LIMIT;
        numbers[i] = strtoll(text, NULL, 10);
    }
    return in_cpus(numbers[0], numbers[1]);
}

/* A group's own limit and those of all above it. In a container the path may lead nowhere, because it is the one that
 * the host sees; what is mounted at the top is then the container's own group. */
static unsigned walk_up(const struct reader *r, char *group, unsigned (*limit)(const struct reader *, const char *))
{
    unsigned cpus = NO_LIMIT;
    for (;;) {
        char *slash = strrchr(group, '/');
        if (!slash || group[strlen(group) - 1] != '/')
            cpus = least(cpus, limit(r, group));
        if (!slash)
            return cpus;
        *slash = '\0';
    }
}

static bool names_cpu(const char *controllers)
{
    for (const char *name = controllers; name; name = strchr(name, ',') ? strchr(name, ',') + 1 : NULL)
        if (strncmp(name, "cpu", 3) == 0 && (name[3] == ',' || name[3] == '\0'))
            return true;
    return false;
}

/* Lines of /proc/self/cgroup: "0::/path", or "4:cpu,cpuacct:/path" before that (cgroups(7)). */
static unsigned quota(const struct reader *r)
{
    char text[8192];
    unsigned cpus = NO_LIMIT;
    if (!r->read(r->context, "/proc/self/cgroup", text, sizeof(text)))
        return NO_LIMIT;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        const char *number = strsep(&line, ":");
        const char *controllers = line ? strsep(&line, ":") : NULL;
        if (!line || strlen(line) > 4096)
            continue;
        if (strcmp(number, "0") == 0 && controllers[0] == '\0')
            cpus = least(cpus, walk_up(r, line, limit_of));
        else if (names_cpu(controllers))
            cpus = least(cpus, walk_up(r, line, old_limit_of));
    }
    return cpus;
}

static unsigned affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    /* The set is too small for a machine of more than 1024 CPUs. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

unsigned cpus_count(bool (*read)(void *context, const char *path, char *text, size_t size), void *context)
{
    const struct reader reader = {read, context};
    unsigned cpus = least(affinity(), quota(&reader));
    return cpus < 1 ? 1 : cpus;
}
