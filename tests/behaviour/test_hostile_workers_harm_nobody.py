"""A worker of limpet's own contract may do to its channel what it likes: its clients go to the next-ranked, or are told in
time; the others notice nothing."""

import time

import pytest

from support import proc
from support.client import Client, ask
from support.proc import wait_until
from support.ranking import Ranking
from support.visitors import ANSWERED, Visitors, results, slowest
from support.wire import request
from support.workers import python_worker, served_twice

SERVING = ["answers_twice", "answers_what_nobody_asked", "says_words_of_another_version",
           "sends_messages_of_any_length", "sends_descriptors"]
USELESS = ["refuses", "dies_before_it_answers", "dies_with_some_unread", "dies_at_once", "closes_by_an_empty_message"]
FLOODING = ["floods_with_answers", "floods_with_noise", "floods_with_readiness", "floods_with_descriptors"]


def _start(workers, habit, **options):
    """Slot 1 has that habit, slots 2 and 3 have none."""
    options["timeouts"] = {"drain": "1s", **options.get("timeouts", {})}
    proxy = workers(python_worker(f"1:{habit}"), 3, key="client", ready=False, **options)
    assert wait_until(lambda: len([slot for slot in (2, 3) if f"app/{slot} " in proxy.stderr]) == 2)
    assert wait_until(lambda: proxy.engine)
    return proxy


class Engine:
    """What it has used since."""

    def __init__(self, proxy):
        self.proxy, self.pid = proxy, proxy.engine
        self.memory, self.descriptors = proc.memory(self.pid), proc.descriptors(self.pid)

    def is_well(self):
        assert self.proxy.engine == self.pid, self.proxy.stderr
        assert proc.memory(self.pid) - self.memory < 4 << 20
        assert proc.descriptors(self.pid) - self.descriptors < 60
        assert self.proxy.stderr.count("\n") < 40, self.proxy.stderr
        return True


@pytest.mark.parametrize("habit", SERVING + USELESS)
def test_whatever_it_says_everybody_is_served(workers, folder, habit):
    proxy = _start(workers, habit)
    engine = Engine(proxy)
    visitors = Visitors(proxy, per_second=60)
    time.sleep(2.5)
    visits = visitors.stop()
    print(dict(results(visits)), {visit.slot for visit in visits}, "slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} == {ANSWERED}
    assert {visit.slot for visit in visits} == ({1, 2, 3} if habit in SERVING else {2, 3})
    assert served_twice(folder / "served") == []
    assert slowest(visits, 1) < 2
    assert len(proxy.visits(len(visits))) == len(visits)
    assert engine.is_well()


@pytest.mark.parametrize("habit", FLOODING)
def test_a_flood_of_words_holds_up_nobody(workers, habit):
    """But its own clients, who wait for it."""
    proxy = _start(workers, habit)
    ranking = Ranking("tests", "app", dict.fromkeys("123", 1))
    others = [client for client in range(60) if ranking.home_of_address(f"203.0.113.{client}") != "1"]
    engine = Engine(proxy)
    begun = time.monotonic()
    took = []
    while time.monotonic() < begun + 2:
        for client in others[:10]:
            at = time.monotonic()
            assert ask(proxy, "/1", _fields(client)).status == 200
            took.append(time.monotonic() - at)
    print(f"{len(took)} answers, slowest {max(took) * 1e3:.0f} ms, {proc.cpu_seconds(engine.pid):.1f} s of CPU")
    assert sorted(took)[len(took) * 99 // 100] < 1
    assert engine.is_well()


def _fields(client):
    return {"X-Forwarded-For": f"203.0.113.{client}", "Connection": "close"}


@pytest.mark.parametrize("habit", ["never_reads", "closes_its_channel"])
def test_one_that_does_not_read_is_passed_over_after_three_seconds(workers, habit):
    """What was sent to it and not read is taken back."""
    proxy = _start(workers, habit)
    engine = Engine(proxy)
    visitors = Visitors(proxy, per_second=60)
    time.sleep(6)
    visits = visitors.stop()
    late = [visit for visit in visits if visit.took > 1]
    print(dict(results(visits)), "slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} == {ANSWERED}
    assert 2.5 < slowest(visits, 1) < 5
    assert all(visit.began < visits[0].began + 4 for visit in late)
    assert proxy.stderr.count("has not answered for 3 s") == 1
    assert engine.is_well()


@pytest.mark.parametrize("habit", ["swallows", "swallows_all", "closes_its_channel_later"])
def test_a_client_whose_worker_never_answers_is_told_in_time(workers, habit):
    """The worker has read the message: nobody else may get the connection. But neither is it kept for ever."""
    proxy = _start(workers, habit, timeouts={"worker": "4s"})
    engine = Engine(proxy)
    visitors = Visitors(proxy, per_second=40, timeout=12)
    time.sleep(8)
    lines = proxy.stderr.count("\n")
    visits = visitors.stop()
    told = [visit for visit in visits if visit.result != ANSWERED]
    print(dict(results(visits)), "slowest", slowest(visits, 1))
    assert {visit.result for visit in told} == {"reset"} or {visit.result for visit in told} == {"empty"}
    assert all(3 < visit.took < 6 for visit in told)
    assert len(told) <= 40
    reasons = [line["reason"] for line in proxy.visits(len(visits))]
    assert reasons.count("worker_timeout") == len(told)
    assert lines < 25, proxy.stderr
    assert wait_until(lambda: proc.descriptors(engine.pid) <= engine.descriptors + 5)
    assert engine.is_well()


@pytest.mark.parametrize("habit, more", [("closes_by_an_empty_message", {}), ("never_reads", {"kill-silent": "1s"}),
                                         ("closes_its_channel", {"kill-silent": "1s"})])
def test_one_that_can_never_serve_again_is_replaced(workers, habit, more):
    proxy = _start(workers, habit, more=more)
    first = proxy.workers[1]
    for client in range(10):
        assert ask(proxy, "/1", _fields(client)).status == 200
    assert wait_until(lambda: proxy.workers.get(1, first) != first, 12)


def test_one_that_is_ready_only_in_words_of_another_length_takes_no_connections(workers):
    """What tells that a message of the wrong length is not understood."""
    proxy = workers(python_worker("1:says_ready_too_long"), 1, key="client", ready=False, timeouts={"worker": "1s"})
    assert proxy.says("limpet: ready")
    with Client(proxy) as client:
        client.send(request("/1", _fields(1)))
        assert client.is_dropped(5)
    assert proxy.visit()["reason"] == "no_server"
