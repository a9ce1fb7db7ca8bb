"""How many descriptors may be under way in Unix sockets is counted for each user: others of his may use them up, and then
the kernel says ETOOMANYREFS. Root is never told so; the engine is not root."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import proc
from support.client import ask
from support.in_flight import InFlight
from support.proc import wait_until
from support.visitors import ANSWERED, Visitors, results, slowest
from support.workers import node_worker, python_worker, served_twice

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])

MANY, FEW = 600, 300  # under way of another process; allowed to the engine


@BOTH
def test_nobody_is_lost_while_none_can_be_handed_over(workers, folder, keep, command):
    proxy = workers(command, 3, key="client")
    engine = proxy.engine
    proc.lower_descriptor_limit(engine, FEW)
    visitors = Visitors(proxy, per_second=60)
    time.sleep(0.3)
    others = keep(InFlight(engine, MANY))
    filled = time.monotonic()
    time.sleep(0.2)
    used = proc.cpu_seconds(engine)
    time.sleep(1)
    used = proc.cpu_seconds(engine) - used
    freed = time.monotonic()
    others.stop()
    time.sleep(0.5)
    visits = visitors.stop()
    waited = [visit for visit in visits if filled < visit.began < freed - 0.3]
    print(dict(results(visits)), len(waited), "waited; slowest", slowest(visits, 1), f"{used:.2f} s of CPU")
    assert {visit.result for visit in visits} == {ANSWERED}
    assert waited and all(visit.ended > freed for visit in waited), "the kernel did not refuse"
    assert used < 0.5
    assert served_twice(folder / "served") == []
    assert {line["reason"] for line in proxy.visits(len(visits))} == {"handed_over"}
    assert proxy.engine == engine and proxy.stderr.count("\n") < 30


def test_a_new_engine_waits_too(workers, keep):
    """What it is told of the workers comes with descriptors of theirs, from the keeper: who is root is never refused."""
    proxy = workers(node_worker(), 2, key="client")
    proc.lower_descriptor_limit(proxy.keeper, FEW)
    if os.geteuid() == 0:
        pytest.skip("root may have as many under way as it likes")
    others = keep(InFlight(proxy.keeper, MANY))
    proc.kill(proxy.engine)
    time.sleep(0.3)
    others.stop()
    assert proxy.says("ready again")
    assert wait_until(lambda: ask(proxy, "/1", {"Connection": "close"}).status == 200)


@BOTH
def test_a_crowd_is_handed_over_by_an_engine_with_few_descriptors(workers, command):
    """More come at once than it has room for: the others wait in the backlog."""
    proxy = workers(command, 2, key="client")
    proc.lower_descriptor_limit(proxy.engine, proc.descriptors(proxy.engine) + 20)
    with ThreadPoolExecutor(150) as pool:
        answers = list(pool.map(lambda number: ask(proxy, f"/wait/50/{number}", {
            "X-Forwarded-For": f"203.0.113.{number}", "Connection": "close"}).status, range(450)))
    assert answers == [200] * 450
