"""The engine is killed: whoever is with a worker notices nothing, newcomers wait a moment, and what the workers still say to
the dead engine confuses nobody."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from support import proc
from support.client import Client, ask, parse_answer
from support.proc import paused, wait_until
from support.ranking import ranking_of_workers
from support.visitors import ANSWERED, Visitors, results, slowest
from support.websocket import WebSocket
from support.wire import request
from support.workers import node_worker, python_worker, served_twice

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])


def _kill_engine(proxy):
    """Kills it and returns when that was. Afterwards there is another."""
    engine, times = proxy.engine, proxy.stderr.count("ready again")
    begun = time.monotonic()
    assert proc.kill(engine)
    assert wait_until(lambda: proxy.stderr.count("ready again") > times, 10), proxy.stderr
    return begun


def _fields(client):
    return {"X-Forwarded-For": f"203.0.113.{client}", "Connection": "close"}


def _asked_by_all(proxy):
    """The slots in which clients are served."""
    return {ask(proxy, "/again", _fields(number)).text[0] for number in range(30)}


def test_websockets_live_on(workers):
    proxy = workers(node_worker(), 2, key="client")
    with ExitStack() as stack:
        sockets = [WebSocket(proxy, {"X-Forwarded-For": f"203.0.113.{number}"}) for number in range(40)]
        for socket in sockets:
            stack.callback(socket.close)
        homes = [socket.echo("hello").split()[0] for socket in sockets]
        for number in range(3):
            _kill_engine(proxy)
            assert [socket.echo(f"{number}") for socket in sockets] == [f"{home} {number}" for home in homes]


@BOTH
def test_kept_connections_live_on(workers, command):
    """The same workers, too: none is started anew."""
    proxy = workers(command, 2, key="client")
    before = proxy.workers
    with Client(proxy) as client:
        first = parse_answer(client.send(request("/1")).read()).text
        _kill_engine(proxy)
        assert parse_answer(client.send(request("/1")).read()).text == first
        assert ask(proxy, "/1", {"Connection": "close"}).text == first
    assert proxy.workers == before


@pytest.mark.parametrize("mode", ["tcp", "http"])
@BOTH
def test_newcomers_who_waited_for_the_next_engine_come_home(workers, command, mode):
    """They are at its doors before its threads know of each other's workers."""
    proxy = workers(command, 4, key="client", listener={"mode": mode, "trust": "loopback"}, threads=4)
    homes = ranking_of_workers(4)
    for _ in range(3):
        with paused(proxy.keeper):
            proc.kill(proxy.engine)
            clients = [Client(proxy).send(request("/1", _fields(number))) for number in range(60)]
        for number, client in enumerate(clients):
            with client:
                slot = parse_answer(client.read_to_end()).text[0]
                assert slot == homes.home_of_address(f"203.0.113.{number}")


@pytest.mark.plain
def test_newcomers_are_served_again_soon(workers):
    """Who was on his way through the engine when it died is lost with it; nobody else is."""
    proxy = workers(node_worker(), 3, key="client")
    before = proxy.workers
    visitors = Visitors(proxy, per_second=200)
    deaths = []
    for _ in range(4):
        time.sleep(1.2)
        deaths.append(_kill_engine(proxy))
    time.sleep(1)
    visits = visitors.stop()
    gaps = [min(visit.ended for visit in visits if visit.began > death) - death for death in deaths]
    gone = [visit for visit in visits if visit.result != ANSWERED]
    print(dict(results(visits)), "served again after", [f"{gap * 1e3:.0f} ms" for gap in gaps])
    assert {visit.result for visit in gone} <= {"reset", "empty"}
    assert all(any(visit.began < death + 0.05 < visit.ended + 0.1 for death in deaths) for visit in gone)
    assert len(gone) <= 5 * len(deaths)
    assert sorted(gaps)[1] <= 0.2
    assert proxy.workers == before


@BOTH
def test_answers_to_a_dead_engine_confuse_nobody(workers, folder, command):
    """Each engine dies with many connections under way, unread by workers that stand still; their answers reach the next
    one, which has sent others meanwhile."""
    proxy = workers(command, 2, key="client", timeouts={"worker": "20s"})
    victims = proxy.workers
    visitors = Visitors(proxy, per_second=150, timeout=30)
    for number in range(6):
        time.sleep(0.2)
        with paused(victims["1"]), paused(victims["2"]):
            time.sleep(0.3)
            _kill_engine(proxy)
            time.sleep(0.3 * (number % 2))
    time.sleep(1)
    ends = time.monotonic()
    time.sleep(1)
    visits = visitors.stop()
    print(dict(results(visits)), "slowest", slowest(visits, 1))
    assert {visit.result for visit in visits} <= {ANSWERED, "reset", "empty"}
    assert {visit.result for visit in visits if visit.began > ends} == {ANSWERED}
    assert set(served_twice(folder / "served")) <= {"again"}
    assert proxy.workers == victims


@BOTH
def test_engines_that_die_in_quick_succession_confuse_nobody(workers, folder, command):
    proxy = workers(command, 3, key="client")
    victims = proxy.workers
    visitors = Visitors(proxy, per_second=200, timeout=30)
    until = time.monotonic() + 3
    deaths = 0
    while time.monotonic() < until:
        if engine := proxy.engine:
            deaths += proc.kill(engine)
        time.sleep(0.02)
    assert wait_until(lambda: len(_asked_by_all(proxy)) == 3, 15)
    ends = time.monotonic()
    time.sleep(1)
    visits = visitors.stop()
    print(deaths, "deaths", dict(results(visits)), "slowest", slowest(visits, 1))
    assert deaths > 3
    assert {visit.result for visit in visits} <= {ANSWERED, "reset", "empty"}
    assert {visit.result for visit in visits if visit.began > ends} == {ANSWERED}
    assert set(served_twice(folder / "served")) <= {"again"}
    assert proxy.workers == victims


def test_workers_that_were_only_starting_serve_in_the_end(workers):
    """What such a one said may be lost with the engine; then it is started anew."""
    proxy = workers(node_worker(), 3, key="client", ready=False)
    assert proxy.says("limpet: ready")
    for _ in range(3):
        assert wait_until(lambda: proxy.engine)
        proc.kill(proxy.engine)
        time.sleep(0.15)
    assert wait_until(lambda: len(proxy.workers) == 3)
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(lambda number: ask(proxy, f"/{number}", _fields(number)).status, range(30))
        assert set(asked) == {200}
    assert _asked_by_all(proxy) == {"1", "2", "3"}


def test_workers_that_say_nothing_for_a_moment_are_not_lost_to_the_next_engine(workers):
    """It stood still all the time from before the old engine died until after the new one has come."""
    proxy = workers(node_worker(), 2, key="client")
    with paused(proxy.workers["1"]):
        _kill_engine(proxy)
        with ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(ask, proxy, f"/{number}", _fields(number)) for number in range(40)]
            assert {one.result().status for one in asked} == {200}
    assert wait_until(lambda: _asked_by_all(proxy) == {"1", "2"})
