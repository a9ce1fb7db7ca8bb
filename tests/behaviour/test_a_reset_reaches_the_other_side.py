import time

import pytest

from support import proc
from support.client import Client
from support.proc import wait_until
from support.servers import echoes, keeps_silent, resets_when_spoken_to


def test_a_server_that_resets_has_its_client_reset(limpet, server):
    proxy = limpet([server("a", resets_when_spoken_to)])
    with Client(proxy) as client:
        client.send(b"hello")
        with pytest.raises(ConnectionResetError):
            client.read()
    assert proxy.visit()["reason"] == "server_reset"


def test_a_client_that_resets_has_its_server_reset(limpet, server):
    home = server("a", echoes)
    proxy = limpet([home])
    client = Client(proxy)
    client.send(b"hello")
    assert client.read_exactly(5) == b"hello"
    client.reset()
    assert home.only_talk().ended == "reset"
    assert proxy.visit()["reason"] == "client_reset"


def test_a_client_that_resets_while_bytes_flow_to_it_leaves_nothing_behind(limpet, server):
    def pours(talk, server):
        while talk.ended is None:
            talk.send(bytes(1 << 16))

    home = server("a", pours)
    proxy = limpet([home])
    for _ in range(20):
        client = Client(proxy)
        client.send(b"x").read_exactly(1 << 20)
        client.reset()
    assert all(visit["reason"] == "client_reset" for visit in proxy.visits(20))
    assert wait_until(lambda: all(talk.over.is_set() for talk in home.talks))


def test_a_client_that_leaves_before_its_server_is_reached_is_only_noted(limpet, server):
    home = server("a")
    proxy = limpet([home], key="header:X-User", listener={"trust": "none"})
    Client(proxy).send(b"GET / HT").reset()
    assert proxy.visit()["reason"] == "client_gone"
    time.sleep(0.05)
    assert not home.talks


def _fill(client):
    """Sends until nothing on the way to the server takes a byte more."""
    client.socket.settimeout(0.3)
    try:
        while client.socket.send(bytes(1 << 16)):
            pass
    except TimeoutError:
        pass


def test_a_client_that_resets_while_its_server_does_not_read_is_noticed_at_once(limpet, server):
    proxy = limpet([server("a", keeps_silent)], threads=1)
    before = proc.sockets(proxy.engine)
    client = Client(proxy)
    _fill(client)
    assert proc.sockets(proxy.engine) == before + 2
    start = time.monotonic()
    client.reset()
    assert proxy.visit()["reason"] == "client_reset"
    assert time.monotonic() - start < 2
    assert wait_until(lambda: proc.sockets(proxy.engine) == before)
