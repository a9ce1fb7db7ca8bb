import time

import pytest

from support import proc
from support.client import Client, who_answers
from support.servers import echoes


@pytest.fixture
def crowded(limpet, server):
    """A limpet with few descriptors, more clients than fit, and how many of them are served."""
    proxy = limpet([server("a", echoes)], wrapper=["prlimit", "--nofile=64:64"], listener={"trust": []},
                   threads=1, limits={"connections": 10000})
    clients = [Client(proxy) for _ in range(60)]
    yield proxy, clients
    for client in clients:
        client.close()


def _served(clients):
    inside = []
    for client in clients:
        client.socket.settimeout(0.02)
        try:
            if client.send(b"x").read(1) == b"x":
                inside.append(client)
        except (TimeoutError, ConnectionError):
            pass
    return inside


@pytest.mark.plain
def test_the_loop_does_not_spin(crowded):
    proxy, clients = crowded
    _served(clients)
    before = proc.cpu_seconds(proxy.engine)
    time.sleep(1)
    used = proc.cpu_seconds(proxy.engine) - before
    print(f"CPU while out of descriptors: {used * 100:.2f} %")
    assert used < 0.05


def test_open_connections_go_on_and_newcomers_are_served_when_there_is_room(crowded):
    proxy, clients = crowded
    inside = _served(clients)
    assert 5 < len(inside) < 60
    for client in inside:
        client.socket.settimeout(10)
        assert client.send(b"hello").read_exactly(5) == b"hello"
    for client in clients:
        client.close()
    start = time.monotonic()
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
    assert time.monotonic() - start < 2


def test_every_accepted_client_finds_a_descriptor_for_its_server(crowded):
    """Descriptors for servers are reserved: whoever is accepted is served, the others wait in the queue."""
    proxy, clients = crowded
    _served(clients)
    for client in clients:
        client.close()
    reasons = {visit["reason"] for visit in proxy.visits(1)}
    assert not reasons & {"no_memory", "no_server", "internal_error"}


def test_the_limit_of_descriptors_is_raised_as_far_as_it_may_be(limpet, server):
    proxy = limpet([server()], wrapper=["prlimit", "--nofile=100:3000"])
    assert proc.descriptor_limits(proxy.engine) == (3000, 3000)
    assert who_answers(proxy) == "server"
