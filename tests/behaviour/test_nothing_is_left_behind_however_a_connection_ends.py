"""After every way to end at every moment: as many sockets as before, and nobody waits for a close."""

import random

import pytest

from support import proc, wire
from support.client import Client, ask
from support.proc import wait_until
from support.servers import BlackHole, RefusingAddress, answers_http, echoes


def _close_waits(ports):
    """Sockets of these ports whose other side has ended (state 08 in the kernel's table)."""
    wanted = {f":{port:04X}" for port in ports}
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return [row for row in rows if row[3] == "08" and (row[1][8:] in wanted or row[2][8:] in wanted)]


@pytest.fixture
def watched(limpet):
    """Starts a limpet that must have the sockets of its start again at the end."""
    watched = []

    def start(*arguments, **options):
        proxy = limpet(*arguments, **options)
        watched.append((proxy, proc.sockets(proxy.engine)))
        return proxy

    yield start
    for proxy, before in watched:
        assert wait_until(lambda: proc.sockets(proxy.engine) == before, 10), (
            f"{proc.sockets(proxy.engine)} sockets, {before} before")
        assert wait_until(lambda: not _close_waits([proxy.port]), 5)


STREAM = wire.proxy_v2("203.0.113.9", tlvs=wire.tlv(4, b"noop")) + wire.request(headers={"X-User": "ann"})


@pytest.mark.threads
@pytest.mark.parametrize("how", ["finish", "reset", "close"])
def test_an_end_after_each_byte_of_a_stream(watched, server, how):
    proxy = watched([server("a", answers_http)], key="header:X-User", listener={"proxy-protocol": "accept"})
    for cut in range(len(STREAM) + 1):
        client = Client(proxy)
        client.send(STREAM[:cut])
        getattr(client, how)()
        client.close()
    assert len(proxy.visits(len(STREAM) + 1)) >= len(STREAM) + 1


def test_an_end_at_any_moment_of_a_conversation(watched, server):
    dice = random.Random(7)
    proxy = watched([server("a", echoes)], key="header:X-User")
    for _ in range(150):
        client = Client(proxy)
        client.send(wire.request(headers={"X-User": f"user{dice.random()}"}))
        if dice.random() < 0.5:
            client.read(dice.randint(1, 50))
        if dice.random() < 0.5:
            client.send(bytes(dice.randint(1, 300000)))
        dice.choice([client.reset, client.finish, client.close])()
        client.close()


def test_a_client_that_leaves_while_a_server_is_awaited(watched, server, keep):
    proxy = watched([keep(BlackHole("a")), server("b")], timeouts={"connect": "300ms"}, key="header:X-User")
    for number in range(60):
        client = Client(proxy)
        client.send(wire.request(headers={"X-User": f"user{number}"}))
        (client.reset if number % 2 else client.close)()


def test_servers_that_reset_at_any_moment(watched, server, keep):
    dice = random.Random(8)

    def fickle(talk, server):
        if dice.random() < 0.3:
            talk.reset()
            return
        talk.read()
        talk.send(bytes(dice.randint(0, 200000)))
        if dice.random() < 0.5:
            talk.reset()

    homes = [server("a", fickle), server("b", fickle), keep(RefusingAddress("c"))]
    proxy = watched(homes, key="header:X-User", pool={"send-proxy": "v2"})
    for number in range(150):
        try:
            ask(proxy, headers={"X-User": f"user{number}"}, method="POST", body=bytes(dice.randint(0, 100000)))
        except ConnectionError:
            pass


def test_refused_requests(watched, server):
    proxy = watched([server()], key="header:X-User", timeouts={"first-bytes": "300ms"})
    for _ in range(50):
        assert ask(proxy, headers=[("Host", "twice")]).status == 400
        with Client(proxy) as client:
            client.send(b"GET / HTTP/1.1\nHost: x\n\n" + bytes(100000))
