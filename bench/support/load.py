"""The two ends around a proxy: the answering server and the asking client, and what passes between two moments."""

import os
import re
import subprocess
import time
from collections import namedtuple

from support import cpu
from support.processes import OTHER_CORE, Process, built, free_ports, installed

# What happened in a stretch of time; CPU in seconds.
Sample = namedtuple("Sample", "requests bytes seconds proxy client server others stolen")

# Connections are made and buffers have found their sizes.
WARM_UP = 0.4

# What is under way when clients pause is answered by then.
LEFT_OVERS = 0.03


class Server(Process):
    """Answers on several ports, as several servers would. `fields` are what its answers have in their heads."""

    def __init__(self, count=3, fields=None):
        first = free_ports(count)
        self.ports = range(first, first + count)
        words = [built("bench/answer"), str(first), str(count), *([fields] if fields else [])]
        super().__init__(words, OTHER_CORE, self.ports, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def accepted(self):
        """How many connections so far."""
        os.write(self.popen.stdin.fileno(), b"\n")
        return int(self.popen.stdout.readline())

    def stop(self):
        self.popen.stdin.close()
        super().stop()
        self.popen.stdout.close()


class Load(Process):
    """Clients in one process. Use as a context; the counters can be asked for at any time."""

    program = "bench/load"

    def __init__(self, port, size, *what):
        words = [built(self.program), str(port), str(size), *map(str, what)]
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
        return self._answer(b"\n")

    def pause(self):
        """Clients wait for the answers that are under way, and ask for nothing more."""
        return self._answer(b"p\n")

    def resume(self):
        return self._answer(b"r\n")

    def _answer(self, line):
        self._write(line)
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


def _moment(counters, load, proxy_pids, server_pids):
    requests, size = counters
    busy, stolen = cpu.busy()
    parts = [cpu.spent(pids) for pids in (proxy_pids, load.family(), server_pids)]
    return (requests, size, time.monotonic(), *parts, busy - sum(parts), stolen)


def sample(load, proxy_pids, server_pids, seconds, warm_up=WARM_UP):
    """Lets clients run that long and says what it cost everyone. Ends them."""
    with load:
        time.sleep(warm_up)
        before = _moment(load.ask(), load, proxy_pids, server_pids)
        time.sleep(seconds)
        after = _moment(load.ask(), load, proxy_pids, server_pids)
    return Sample(*(b - a for a, b in zip(before, after)))


def sample_of_slice(load, proxy_pids, server_pids, seconds):
    """The same with clients that pause before and afterwards."""
    before = _moment(load.resume(), load, proxy_pids, server_pids)
    time.sleep(seconds)
    after = _moment(load.pause(), load, proxy_pids, server_pids)
    time.sleep(LEFT_OVERS)
    return Sample(*(b - a for a, b in zip(before, after)))


def total(samples):
    return Sample(*map(sum, zip(*samples)))


def visit(port, size, visits, messages):
    """One connection after another, and the end of it."""
    _answered(Load(port, size, "visit", visits, messages), visits * messages)


def visit_once(port, size, visits, at_a_time=1):
    """One request on each connection, behind which the other side closes."""
    _answered(Load(port, size, "once", at_a_time, visits), visits)


def _answered(load, expected):
    with load:
        requests, _ = load.told()
    if requests != expected:
        raise RuntimeError(f"{requests} answers instead of {expected}")


class Browsers(Load):
    """A thousand clients whose requests come over few connections."""

    program = "bench/browse"


# What clients had to wait that asked at a set rate; microseconds.
Latency = namedtuple("Latency", "requests p50 p99")


def latency(port, size, connections, rate, seconds):
    with Browsers(port, size, "pace", connections, rate, seconds) as load:
        said = load.popen.stdout.readline().split()
        if len(said) != 4 or said[3] != b"0":
            raise RuntimeError(f"browse ended early: {said} {load.complaint()}")
    return Latency(int(said[0]), float(said[1]), float(said[2]))


def sample_of_wrk(port, proxy_pids, server_pids, connections, seconds, path="", script=None):
    """The same as sample(), with wrk as the client: whole seconds, from its start to its end."""
    words = [installed("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}/{path}"]
    words += ["-s", script] if script else []

    def moment():
        busy, stolen = cpu.busy()
        parts = [cpu.spent(proxy_pids), cpu.of_ended_children(), cpu.spent(server_pids)]
        return (*parts, busy - sum(parts), stolen)

    before = moment()
    with Process(words, OTHER_CORE, stdout=subprocess.PIPE) as wrk:
        said = wrk.popen.communicate()[0].decode()
    costs = [b - a for a, b in zip(before, moment())]
    count = re.search(r"(\d+) requests in ", said)
    rate = re.search(r"^Requests/sec: +([\d.]+)$", said, re.MULTILINE)
    if not count or not rate or re.search(r"Socket errors|Non-2xx", said):
        raise RuntimeError(f"wrk: {said}")
    return Sample(int(count[1]), 0, int(count[1]) / float(rate[1]), *costs)
