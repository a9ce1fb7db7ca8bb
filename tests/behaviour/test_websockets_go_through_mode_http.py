"""An upgraded connection is a relay: a quiet one lives for `timeouts: tunnel`, each direction ends by itself, and an upgrade
that the server refuses is a request like any other."""

import json
import time

import pytest

from support import wire
from support.client import Client
from support.http_client import HttpClient
from support.programs import run_node
from support.websocket import WebSocket

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}


@pytest.fixture
def proxy(limpet, peers):
    servers = [peers("a"), peers("b")]
    return lambda **options: limpet(servers, key="client", listener={"mode": "http", "trust": "loopback"}, **options)


def test_ten_thousand_messages_come_back_intact(proxy):
    result = json.loads(run_node("websocket_clients.js", f"ws://{proxy().address}", 20, 500))
    assert result == {"intact": 10000, "errors": []}


def test_a_quiet_one_outlives_idle_and_ends_after_tunnel(proxy):
    address = proxy(timeouts={"idle": "300ms", "tunnel": "2s"})
    quiet, talks = WebSocket(address), WebSocket(address)
    begun = time.monotonic()
    assert not quiet.has_ended(0.9)
    for _ in range(4):
        assert talks.echo("still here") == "still here"
        time.sleep(0.3)
    assert quiet.has_ended(5)
    assert 1.9 <= time.monotonic() - begun < 3.5
    assert talks.echo("and now") == "and now"
    for one in (quiet, talks):
        one.close()


def test_a_client_between_two_requests_does_not_outlive_idle(proxy):
    with HttpClient(proxy(timeouts={"idle": "500ms", "tunnel": "60s"})) as client:
        assert client.ask(wire.request()).status == 200
        begun = time.monotonic()
        assert client.ending(5) == "fin"
        assert 0.4 <= time.monotonic() - begun < 2


def test_each_direction_ends_by_itself(proxy):
    with HttpClient(proxy()) as client:
        assert client.ask(wire.request("/quiet", UPGRADE)).status == 101
        client.finish()
        assert bytes(client.feed.kept) + client.read_to_end() == b"after the end\n"


def test_an_upgrade_that_is_refused_leaves_a_connection_for_requests(proxy):
    with HttpClient(proxy()) as client:
        answer = client.ask(wire.request("/forbidden", UPGRADE))
        assert (answer.status, answer.body) == (403, b"no\n")
        for number in range(3):
            assert client.ask(wire.request(f"/facts/{number}")).json()["target"] == f"/facts/{number}"


def test_requests_before_the_upgrade_share_its_connection(proxy):
    with HttpClient(proxy()) as client:
        assert client.ask(wire.request("/facts")).status == 200
        answer = client.ask(wire.request("/", UPGRADE))
        assert answer.status == 101 and answer.get("upgrade").lower() == "websocket"
        assert answer.get("sec-websocket-accept") == "ICX+Yqv66kxgM0FcWaLWlFLwTAI="
        client.send(b"\x81\x82\0\0\0\0hi")
        assert bytes(client.feed.kept) + client.read_exactly(4 - len(client.feed.kept)) == b"\x81\x02hi"


def test_an_upgrade_in_a_request_of_http_1_0_is_no_upgrade(proxy):
    """RFC 9110 section 7.8: a server has to ignore it."""
    with Client(proxy()) as client:
        client.send(wire.request("/facts", UPGRADE).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert client.read_to_end().startswith(b"HTTP/1.1 200")


def test_the_log_tells_of_an_upgraded_connection_once(proxy):
    limpet = proxy()
    socket = WebSocket(limpet, {"X-Forwarded-For": "203.0.113.7"})
    assert socket.echo("hello") == "hello"
    socket.close()
    visit = limpet.visit()
    assert (visit["client"], visit["status"]) == ("203.0.113.7", 101)
    assert visit["bytes_in"] > 11 and visit["bytes_out"] > 7
