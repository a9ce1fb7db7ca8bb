"""Back-pressure: what one side does not read, limpet does not take from the other."""

import socket
import threading
import time

import pytest

from support import proc
from support.client import Client, who_answers
from support.servers import answers_http, sends


@pytest.mark.plain
def test_a_slow_reader_costs_no_memory(limpet, server):
    proxy = limpet([server("a", sends(64 << 20))])
    before = proc.memory(proxy.engine)
    with Client(proxy) as client:
        client.send(b"x")
        time.sleep(1)
        assert proc.memory(proxy.engine) - before < 1 << 20
        assert len(client.read_exactly(64 << 20)) == 64 << 20
        client.finish()
    assert proxy.visit()["bytes_out"] == 64 << 20


def test_a_slow_server_holds_its_client_back_and_gets_every_byte(limpet, server):
    def reads_late(talk, server):
        time.sleep(0.7)
        talk.read_to_end()
        talk.send(b"%d" % len(talk.received))

    proxy = limpet([server("a", reads_late)])
    with Client(proxy) as client:
        client.send(bytes(32 << 20)).finish()
        assert client.read_to_end() == b"%d" % (32 << 20)


def _drink(client):
    try:
        while client.read(1 << 20):
            pass
    except ConnectionError:
        pass


def test_one_greedy_client_does_not_starve_the_others(limpet, server):
    def greedy_or_http(talk, server):
        talk.read()
        if talk.received.startswith(b"GET"):
            answers_http(talk, server)
        else:
            sends(512 << 20)(talk, server)

    proxy = limpet([server("a", greedy_or_http)], threads=1)
    with Client(proxy) as greedy:
        greedy.send(b"everything, please")
        reader = threading.Thread(target=_drink, args=(greedy,), daemon=True)
        reader.start()
        start = time.monotonic()
        for _ in range(20):
            assert who_answers(proxy) == "a"
        assert time.monotonic() - start < 4
        greedy.socket.shutdown(socket.SHUT_RDWR)
        reader.join()
