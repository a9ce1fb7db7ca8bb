"""HUP replaces the workers one after the other, under load."""

import signal
import time
from contextlib import ExitStack

import pytest

from support import proc
from support.proc import wait_until
from support.visitors import ANSWERED, Visitors, results, slowest
from support.websocket import WebSocket
from support.workers import node_worker, python_worker, served_twice

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])


def _replace(proxy, within=30):
    """Returns the old ones and the new ones."""
    before, done = proxy.workers, proxy.stderr.count("all workers are new")
    proxy.signal(signal.SIGHUP)
    assert wait_until(lambda: proxy.stderr.count("all workers are new") > done, within), proxy.stderr
    after = proxy.workers
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())
    return before, after


@BOTH
@pytest.mark.parametrize("lines", [0, 40], ids=["one-per-connection", "keep-alive"])
def test_nobody_fails_while_workers_are_replaced_under_load(workers, folder, command, lines):
    proxy = workers(command, 3, key="client", timeouts={"drain": "5s"})
    visitors = Visitors(proxy, per_second=500, lines=lines)
    time.sleep(0.5)
    before, after = _replace(proxy)
    assert wait_until(lambda: not any(map(proc.is_alive, before.values())))
    time.sleep(0.5)
    visits = visitors.stop()
    print(dict(results(visits)), sum(visit.retried for visit in visits), "asked again; slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} == {ANSWERED}
    assert served_twice(folder / "served") == []
    assert {visit.pid for visit in visits[-100:]} <= set(after.values())
    assert lines or not any(visit.retried for visit in visits)
    assert sum(visit.retried for visit in visits) <= lines
    assert not any(word in proxy.stderr for word in ("has not finished in time", "killed", "ended with"))


@BOTH
def test_what_is_under_way_is_finished(workers, command):
    proxy = workers(command, 2, key="client", timeouts={"drain": "5s"})
    visitors = Visitors(proxy, per_second=50, path="/wait/1000/{number}")
    time.sleep(0.7)
    before, _ = _replace(proxy)
    visits = visitors.stop()
    assert {visit.result for visit in visits} == {ANSWERED}
    assert {visit.pid for visit in visits if visit.slot == "1"} > {before["1"]}


def test_a_websocket_lives_until_the_drain_deadline_and_then_ends(workers):
    proxy = workers(node_worker(), 2, key="client", timeouts={"drain": "2s"})
    with ExitStack() as stack:
        sockets = [WebSocket(proxy, {"X-Forwarded-For": f"203.0.113.{number}"}) for number in range(30)]
        for socket in sockets:
            stack.callback(socket.close)
        homes = [int(socket.echo("hello").split()[0]) for socket in sockets]
        assert set(homes) == set(proxy.workers.values())
        first = proxy.workers["1"]
        proxy.signal(signal.SIGHUP)
        begun = time.monotonic()
        while time.monotonic() < begun + 1.5:
            assert all(socket.echo("still") == f"{home} still" for socket, home in zip(sockets, homes))
            time.sleep(0.1)
        old = [socket for socket, home in zip(sockets, homes) if home == first]
        assert all(socket.has_ended(5) for socket in old)
        assert 2 <= time.monotonic() - begun < 4
        assert proxy.says("has not finished in time: it is ended")
        assert proxy.says("all workers are new", 10)
        assert all(socket.has_ended(1) for socket in sockets)
    assert not proxy.says("killed", 0)


def test_a_new_worker_that_dies_before_it_serves_stops_the_restart(workers, folder):
    """Those that serve stay as they are."""
    flag = folder / "broken"
    script = f'test -e {flag} && exit 3; exec {" ".join(node_worker())}'
    proxy = workers(["/bin/sh", "-c", script], 2, key="client")
    before = proxy.workers
    visitors = Visitors(proxy, per_second=100)
    flag.touch()
    proxy.signal(signal.SIGHUP)
    assert proxy.says("the restart of the workers has stopped")
    time.sleep(0.5)
    visits = visitors.stop()
    assert {visit.result for visit in visits} == {ANSWERED}
    assert proxy.workers == before
    flag.unlink()
    _replace(proxy)


def test_a_storm_of_hangups_restarts_once_at_a_time(workers):
    proxy = workers(python_worker(), 2, key="client")
    visitors = Visitors(proxy, per_second=100)
    most = 0
    for _ in range(50):
        proxy.signal(signal.SIGHUP)
        time.sleep(0.01)
        most = max(most, len(proc.children(proxy.keeper)))
    assert proxy.says("all workers are new")
    time.sleep(0.5)
    assert most <= 1 + 2 + 2
    visits = visitors.stop()
    assert {visit.result for visit in visits} == {ANSWERED}
    assert wait_until(lambda: len(proc.children(proxy.keeper)) == 3)


def test_a_worker_that_is_killed_in_the_middle_of_it_does_not_stop_it(workers):
    proxy = workers(node_worker(), 3, key="client", timeouts={"drain": "3s"})
    with WebSocket(proxy).client:
        proxy.signal(signal.SIGHUP)
        assert wait_until(lambda: proxy.stderr.count("takes connections") == 4)
        for slot, pid in proxy.workers.items():
            if slot == "3":
                proc.kill(pid)
        assert proxy.says("all workers are new", 15)
    assert wait_until(lambda: len(proc.children(proxy.keeper)) == 4)
    assert sorted(proxy.workers) == ["1", "2", "3"]
