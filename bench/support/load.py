"""The two ends around a proxy: the answering server and the asking client, and what passes between two moments."""

import os
import subprocess
import time
from collections import namedtuple

from support import cpu
from support.processes import OTHER_CORE, Process, built, free_ports

# What happened in a stretch of time; CPU in seconds.
Sample = namedtuple("Sample", "requests bytes seconds proxy client server others stolen")

# Connections are made and buffers have found their sizes.
WARM_UP = 0.4


class Server(Process):
    """Answers on several ports, as several servers would."""

    def __init__(self, count=3):
        first = free_ports(count)
        self.ports = range(first, first + count)
        super().__init__([built("bench/answer"), str(first), str(count)], OTHER_CORE, self.ports)


class Load(Process):
    """Clients in one process. Use as a context; the counters can be asked for at any time."""

    def __init__(self, port, size, *what):
        words = [built("bench/load"), str(port), str(size), *map(str, what)]
        super().__init__(words, OTHER_CORE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def told(self):
        """The next line of counters: requests, bytes."""
        line = self.popen.stdout.readline().split()
        if len(line) != 3:
            raise RuntimeError(f"load ended early: {self.complaint()}")
        requests, size, errors = map(int, line)
        if errors:
            raise RuntimeError(f"{errors} requests failed")
        return requests, size

    def ask(self):
        self._write(b"\n")
        return self.told()

    def _write(self, what):
        """Clients that have failed do not listen; told() finds out why."""
        try:
            os.write(self.popen.stdin.fileno(), what)
        except BrokenPipeError:
            pass

    def stop(self):
        self.popen.stdin.close()
        super().stop()
        self.popen.stdout.close()


def _moment(load, proxy_pids, server_pids):
    requests, size = load.ask()
    busy, stolen = cpu.busy()
    parts = [cpu.spent(pids) for pids in (proxy_pids, load.family(), server_pids)]
    return (requests, size, time.monotonic(), *parts, busy - sum(parts), stolen)


def sample(load, proxy_pids, server_pids, seconds, warm_up=WARM_UP):
    """Lets clients run that long and says what it cost everyone. Ends them."""
    with load:
        time.sleep(warm_up)
        before = _moment(load, proxy_pids, server_pids)
        time.sleep(seconds)
        after = _moment(load, proxy_pids, server_pids)
    return Sample(*(b - a for a, b in zip(before, after)))


def visit(port, size, visits, messages):
    """One connection after another, and the end of it."""
    _answered(Load(port, size, "visit", visits, messages), visits * messages)


def visit_once(port, size, visits):
    """The same with one request each, behind which the other side closes."""
    _answered(Load(port, size, "once", 1, visits), visits)


def _answered(load, expected):
    with load:
        requests, _ = load.told()
    if requests != expected:
        raise RuntimeError(f"{requests} answers instead of {expected}")
