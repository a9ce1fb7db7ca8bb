"""Caps: in all, per listener, per client. Who is over one waits, or is closed at once; who is in is not touched."""

import pytest

from support import proc, wire
from support.client import Client
from support.ports import free_port
from support.servers import echoes


def _is_served(client):
    client.socket.settimeout(0.4)
    try:
        client.send(b"hello")
        return client.read(5) == b"hello"
    except (TimeoutError, ConnectionError):
        return False


def _still_talks(client):
    client.socket.settimeout(10)
    return client.send(b"still").read_exactly(5) == b"still"


@pytest.fixture
def crowd():
    clients = []

    def come(proxy, count, source=None):
        clients.extend(Client(proxy, source) for _ in range(count))
        return clients[-count:]

    yield come
    for client in clients:
        client.close()


def test_no_more_connections_than_the_limit_of_all(limpet, server, crowd):
    home = server("a", echoes)
    proxy = limpet([home], limits={"connections": 8})
    inside = crowd(proxy, 8)
    assert all(_is_served(client) for client in inside)
    outside = crowd(proxy, 4)
    assert not any(_is_served(client) for client in outside)
    assert len(home.talks) == 8
    assert all(_still_talks(client) for client in inside)
    for client in inside:
        client.close()
    assert proc.wait_until(lambda: _is_served(crowd(proxy, 1)[0]), 5), "no one is served after all have left"


def test_no_more_connections_than_the_limit_of_a_listener(limpet, server, crowd):
    binds = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    limpet(config={
        "seed": "tests", "log": {"format": "json"}, "pools": {"app": {"servers": {"a": server("a", echoes).address}}},
        "listeners": [{"bind": binds[0], "mode": "tcp", "pool": "app", "trust": "none", "limits": {"connections": 3}},
                      {"bind": binds[1], "mode": "tcp", "pool": "app", "trust": "none"}]})
    inside = crowd(binds[0], 3)
    assert all(_is_served(client) for client in inside)
    assert not _is_served(crowd(binds[0], 1)[0])
    assert all(_is_served(client) for client in crowd(binds[1], 5))
    assert all(_still_talks(client) for client in inside)


@pytest.mark.threads
def test_no_client_has_more_connections_than_its_limit(limpet, server, crowd):
    proxy = limpet([server("a", echoes)], limits={"per-client": 3}, listener={"trust": "none"})
    greedy = crowd(proxy, 3, "127.5.5.5")
    assert all(_is_served(client) for client in greedy)
    assert not any(_is_served(client) for client in crowd(proxy, 3, "127.5.5.5"))
    assert all(_is_served(client) for client in crowd(proxy, 3, "127.5.5.6"))
    assert all(_still_talks(client) for client in greedy)
    assert [visit["reason"] for visit in proxy.visits(3)] == ["per_client_limit"] * 3
    greedy[0].close()
    assert proc.wait_until(lambda: _is_served(crowd(proxy, 1, "127.5.5.5")[0]), 5)


@pytest.mark.threads
@pytest.mark.parametrize("mode", ["http", "auto"])
@pytest.mark.parametrize("begin", [b"", b"GET / HT"])
def test_clients_count_before_they_ask(limpet, server, crowd, mode, begin):
    """Or somebody who says nothing could have all the connections that there are."""
    listener = {"trust": "none", "mode": mode, "routes": [{"path": "/x", "answer": 404}, {"pool": "app"}]}
    proxy = limpet([server("a", echoes)], limits={"per-client": 3}, listener=listener)

    def answer(source):
        client = crowd(proxy, 1, source)[0]
        try:
            return client.send(wire.request("/x")).read(1000)[:12]
        except ConnectionError:
            return b""

    greedy = crowd(proxy, 3, "127.5.5.5")
    for client in greedy:
        client.send(begin)
    refused = b"HTTP/1.1 429" if mode == "http" else b""
    assert proc.wait_until(lambda: answer("127.5.5.5") == refused, 5)
    assert answer("127.5.5.6") == b"HTTP/1.1 404"
    for client in greedy:
        client.close()
    assert proc.wait_until(lambda: answer("127.5.5.5") == b"HTTP/1.1 404", 5)
    assert "per_client_limit" in [visit["reason"] for visit in proxy.visits(3)]


def test_the_client_who_counts_is_the_one_a_proxy_names(limpet, server, crowd):
    proxy = limpet([server("a", echoes)], limits={"per-client": 1}, listener={"proxy-protocol": "require"})

    def served(address):
        client = crowd(proxy, 1)[0]
        client.send(wire.proxy_v1(address))
        return _is_served(client)

    assert served("203.0.113.1")
    assert served("203.0.113.2")
    assert not served("203.0.113.1")


def test_ipv6_clients_count_by_their_network(limpet, server, crowd):
    proxy = limpet([server("a", echoes)], limits={"per-client": 1}, listener={"proxy-protocol": "require"})

    def served(address):
        client = crowd(proxy, 1)[0]
        client.send(wire.proxy_v2(address))
        return _is_served(client)

    assert served("2001:db8:0:1::1")
    assert not served("2001:db8:0:1::2")
    assert served("2001:db8:0:2::1")
