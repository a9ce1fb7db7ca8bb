"""CPU time of processes, in seconds: user and system of all threads."""

import os
import resource

TICK = 1 / os.sysconf("SC_CLK_TCK")


def spent(pids):
    return sum(_of_task(pid, task) for pid in pids for task in _tasks(pid))


def _tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return []


def _of_task(pid, task):
    """The scheduler's own count in nanoseconds; utime + stime are the same sum, cut to ticks of 10 ms."""
    try:
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            return int(f.read().split()[0]) * 1e-9
    except FileNotFoundError:
        return _ticks(pid, task)


def _ticks(pid, task):
    try:
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0
    return (int(fields[11]) + int(fields[12])) * TICK


def of_ended_children():
    """What those that have been waited for had used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy():
    """What all processes and interrupts of the machine have used, and what the host took away from it."""
    with open("/proc/stat") as f:
        fields = [int(x) * TICK for x in f.readline().split()[1:]]
    user, nice, system, _idle, _wait, hard, soft, stolen = fields[:8]
    return user + nice + system + hard + soft, stolen
