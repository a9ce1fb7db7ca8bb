"""Workers that are killed under load, and the account of every connection: what its client saw against the access log."""

import os
import random
import signal
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone

from support import proc
from support.visitors import ANSWERED, Visitors, lost, results, slowest


@dataclass
class Death:
    slot: str
    pid: int
    at: float       # time.monotonic()
    wall: float     # time.time()
    started: float = 0.0   # ... until another process is there
    serving: float = 0.0   # ... until limpet says that it takes connections


def ended(line):
    """When a visit of the access log ended, as time.time()."""
    began = datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
    return began + line["total_ms"] / 1000


class Mortality:
    """So many connections per second, each of which keeps its worker busy for 20 ms. Every second victim stands still
    before it is killed, so that it has connections that it has not read."""

    def __init__(self, proxy, per_second, every):
        self.proxy, self.every = proxy, every
        self.deaths = []
        self.visitors = Visitors(proxy, per_second, path="/wait/20/{number}")
        time.sleep(1)

    def go_on(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            due = time.monotonic() + self.every
            self.deaths.append(self._kill())
            time.sleep(max(0, due - time.monotonic()))

    def _kill(self):
        slot, pid = random.choice(list(self.proxy.workers.items()))
        if len(self.deaths) % 2 == 1:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.3)
        death = Death(slot, pid, time.monotonic(), time.time())
        os.kill(pid, signal.SIGKILL)
        proc.wait_until(lambda: self.proxy.workers.get(slot, pid) != pid, 5, every=0.002)
        death.started = time.monotonic() - death.at
        new = self.proxy.workers[slot]
        proc.wait_until(lambda: f"(process {new}) takes connections" in self.proxy.stderr, 5, every=0.002)
        death.serving = time.monotonic() - death.at
        return death

    def conclude(self):
        """Every client knows its outcome, and the access log tells the same."""
        time.sleep(1)
        visits = self.visitors.stop()
        lines = self.proxy.visits(len(visits))
        self._print(visits, lines)
        assert len(lines) == len(visits), "a connection that was accepted is not in the log, or is twice"
        assert {line["reason"] for line in lines} == {"handed_over"}
        assert {visit.result for visit in visits} <= {ANSWERED, "reset", "empty", "cut"}
        by_port = {}
        for line in lines:
            by_port.setdefault(int(line["peer"].rsplit(":", 1)[1]), []).append(line)
        assert statistics.median(death.started for death in self.deaths) <= 0.2
        for visit in lost(visits):
            assert any(self._explains(death, line) for death in self.deaths for line in by_port[visit.port]), visit
        return visits

    @staticmethod
    def _explains(death, line):
        """Its worker had taken it, and died with it."""
        return line["server"] == death.slot and death.wall - 1 < ended(line) < death.wall + 0.05

    def _print(self, visits, lines):
        print(dict(results(visits)), dict(Counter(line["reason"] for line in lines)))
        print("p99", round(slowest(visits), 3), "slowest", round(slowest(visits, 1), 3))
        for death in self.deaths:
            first = min((v.ended for v in visits if v.slot == death.slot and v.pid != death.pid and v.ended > death.at),
                        default=0)
            print(f"slot {death.slot}: a new process after {death.started * 1e3:.0f} ms, takes connections after "
                  f"{death.serving * 1e3:.0f} ms, first answer after {(first - death.at) * 1e3:.0f} ms")
