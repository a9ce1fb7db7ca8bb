"""The usual place of a Node program: behind nginx, which adds X-Forwarded-For, over a Unix socket. limpet looks at the
first bytes there, too, and hands the socket over; only bytes that come in pieces it has to hold, and to carry then."""

import hashlib
import http.client
import json

import pytest

from support import proc, wire
from support.client import Client, ask_for_facts, parse_answer
from support.load import ask_each
from support.programs import nginx_in_front, node, node_script, run_node
from support.ranking import ranking_of_workers

CLIENTS = [f"127.1.0.{number + 1}" for number in range(40)]
BODY = hashlib.shake_256(b"post").digest(3 << 20)


@pytest.fixture
def behind(limpet, socket_folder):
    """A limpet behind a Unix socket, with two workers."""
    return lambda script="http_app.js": limpet(
        bind=f"unix:{socket_folder}/in", key="client", listener={"trust": ["loopback"]},
        workers={"command": [node(), node_script(script)], "count": 2, "environment": {"PORT": 80}})


@pytest.fixture
def front(folder, keep):
    return lambda proxy: keep(nginx_in_front(folder, proxy))


def test_each_client_keeps_its_worker_and_limpet_is_out_of_the_way(behind, front):
    proxy = behind()
    ranking = ranking_of_workers(2)
    homes = ask_each(front(proxy), CLIENTS, times=2)
    assert homes == {client: [ranking.home_of_address(client)] * 2 for client in CLIENTS}
    visits = proxy.visits(2 * len(CLIENTS))
    assert {visit["reason"] for visit in visits} == {"handed_over"}
    assert {visit["client"] for visit in visits} == set(CLIENTS)


def test_socketio_sessions_that_poll_through_nginx(behind, front):
    """nginx believes nobody and puts its own peer behind what the client says; that one is 127.0.0.1 for all of them,
    and trusted, so that the client's word counts."""
    target = front(behind("socketio_server.js"))
    result = json.loads(run_node("socketio_clients.js", f"http://{target.address}", 40, 2))
    assert (result["served"], result["errors"], set(result["servers"])) == (40, [], {"1", "2"})


def test_a_body_that_follows_arrives_whole(behind, front):
    body = BODY[:1000000]  # nginx takes no more than 1 MiB unless told to
    connection = http.client.HTTPConnection(front(behind()).address, timeout=20)
    connection.request("POST", "/facts", body)
    facts = json.load(connection.getresponse())
    connection.close()
    assert (facts["length"], facts["digest"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_head_that_comes_byte_by_byte_is_carried_with_all_that_follows(behind):
    """A peek at a Unix socket stalls after some hundred writes, so that limpet takes such bytes out: then the worker gets
    one end of a socketpair."""
    proxy = behind()
    head = wire.request("/facts", {"X-Forwarded-For": "203.0.113.9", "Content-Length": len(BODY), "X-Filler": "f" * 600,
                                   "Connection": "close"}, method="POST")
    with Client(proxy) as client:
        client.send_byte_by_byte(head).send(BODY)
        facts = json.loads(parse_answer(client.read_to_end()).body)
    assert (facts["length"], facts["digest"]) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert facts["slot"] == ranking_of_workers(2).home_of_address("203.0.113.9")
    visit = proxy.visit()
    assert (visit["reason"], visit["bytes_in"]) == ("done", len(head) + len(BODY))


def test_a_worker_that_dies_takes_those_with_it_that_were_carried_and_nobody_else(behind):
    proxy = behind()
    with Client(proxy) as client:
        client.send_byte_by_byte(wire.request("/", {"X-Forwarded-For": "203.0.113.9", "X-Filler": "f" * 600}))
        assert b"200 OK" in client.read()
        home = ranking_of_workers(2).home_of_address("203.0.113.9")
        proc.kill(proxy.workers[home])
        assert client.is_dropped()
    assert ask_for_facts(proxy)["slot"] in "12"
