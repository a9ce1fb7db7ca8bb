"""A trusted peer that speaks HTTP is a proxy, each of whose requests has a client of its own; everybody else connects for
himself and is decided once. That is what `limpet run` and `limpet serve` do unless told otherwise."""

import hashlib
import json
import subprocess

import pytest

from support import wire
from support.client import Client, ask_for_facts
from support.http_client import HttpClient
from support.limpet import run as command
from support.ports import free_port
from support.programs import find, node, node_script
from support.ranking import Ranking, ranking_of_workers
from support.servers import echoes

STRANGER = "127.0.0.2"
PROXY = "127.0.0.1"
WORDS = hashlib.shake_256(b"words").digest(300000)


@pytest.fixture
def app(limpet):
    """A program in three workers; only one address is trusted."""
    return lambda script="http_app.js", *words: limpet(
        workers={"command": [node(), node_script(script), *map(str, words)], "count": 3, "environment": {"PORT": free_port()}},
        key="client", listener={"mode": "auto", "trust": PROXY})


def _two_clients(home_of):
    """Two addresses that are at home at different servers."""
    clients = [f"203.0.113.{number}" for number in range(20)]
    other = next(client for client in clients if home_of(client) != home_of(clients[0]))
    return clients[0], other


@pytest.mark.parametrize("verb", ["run", "serve"])
def test_auto_is_the_default_as_the_help_says(verb):
    assert "The default is auto." in " ".join(command(verb, "--help").stdout.decode().split())


def test_a_stranger_is_handed_over_whatever_he_claims(app):
    proxy = app()
    with HttpClient(proxy, source=STRANGER) as client:
        facts = [client.ask(wire.request("/facts", {"X-Forwarded-For": f"203.0.113.{number}"})).json() for number in range(5)]
        port = client.socket.getsockname()[1]
    home = ranking_of_workers(3).home_of_address(STRANGER)
    assert [(each["slot"], each["remoteAddress"], each["remotePort"]) for each in facts] == [(home, STRANGER, port)] * 5
    assert proxy.visit()["reason"] == "handed_over"


def test_each_request_of_a_proxy_goes_to_its_own_client_s_home(app):
    proxy = app()
    home_of = ranking_of_workers(3).home_of_address
    clients = [*_two_clients(home_of)] * 3
    with HttpClient(proxy, source=PROXY) as client:
        met = [client.ask(wire.request(headers={"X-Forwarded-For": each})).body.decode().strip() for each in clients]
    assert met == [home_of(each) for each in clients]
    visits = [(visit["client"], visit["status"], visit["reason"]) for visit in proxy.visits(6)]
    assert visits == [(each, 200, "done") for each in clients]


def test_a_head_of_a_proxy_may_come_in_pieces(app):
    proxy = app()
    client_address = "203.0.113.9"
    with HttpClient(proxy, source=PROXY) as client:
        text = wire.request("/facts", {"X-Forwarded-For": client_address}, method="POST", body=WORDS)
        facts = client.send_in_pieces(text[:200]).send(text[200:]).answer().json()
    assert facts["slot"] == ranking_of_workers(3).home_of_address(client_address)
    assert facts["digest"] == hashlib.sha256(WORDS).hexdigest()


@pytest.mark.parametrize("first", [b"EHLO example.org\r\n", b"\x16\x03", b"GETTING\0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
@pytest.mark.parametrize("source", [PROXY, STRANGER])
def test_a_peer_that_speaks_something_else_is_carried(limpet, server, first, source):
    proxy = limpet([server(name, echoes) for name in "ab"], key="client", listener={"mode": "auto", "trust": PROXY},
                   timeouts={"first-bytes": "1s"})
    with Client(proxy, source=source) as client:
        client.send(first + WORDS).finish()
        assert client.read_to_end() == first + WORDS


def test_a_trusted_peer_that_speaks_tls_reaches_the_program_that_does(app, certificate):
    proxy = app("https_app.js", *certificate)
    done = subprocess.run([find("curl"), "-sk", "--interface", PROXY, f"https://{proxy.address}/facts"], capture_output=True,
                          timeout=20, check=True)
    assert json.loads(done.stdout)["encrypted"] is True
    assert proxy.visit()["reason"] == "handed_over"


def test_routes_that_look_into_requests_serve_strangers_request_by_request(limpet, peers):
    """Decided once, his second request would go where the first one went."""
    servers = {name: peers(name).address for name in "ab"}
    proxy = limpet(config={
        "seed": "tests", "log": {"format": "json"},
        "listeners": [{"bind": f"127.0.0.1:{free_port()}", "mode": "auto", "trust": PROXY,
                       "routes": [{"path": "/facts/a", "pool": "a"}, {"pool": "b"}]}],
        "pools": {name: {"servers": {name: address}} for name, address in servers.items()},
    })
    with HttpClient(proxy, source=STRANGER) as client:
        told = [client.ask(wire.request(f"/facts/{name}", {"X-Forwarded-For": "203.0.113.9"})).json() for name in "abab"]
    assert [each["name"] for each in told] == list("abab")
    assert {each["headers"]["x-forwarded-for"] for each in told} == {STRANGER}
    assert {visit["client"].split(":")[0] for visit in proxy.visits(4)} == {STRANGER}


def test_a_stranger_and_the_same_client_behind_a_proxy_have_one_home(app):
    proxy = app()
    direct = ask_for_facts(proxy, source=STRANGER)["slot"]
    behind = ask_for_facts(proxy, source=PROXY, headers={"X-Forwarded-For": STRANGER})["slot"]
    assert direct == behind == ranking_of_workers(3).home_of_address(STRANGER)


def test_addresses_behind_mode_auto_are_served_alike(limpet, peers):
    proxy = limpet([peers(name) for name in "abc"], key="client", listener={"mode": "auto", "trust": PROXY})
    home_of = Ranking("tests", "app", dict.fromkeys("abc", 1)).home_of_address
    clients = [*_two_clients(home_of)] * 2
    with HttpClient(proxy, source=PROXY) as client:
        told = [client.ask(wire.request("/facts", {"X-Forwarded-For": each})).json() for each in clients]
    assert [each["name"] for each in told] == [home_of(each) for each in clients]
    with HttpClient(proxy, source=STRANGER) as client:
        told = [client.ask(wire.request("/facts", {"X-Forwarded-For": each})).json() for each in clients]
    assert [each["name"] for each in told] == [home_of(STRANGER)] * 4
    assert [visit["reason"] for visit in proxy.visits(5)] == ["done"] * 5
