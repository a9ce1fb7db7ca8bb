"""Workers behind a proxy that is trusted: each request goes to its client's home over a connection that limpet keeps. A
worker may be replaced, drained or killed, and so may the engine: nothing is lost but what was under way in a dead process."""

import re
import signal
import time

import pytest

from support import proc, wire
from support.http_client import HttpClient
from support.http_servers import ScriptedWorker
from support.limpet import ROOT
from support.limpet import run as command
from support.proc import wait_until
from support.ranking import ranking_of_workers
from support.visitors import ANSWERED, Visitors, lost, results, slowest
from support.websocket import WebSocket
from support.worker_channel import example_in_c, example_in_python
from support.workers import node_worker, python_worker, served_twice

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])
HTTP = {"mode": "http", "trust": "loopback"}
CLIENTS = [f"203.0.113.{number}" for number in range(50)]


@pytest.fixture
def pool(workers):
    return lambda command, count=3, **more: workers(command, count, key="client", listener=HTTP, **more)


def _settle(proxy, visitors):
    time.sleep(0.5)
    visits = visitors.stop()
    print(dict(results(visits)), sum(visit.retried for visit in visits), "asked again; slowest", slowest(visits, 1))
    return visits


def _replace(proxy):
    before = proxy.workers
    proxy.signal(signal.SIGHUP)
    assert proxy.says("all workers are new", 30), proxy.stderr
    assert not set(before.values()) & set(proxy.workers.values())
    return before


@pytest.mark.threads
@BOTH
def test_nobody_notices_that_workers_are_replaced_under_load(pool, folder, command):
    """Not even a connection of a client ends, because none of them is the worker's."""
    proxy = pool(command, timeouts={"drain": "5s"})
    visitors = Visitors(proxy, per_second=400, lines=30)
    time.sleep(0.5)
    before = _replace(proxy)
    assert wait_until(lambda: not any(map(proc.is_alive, before.values())))
    visits = _settle(proxy, visitors)
    assert lost(visits) == [] and not any(visit.retried for visit in visits)
    assert served_twice(folder / "served") == []
    assert {visit.pid for visit in visits[-100:]} <= set(proxy.workers.values())
    homes = ranking_of_workers(3)
    assert all(visit.slot == homes.home_of_address(CLIENTS[visit.client]) for visit in visits[-100:])
    assert not any(word in proxy.stderr for word in ("has not finished in time", "killed", "ended with"))


def test_posts_are_not_lost_when_workers_are_replaced(pool, folder):
    """They may not be sent twice, so none may go to a worker that closes."""
    proxy = pool(node_worker(), timeouts={"drain": "5s"})
    visitors = Visitors(proxy, per_second=300, lines=30, body=b"once" * 100)
    time.sleep(0.5)
    _replace(proxy)
    visits = _settle(proxy, visitors)
    assert lost(visits) == [] and not any(visit.retried for visit in visits)
    assert served_twice(folder / "served") == []


def test_requests_under_way_in_a_worker_that_is_replaced_are_finished(pool):
    proxy = pool(node_worker(), 2, timeouts={"drain": "5s"})
    visitors = Visitors(proxy, per_second=50, lines=100, path="/wait/500/{number}")
    time.sleep(0.4)
    before = _replace(proxy)
    visits = _settle(proxy, visitors)
    assert lost(visits) == []
    assert {visit.pid for visit in visits if visit.slot == "1"} > {before["1"]}


@pytest.mark.plain
def test_only_what_was_under_way_in_a_worker_dies_with_it(pool):
    proxy = pool(node_worker())
    visitors = Visitors(proxy, per_second=300, lines=30, path="/wait/20/{number}")
    deaths = []
    for slot in "123":
        time.sleep(0.4)
        deaths.append((slot, time.monotonic()))
        proc.kill(proxy.workers[slot])
    time.sleep(1)
    visits = _settle(proxy, visitors)
    for visit in lost(visits):
        assert visit.result == "wrong", visit  # another status, on a connection that goes on
        assert any(visit.began - 0.1 < at < visit.ended for _, at in deaths), visit
    assert len(lost(visits)) <= 3 * 30
    assert len({visit.port for visit in visits}) == 30
    statuses = {line["status"] for line in proxy.visits(len(visits))}
    assert {200} <= statuses <= {200, 502, 503}
    homes = ranking_of_workers(3)
    assert all(visit.slot == homes.home_of_address(CLIENTS[visit.client]) for visit in visits[-100:])


@pytest.fixture
def admin(socket_folder):
    return f"unix:{socket_folder}/admin"


def test_a_worker_that_is_drained_gets_no_requests_until_it_is_undrained(pool, admin):
    """Connections of proxies are open all the time, and only what they carry moves."""
    proxy = pool(node_worker(), admin=admin)
    visitors = Visitors(proxy, per_second=300, lines=20)
    homes = ranking_of_workers(3)
    time.sleep(0.5)
    assert command("drain", "app/2", "--wait", "--admin", admin).returncode == 0
    drained = time.monotonic()
    time.sleep(0.7)
    undrained = time.monotonic()
    assert command("undrain", "app/2", "--admin", admin).returncode == 0
    visits = _settle(proxy, visitors)
    assert lost(visits) == [] and not any(visit.retried for visit in visits)
    meanwhile = [visit for visit in visits if drained < visit.began and visit.ended < undrained]
    assert {visit.slot for visit in meanwhile} == {"1", "3"}
    orders = {client: homes.order_of_address(client) for client in CLIENTS}
    assert all(visit.slot == next(slot for slot in orders[CLIENTS[visit.client]] if slot != "2") for visit in meanwhile)
    assert all(visit.slot == orders[CLIENTS[visit.client]][0] for visit in visits[-50:])


@BOTH
def test_a_stop_answers_what_is_under_way_and_tells_everybody_else(pool, command):
    proxy = pool(command, 2)
    clients = [HttpClient(proxy) for _ in range(20)]
    try:
        for number, client in enumerate(clients):
            client.send(wire.request(f"/wait/700/{number}", {"X-Forwarded-For": CLIENTS[number]}))
        idle = [HttpClient(proxy) for _ in range(5)]
        clients += idle
        for client in idle:
            assert client.ask(wire.request()).status == 200
        time.sleep(0.3)
        proxy.signal(signal.SIGTERM)
        for number, client in enumerate(clients[:20]):
            answer = client.answer()
            assert (answer.status, answer.body.split()[2]) == (200, b"%d" % number)
            assert answer.lists("connection", "close")
            assert client.ending() == "fin"
        assert [client.ending() for client in idle] == ["fin"] * 5
    finally:
        for client in clients:
            client.close()
    assert proxy.wait(5) == 0
    assert {visit["status"] for visit in proxy.visits(25)} == {200}


def test_requests_that_come_while_limpet_stops_are_answered_once_more(pool):
    """Who keeps a connection busy is told with the next answer."""
    proxy = pool(node_worker(), 2)
    with HttpClient(proxy) as client, HttpClient(proxy) as other:
        other.send(wire.request("/wait/1400/1"))
        client.send(wire.request("/wait/700/2") + wire.request("/3"))
        time.sleep(0.2)
        proxy.signal(signal.SIGTERM)
        first = client.answer()
        assert first.status == 200
        if not first.closes:
            second = client.answer()
            assert second.status == 200 and second.closes
        assert client.ending() == "fin"
        assert other.answer().status == 200
    assert proxy.wait(5) == 0


class ReadsLittle(ScriptedWorker):
    """Reads the beginning of what comes on each connection, which may tell enough to do something, and goes away."""

    def __init__(self, folder):
        self.begun = []
        super().__init__("1", None, folder, patience=5)

    def _begin(self, talk):
        self.begun.append(talk.socket.recv(10))
        talk.socket.close()


def test_a_request_that_was_read_in_part_is_not_sent_again(workers, socket_folder):
    """Unless it may be done twice."""
    worker = ReadsLittle(socket_folder)
    proxy = workers(worker.command, 1, listener={"mode": "http"})
    with HttpClient(proxy) as client:
        assert client.ask(wire.request("/", method="POST", body=b"once")).status == 502
    assert worker.begun == [b"POST / HTT"]
    worker.stop()


@BOTH
def test_the_engine_may_die_and_the_workers_stay(pool, command):
    proxy = pool(command)
    before = proxy.workers
    visitors = Visitors(proxy, per_second=300, lines=30)
    deaths = []
    for number in range(2):
        time.sleep(0.4)
        deaths.append(time.monotonic())
        proc.kill(proxy.engine)
        assert wait_until(lambda: proxy.stderr.count("ready again") > number)
    visits = _settle(proxy, visitors)
    assert {visit.result for visit in visits} <= {ANSWERED, "reset", "empty", "cut"}
    assert len(lost(visits)) <= 2 * 30
    assert all(any(visit.began - 0.1 < at < visit.ended + 0.2 for at in deaths) for visit in lost(visits))
    assert proxy.workers == before
    # Connections of dead engines are closed: each worker has its channel and those of the engine that lives.
    assert wait_until(lambda: all(proc.sockets(pid) < 60 for pid in before.values()))


def test_a_websocket_through_a_worker_ends_with_the_drain_deadline(pool):
    proxy = pool(node_worker(), 2, timeouts={"drain": "1s"})
    sockets = [WebSocket(proxy, {"X-Forwarded-For": client}) for client in CLIENTS[:20]]
    homes = [int(socket.echo("hello").split()[0]) for socket in sockets]
    assert set(homes) == set(proxy.workers.values())
    first = proxy.workers["1"]
    begun = time.monotonic()
    proxy.signal(signal.SIGHUP)
    while time.monotonic() < begun + 0.7:
        assert all(socket.echo("still") == f"{home} still" for socket, home in zip(sockets, homes))
        time.sleep(0.1)
    assert all(socket.has_ended(6) for socket, home in zip(sockets, homes) if home == first)
    assert proxy.says("all workers are new", 15)
    for socket in sockets:
        socket.close()


@pytest.mark.parametrize("example", [example_in_c, example_in_python], ids=["c", "python"])
def test_the_examples_in_other_languages_serve_requests_of_many_clients(limpet, example):
    workers = {"command": example(), "count": 3, "environment": {"PYTHONPATH": str(ROOT / "python")}}
    proxy = limpet(workers=workers, key="client", listener=HTTP)
    homes = ranking_of_workers(3)
    with HttpClient(proxy) as client:
        for number in range(150):
            address = CLIENTS[number % 50]
            answer = client.ask(wire.request(f"/{number}", {"X-Forwarded-For": address}))
            assert re.match(rf"worker {homes.home_of_address(address)}, client ", answer.body.decode())
    assert {visit["status"] for visit in proxy.visits(150)} == {200}


def test_a_worker_that_stands_still_holds_up_its_own_requests_alone(pool):
    proxy = pool(node_worker())
    homes = ranking_of_workers(3)
    others = [client for client in CLIENTS if homes.home_of_address(client) != "2"]
    own = next(client for client in CLIENTS if homes.home_of_address(client) == "2")
    with HttpClient(proxy) as waiting, HttpClient(proxy) as quick:
        assert waiting.ask(wire.request("/0", {"X-Forwarded-For": own})).status == 200
        with proc.paused(proxy.workers["2"]):
            waiting.send(wire.request("/1", {"X-Forwarded-For": own}))
            begun = time.monotonic()
            assert {quick.ask(wire.request("/2", {"X-Forwarded-For": client})).status for client in others} == {200}
            assert time.monotonic() - begun < 1
        answer = waiting.answer()
        assert (answer.status, answer.body.split()[0]) == (200, b"2")


def test_what_a_worker_that_stands_still_was_sent_waits_for_it_and_the_rest_goes_on(pool):
    """It may have read the request, or read it later: so nobody else gets it."""
    proxy = pool(node_worker(), timeouts={"answer": "6s"})
    homes = ranking_of_workers(3)
    own = next(client for client in CLIENTS if homes.home_of_address(client) == "2")
    with HttpClient(proxy, timeout=15) as sent, HttpClient(proxy, timeout=15) as other:
        assert sent.ask(wire.request("/0", {"X-Forwarded-For": own})).status == 200
        with proc.paused(proxy.workers["2"]):
            begun = time.monotonic()
            sent.send(wire.request("/1", {"X-Forwarded-For": own}))
            answer = other.ask(wire.request("/2", {"X-Forwarded-For": own}))
            assert (answer.status, answer.body.split()[0] == b"2") == (200, False)
            assert 2 < time.monotonic() - begun < 6
            assert sent.answer().status == 504
            assert 5.5 < time.monotonic() - begun
