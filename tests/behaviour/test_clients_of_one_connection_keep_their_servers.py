"""nginx with upstream keep-alive carries many clients over few connections: what a connection says first tells nothing of
those who come after. Each request comes home all the same: to addresses in `mode: http`, and to the workers of an
unmodified program with `limpet run`, whose mode is auto."""

import json
from collections import Counter

import pytest

from support import wire
from support.http_client import HttpClient
from support.load import ask_each
from support.ports import free_port
from support.programs import Node, nginx_that_keeps_connections, run_node
from support.ranking import Ranking, ranking_of_workers

CLIENTS = [f"127.1.0.{number + 1}" for number in range(200)]


@pytest.fixture
def front(folder, keep):
    return lambda proxy: keep(nginx_that_keeps_connections(folder, proxy, 16))


@pytest.fixture
def servers(limpet, folder, keep):
    """A limpet in mode http in front of two servers with this program."""
    def one(script):
        ports = {name: free_port() for name in "ab"}
        for name, port in ports.items():
            keep(Node(folder, script, name, port, ports=[port]))
        return limpet({name: f"127.0.0.1:{port}" for name, port in ports.items()}, key="client",
                      listener={"mode": "http", "trust": "loopback"})

    return one


@pytest.fixture
def either(request, servers, run):
    """The same with workers, by `limpet run`; and who is home to whom."""
    if request.param == "servers":
        return servers, Ranking("tests", "app", {"a": 1, "b": 1})
    return lambda script: run(script, count=2, mode=None), ranking_of_workers(2)


BOTH = pytest.mark.parametrize("either", ["servers", "workers"], indirect=True)


def _peers(proxy, count):
    """How many connections so many requests came over."""
    visits = proxy.visits(count)
    return len({visit["peer"] for visit in visits})


def test_two_hundred_clients_come_home_over_few_connections(servers, front):
    proxy = servers("peer_server.js")
    ranking = Ranking("tests", "app", {"a": 1, "b": 1})
    homes = ask_each(front(proxy), CLIENTS, times=5)
    assert homes == {client: [ranking.home_of_address(client)] * 5 for client in CLIENTS}
    assert _peers(proxy, 1000) <= 32  # as many as ask at once, with some to spare
    assert {visit["client"] for visit in proxy.visits()} == set(CLIENTS)


def test_two_hundred_clients_come_home_to_workers(run, front):
    proxy = run("http_app.js", count=4, mode=None)
    ranking = ranking_of_workers(4)
    homes = ask_each(front(proxy), CLIENTS, times=5)
    assert homes == {client: [ranking.home_of_address(client)] * 5 for client in CLIENTS}


@BOTH
@pytest.mark.parametrize("transports", ["polling", "polling,websocket"])
def test_socketio_sessions_come_home(either, front, transports):
    start, ranking = either
    target = front(start("socketio_server.js"))
    result = json.loads(run_node("socketio_clients.js", f"http://{target.address}", 24, 2, transports))
    homes = Counter(ranking.home_of_address(f"203.0.113.{number + 1}") for number in range(24))
    assert result == {"served": 24, "servers": homes, "errors": []}


@BOTH
def test_websocket_messages_come_back_intact(either, front):
    start, _ = either
    target = front(start("websocket_server.js"))
    result = json.loads(run_node("websocket_clients.js", f"ws://{target.address}", 20, 100))
    assert result == {"intact": 2000, "errors": []}


def test_one_connection_carries_many_clients(limpet, peers):
    """Without nginx between, so that it is surely one."""
    proxy = limpet([peers(name) for name in "abc"], key="client",
                   listener={"mode": "http", "trust": "loopback"})
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    with HttpClient(proxy) as client:
        for number in range(300):
            who = f"203.0.113.{number % 100}"
            answer = client.ask(wire.request(headers={"X-Forwarded-For": who}))
            assert answer.body.decode().strip() == ranking.home_of_address(who)
    assert _peers(proxy, 300) == 1
