"""Where a PROXY header stands in front of HTTP, it names who connected to the proxy; if that is a proxy, too, each of its
requests may name another client."""

import pytest

from support import wire
from support.client import Client
from support.http_client import HttpClient

STRANGER = "203.0.113.5"
NAMED = ["198.51.100.1", "198.51.100.2"]


@pytest.fixture
def tell(limpet, peers):
    """What the server is told of two requests on one connection, each of which names a client."""
    def one(mode, source, header=wire.proxy_v2):
        proxy = limpet([peers("a")], key="client", listener={"mode": mode, "trust": "loopback", "proxy-protocol": "require"})
        with HttpClient(proxy) as client:
            client.send(header(source))
            told = [client.ask(wire.request("/facts", {"X-Forwarded-For": name})).json()["headers"] for name in NAMED]
        return proxy, [each["x-forwarded-for"] for each in told]

    return one


def _v1(source):
    return wire.proxy_v1(source, "2001:db8::1" if ":" in source else "192.0.2.1")


@pytest.mark.parametrize("header", [_v1, wire.proxy_v2], ids=["v1", "v2"])
@pytest.mark.parametrize("source", [STRANGER, "2001:db8::5"])
def test_a_client_who_is_named_there_is_the_client_of_every_request(tell, source, header):
    proxy, told = tell("http", source, header)
    assert told == [source] * 2
    assert all(source in visit["client"] for visit in proxy.visits(2))


@pytest.mark.parametrize("mode", ["http", "auto"])
def test_a_proxy_who_is_named_there_names_the_clients(tell, mode):
    proxy, told = tell(mode, "127.0.0.9")
    assert told == [f"{name}, 127.0.0.9" for name in NAMED]
    assert [visit["client"] for visit in proxy.visits(2)] == NAMED


def test_in_mode_auto_a_client_who_is_named_there_connects_for_himself(tell):
    proxy, told = tell("auto", STRANGER)
    assert told == NAMED  # as he wrote it: his bytes are not looked at
    assert STRANGER in proxy.visit()["client"]


def test_without_the_header_that_is_required_nobody_is_served(limpet, peers):
    proxy = limpet([peers("a")], key="client", listener={"mode": "http", "proxy-protocol": "require"})
    with Client(proxy) as client:
        assert client.send(wire.request()).is_dropped()
    assert proxy.visit()["reason"] == "bad_proxy"
