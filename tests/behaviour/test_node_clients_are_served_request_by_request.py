"""Node's own HTTP client and server with limpet between them: connections that are kept, requests in a row, and bodies of
any size both ways, of which limpet keeps none."""

import json
import threading
import time

import pytest

from support import proc, wire
from support.client import Client
from support.http_client import HttpClient
from support.limpet import room_for_growth
from support.peers import content, digest
from support.programs import run_node
from support.ranking import Ranking

HTTP = {"mode": "http", "trust": "loopback"}


@pytest.fixture
def proxy(limpet, peers):
    return limpet([peers("node")], listener=HTTP)


@pytest.mark.threads
def test_an_agent_that_keeps_its_sockets(limpet, peers):
    """Each of the forty clients has its home, whichever socket it comes over."""
    proxy = limpet([peers("a"), peers("b")], key="client", listener=HTTP)
    result = json.loads(run_node("agent_clients.js", f"http://{proxy.address}", 1000, 30))
    assert (result["answered"], result["errors"]) == (1000, [])
    assert result["sockets"] <= 30
    ranking = Ranking("tests", "app", {"a": 1, "b": 1})
    assert result["homes"] == {client: [ranking.home_of_address(client)] for client in result["homes"]}
    assert len(result["homes"]) == 40 and {home for homes in result["homes"].values() for home in homes} == {"a", "b"}


def _requests(count):
    """Of every kind, in one text, and what each of them asks."""
    for number in range(count):
        body = b"%d" % number * (number % 700)
        kind = number % 4
        target = f"/facts/{number}"
        if kind == 0:
            yield wire.request(target), ("GET", target, b"")
        elif kind == 1:
            yield wire.request(target, method="HEAD"), ("HEAD", target, b"")
        elif kind == 2:
            yield wire.request(target, method="POST", body=body or b"x"), ("POST", target, body or b"x")
        else:
            chunks = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            head = wire.request(target, {"Transfer-Encoding": "chunked"}, method="PUT")
            yield head + chunks + b"0\r\n\r\n", ("PUT", target, body)


def test_a_thousand_requests_in_a_row_are_answered_in_order(proxy):
    texts, questions = zip(*_requests(1000))
    with HttpClient(proxy, timeout=20) as client:
        sender = threading.Thread(target=client.send, args=(b"".join(texts),))
        sender.start()
        for method, target, body in questions:
            answer = client.answer(method)
            assert answer.status == 200
            if method != "HEAD":
                told = answer.json()
                assert (told["method"], told["target"], told["digest"]) == (method, target, digest(body))
        sender.join()


def test_an_eighth_of_a_gibibyte_goes_up_and_comes_down_at_once(proxy):
    """... and is kept by nobody on the way."""
    run_node("mirror_client.js", f"http://{proxy.address}", 4)
    before = proc.memory(proxy.engine)
    result = json.loads(run_node("mirror_client.js", f"http://{proxy.address}", 128))
    assert (result["sent"], result["received"], result["same"]) == (128 << 20, 128 << 20, True)
    assert result["early"] > 64 << 20
    assert proc.memory(proxy.engine) - before < room_for_growth()


def test_slow_readers_hold_up_their_servers_and_nobody_else(proxy):
    before = proc.memory(proxy.engine)
    slow = [Client(proxy).send(wire.request(f"/bytes/{1 << 30}")) for _ in range(30)]
    try:
        for client in slow:
            assert client.read(1000)
        time.sleep(1)
        begun = time.monotonic()
        with HttpClient(proxy) as quick:
            assert quick.ask(wire.request("/bytes/1000000")).body == content(1000000)
        assert time.monotonic() - begun < 2
        # 30 times the 64 KiB that may be under way to each.
        assert proc.memory(proxy.engine) - before < room_for_growth()
        busy = proc.cpu_seconds(proxy.engine)
        time.sleep(0.5)
        assert proc.cpu_seconds(proxy.engine) - busy < 0.1
    finally:
        for client in slow:
            client.close()


def test_trailers_of_a_request_arrive(proxy):
    with HttpClient(proxy) as client:
        told = client.ask(wire.request("/facts", {"Transfer-Encoding": "chunked", "Trailer": "X-Sum, X-Other"}, method="POST")
                          + b"3\r\nabc\r\n0\r\nX-Sum: 6\r\nX-Other: yes\r\n\r\n").json()
    assert told["trailers"] == {"x-sum": "6", "x-other": "yes"} and told["digest"] == digest(b"abc")
