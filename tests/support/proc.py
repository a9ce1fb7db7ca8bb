"""What the kernel says about a process."""

import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress


def _stat(pid):
    """Fields of /proc/PID/stat from the state on, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def is_stopped(pid):
    return (_stat(pid) or "?")[0] == "T"


def kill(pid):
    """As the kernel does when memory runs out. True once it is dead; perhaps it was already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return wait_until(lambda: not is_alive(pid), 5)


def born(pid):
    """Tells two processes apart that had the same number one after the other."""
    stat = _stat(pid)
    return stat and stat[19]


def age(pid):
    """For sorting: who was born later has a smaller one. Numbers of processes born in one tick decide nearly always."""
    return (-int(born(pid) or 0), -pid)


def program(pid):
    """The name of the file that it runs."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return None


def arguments(pid):
    """Its command line, as a list; empty when there is no such process."""
    return _strings(pid, "cmdline")


def environment(pid):
    """As it was when the process began."""
    return dict(variable.partition("=")[::2] for variable in _strings(pid, "environ"))


def _strings(pid, file):
    try:
        with open(f"/proc/{pid}/{file}", "rb") as open_file:
            return open_file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def children(pid, zombies=False):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(entry)
            if stat and int(stat[1]) == pid and (zombies or stat[0] not in "ZX"):
                found.append(int(entry))
    return sorted(found)


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def switches(pid):
    """How often its threads have gone to sleep: how often they were woken."""
    count = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as file:
            count += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches"))
    return count


@contextmanager
def paused(pid):
    """While it stands still, what others do to it gathers in the kernel."""
    os.kill(pid, signal.SIGSTOP)
    try:
        assert wait_until(lambda: is_stopped(pid)), "it does not stop"
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def cpu_seconds(pid):
    """CPU that all threads of a process have used."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def memory(pid):
    """Anonymous memory in bytes."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid):
    count = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def descriptor_limits(pid):
    with open(f"/proc/{pid}/limits") as file:
        for line in file:
            if line.startswith("Max open files"):
                return tuple(int(word) for word in line.split()[3:5])
    raise RuntimeError("no such limit")


def lower_descriptor_limit(pid, limit):
    """Of a process that is running already, for good."""
    _set_descriptor_limit(pid, f"{limit}:{limit}")


@contextmanager
def without_new_descriptors(pid):
    """It keeps those that it has."""
    soft, _ = descriptor_limits(pid)
    _set_descriptor_limit(pid, "3:")
    try:
        yield
    finally:
        _set_descriptor_limit(pid, f"{soft}:")


def _set_descriptor_limit(pid, limit):
    """What its own user may do, root may not, without a capability for it."""
    owner = os.stat(f"/proc/{pid}")
    command = ["prlimit", "--pid", str(pid), f"--nofile={limit}"]
    if os.geteuid() == 0 and owner.st_uid != 0:
        command = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups", *command]
    subprocess.run(command, check=True, capture_output=True)


def wait_until(condition, seconds=10, every=0.01):
    """The first true answer of `condition`; whatever it answers last when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(every)
