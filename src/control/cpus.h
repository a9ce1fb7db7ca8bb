#ifndef LIMPET_CONTROL_CPUS_H
#define LIMPET_CONTROL_CPUS_H

/* How many CPUs a process may use. In a container the machine's number says little: a control group may be allowed the
 * time of two, spread over all of sixty-four (cpu.max, or cpu.cfs_quota_us before that). */

#include <stdbool.h>
#include <stddef.h>

/* At least 1. `read` reads a whole file of at most size - 1 bytes as text, and is false if that cannot be had; it is asked
 * for /proc/self/cgroup and files below /sys/fs/cgroup. */
unsigned cpus_count(bool (*read)(void *context, const char *path, char *text, size_t size), void *context);

#endif
