"""A worker that has no descriptor free, or stands still: the others serve its clients, and nothing grows."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from support import proc
from support.client import Client, ask, parse_answer
from support.limpet import room_for_growth
from support.ports import free_port
from support.proc import paused, wait_until
from support.visitors import ANSWERED, Visitors, lost, results, slowest
from support.wire import request
from support.workers import node_worker, python_worker, served_twice

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])


def _clients_of(proxy, slot, count=200):
    """Clients whose home it is."""
    found = []
    for client in range(count):
        name = f"203.0.113.{client}"
        if ask(proxy, headers={"X-Forwarded-For": name, "Connection": "close"}).text.split()[0] == slot:
            found.append(name)
    return found


def _come(proxy, client, crowd):
    """Who serves him. He stays."""
    crowd.append(Client(proxy, timeout=2))
    crowd[-1].send(request("/1", {"X-Forwarded-For": client}))
    return parse_answer(crowd[-1].read()).text.split()[0]


@BOTH
def test_a_worker_that_stands_still_is_passed_over_and_serves_nothing_twice(workers, folder, command):
    """Those whom it had not read yet are served by others, and never by it when it goes on."""
    proxy = workers(command, 3, key="client")
    engine, victim = proxy.engine, proxy.workers["1"]
    visitors = Visitors(proxy, per_second=100, timeout=30)
    time.sleep(0.5)
    with paused(victim):
        time.sleep(4.5)
        memory, descriptors = proc.memory(engine), proc.descriptors(engine)
        time.sleep(1.5)
        assert proc.memory(engine) - memory < room_for_growth()
        assert proc.descriptors(engine) - descriptors < 100
        assert "app/1" in proxy.stderr and "has not answered for 3 s" in proxy.stderr
    assert proxy.says("answers again")
    continued = time.monotonic()
    time.sleep(1)
    visits = visitors.stop()
    print(dict(results(visits)), "slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} == {ANSWERED}
    assert served_twice(folder / "served") == []
    assert {visit.slot for visit in visits if visit.began > continued + 0.2} == {"1", "2", "3"}
    assert proxy.workers["1"] == victim
    lines = proxy.visits(len(visits))
    assert len(lines) == len(visits)
    assert {line["reason"] for line in lines} == {"handed_over"}


@BOTH
def test_one_that_stands_still_again_and_again_serves_nothing_twice(workers, folder, command):
    """Shortly, so that it takes what waits for it; and long enough for that to be taken back, at times just then."""
    proxy = workers(command, 2, key="client")
    visitors = Visitors(proxy, per_second=150, timeout=30)
    for pause in (0.3, 2.95, 3.05, 0.3):
        time.sleep(0.2)
        with paused(proxy.workers["1"]):
            time.sleep(pause)
    visits = visitors.stop()
    print(dict(results(visits)), "slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} == {ANSWERED}
    assert served_twice(folder / "served") == []


def test_a_killed_one_that_stood_still_serves_nothing_twice(workers, folder):
    proxy = workers(node_worker(), 3, key="client")
    visitors = Visitors(proxy, per_second=150)
    stops = []
    for slot in "123":
        victim = proxy.workers[slot]
        stops.append(time.monotonic())
        os.kill(victim, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(victim, signal.SIGKILL)
        assert wait_until(lambda: proxy.workers.get(slot, victim) != victim)
    visits = visitors.stop()
    assert all(any(visit.began < stop < visit.ended for stop in stops) for visit in lost(visits)), "not read, but lost"
    assert served_twice(folder / "served") == []


def test_what_a_worker_asked_before_it_stood_still_is_answered(workers):
    """The answer to a second listen() waits unread in front of connections that are taken back."""
    proxy = workers(node_worker(), 2, key="client")
    home, port = _clients_of(proxy, "1", 20)[0], free_port()
    fields = {"X-Forwarded-For": home, "Connection": "close"}
    victim = proxy.workers["1"]
    assert ask(proxy, f"/listen/{port}/1", fields).text[0] == "1"
    assert wait_until(lambda: proc.is_stopped(victim))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda number: ask(proxy, f"/{number}", fields).text[:1], range(3)))
    assert answers == ["2"] * 3
    os.kill(victim, signal.SIGCONT)
    assert proxy.says("answers again")
    assert wait_until(lambda: ask(f"127.0.0.1:{port}", "/", fields).text == "second", 5)


def test_one_that_never_hears_again_may_be_killed_for_it(workers):
    proxy = workers(python_worker(), 2, key="client", more={"kill-silent": "1s"})
    victim = proxy.workers["1"]
    os.kill(victim, signal.SIGSTOP)
    assert proxy.says("does not answer: it is killed", 10)
    assert wait_until(lambda: proxy.workers.get("1", victim) != victim)
    assert wait_until(lambda: proxy.stderr.count("takes connections") == 3)


@BOTH
def test_a_worker_without_a_free_descriptor_is_passed_over(workers, command):
    """Idle connections fill it; its newcomers go to the next-ranked until some have left."""
    proxy = workers(command, 2, key="client", more={"limits": {"open-files": 64}})
    home = _clients_of(proxy, "1", 20)
    crowd = []
    try:
        served_by = [_come(proxy, home[0], crowd) for number in range(70)]
        assert set(served_by[:20]) == {"1"} and set(served_by[-10:]) == {"2"}
    finally:
        for client in crowd:
            client.close()
    assert wait_until(lambda: ask(proxy, "/1", {"X-Forwarded-For": home[0], "Connection": "close"}).text[0] == "1")


@BOTH
def test_when_no_worker_has_a_free_descriptor_newcomers_wait_for_one(workers, command):
    proxy = workers(command, 2, key="client", more={"limits": {"open-files": 64}})
    crowd = []
    with suppress(TimeoutError):
        for number in range(130):
            _come(proxy, f"203.0.113.{number % 50}", crowd)
    late = crowd.pop()
    late.socket.settimeout(10)
    for client in crowd:
        client.close()
    assert parse_answer(late.read()).status == 200
    late.close()


@BOTH
def test_workers_without_free_descriptors_under_load_lose_nobody(workers, folder, command):
    """One of them is at its limit for a while; then it is not."""
    proxy = workers(command, 3, key="client")
    engine, victim = proxy.engine, proxy.workers["1"]
    visitors = Visitors(proxy, per_second=150)
    time.sleep(0.5)
    with proc.without_new_descriptors(victim):
        time.sleep(0.5)
        passed_over = time.monotonic()
        time.sleep(1.5)
        used = proc.descriptors(engine)
        time.sleep(1)
        assert proc.descriptors(engine) - used < 50
        welcome_again = time.monotonic()
    time.sleep(5)
    visits = visitors.stop()
    print(dict(results(visits)), "slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} == {ANSWERED}
    assert served_twice(folder / "served") == []
    assert {visit.slot for visit in visits if passed_over < visit.began and visit.ended < welcome_again} == {"2", "3"}
    assert {visit.slot for visit in visits if visit.began > welcome_again + 4} == {"1", "2", "3"}
    assert proxy.workers["1"] == victim
    if "node" in command[0]:
        assert proxy.stderr.count("app/1 has no descriptor left") == 1
        assert "app/1 takes connections again" in proxy.stderr


@BOTH
def test_a_pause_of_an_idle_worker_moves_nobody(workers, command):
    """It had been asked whether it hears; those who came behind that question wait, and are served at home."""
    proxy = workers(command, 2, key="client")
    home = _clients_of(proxy, "1", 20)
    time.sleep(1.3)
    with ThreadPoolExecutor(len(home)) as pool:
        with paused(proxy.workers["1"]):
            time.sleep(1.2)
            asked = [pool.submit(ask, proxy, "/1", {"X-Forwarded-For": client, "Connection": "close"})
                     for client in home]
            time.sleep(0.7)
        assert [one.result().text[0] for one in asked] == ["1"] * len(home)
    assert "no descriptor left" not in proxy.stderr
