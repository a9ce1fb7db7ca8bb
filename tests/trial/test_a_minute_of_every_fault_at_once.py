"""Workers are killed, stopped and continued, robbed of descriptors and replaced, and the engine is killed, at random and all at
the same time. Who is lost was with one that was killed; everybody else is served, and once."""

import os
import random
import signal
import threading
import time
from contextlib import suppress

import pytest

from support import proc
from support.client import ask
from support.proc import wait_until
from support.visitors import ANSWERED, Visitors, lost, results, slowest
from support.workers import node_worker, python_worker, served_twice

SLOTS = "1234"


class Chaos:
    def __init__(self, proxy, seed):
        self.proxy, self.dice = proxy, random.Random(seed)
        self.kills = []  # when, and whom: a slot, or "engine"
        self.done = {}
        self.threads = []

    def go_on(self, seconds):
        faults = [self.kill_worker, self.stop_worker, self.stop_worker, self.kill_engine, self.replace, self.rob_worker]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fault = self.dice.choice(faults)
            self.done[fault.__name__] = self.done.get(fault.__name__, 0) + 1
            thread = threading.Thread(target=fault, args=(self.dice.random(),), daemon=True)
            thread.start()
            self.threads.append(thread)
            time.sleep(self.dice.uniform(0.1, 1))
        for thread in self.threads:
            thread.join()

    def _one(self, chance):
        found = list(self.proxy.workers.items())
        return found[int(chance * len(found))] if found else (None, None)

    def kill_worker(self, chance):
        slot, pid = self._one(chance)
        if pid:
            self.kills.append((time.monotonic(), slot))
            proc.kill(pid)

    def kill_engine(self, _):
        if engine := self.proxy.engine:
            self.kills.append((time.monotonic(), "engine"))
            proc.kill(engine)

    def stop_worker(self, chance):
        _, pid = self._one(chance)
        with suppress(ProcessLookupError, TypeError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(chance * 4)
        with suppress(ProcessLookupError, TypeError):
            os.kill(pid, signal.SIGCONT)

    def rob_worker(self, chance):
        _, pid = self._one(chance)
        with suppress(Exception), proc.without_new_descriptors(pid):
            time.sleep(chance)

    def replace(self, _):
        self.proxy.signal(signal.SIGHUP)

    def explains(self, visit):
        """Somebody was killed while it was under way."""
        return any(visit.began - 0.5 < at < visit.ended + 0.5 for at, _ in self.kills)


def _home_slots(proxy):
    return {ask(proxy, "/again", {"X-Forwarded-For": f"203.0.113.{client}", "Connection": "close"}).text[:1]
            for client in range(60)}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])
def test_a_minute_of_every_fault_at_once(workers, folder, command):
    seed = int(os.environ.get("CHAOS_SEED", time.time()))
    seconds = int(os.environ.get("CHAOS_SECONDS", 60))
    print("seed", seed)
    proxy = workers(command, len(SLOTS), key="client", timeouts={"drain": "6s", "worker": "20s"})
    used = proc.descriptors(proxy.engine)
    short = Visitors(proxy, per_second=100, timeout=30)
    kept = Visitors(proxy, per_second=50, timeout=30, lines=20, first=1000000)
    chaos = Chaos(proxy, seed)
    chaos.go_on(seconds)
    time.sleep(5)
    calm = time.monotonic()
    time.sleep(2)
    visits, others = short.stop(), kept.stop()
    print(chaos.done, dict(results(visits)), dict(results(others)), "slowest", slowest(visits, 1), slowest(others, 1))
    for visit in lost(visits) + lost(others):
        assert visit.result in ("reset", "empty", "cut") and chaos.explains(visit), visit
    assert all(visit.result == ANSWERED for visit in visits + others if visit.began > calm)
    asked_twice = {"again", *(str(visit.number) for visit in others if visit.retried)}
    assert set(served_twice(folder / "served")) <= asked_twice
    assert wait_until(lambda: _home_slots(proxy) == set(SLOTS), 20)
    assert wait_until(lambda: proc.descriptors(proxy.engine) <= used + 10)

