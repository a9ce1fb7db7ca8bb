"""TCP's urgent byte (RFC 9293 section 3.8.5; MSG_OOB) goes its own way and may be lost. A read stops at its mark though
more bytes are there already; nothing before or behind it waits for that."""

import socket
import threading
import time

import pytest

from support import wire
from support.client import Client, ask, parse_answer
from support.proc import paused
from support.servers import echoes, tells_its_name_at_the_end


def _send_urgent(client, byte=b"!"):
    client.socket.send(byte, socket.MSG_OOB)


def _talking(proxy):
    client = Client(proxy)
    assert client.send(b"hello").read_exactly(5) == b"hello"
    return client


@pytest.mark.threads
@pytest.mark.parametrize("before", [b"", b"abc"], ids=["first", "in-the-middle"])
def test_bytes_around_an_urgent_one_arrive_without_waiting_for_more(limpet, server, before):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy) as client:
        with paused(proxy.engine):
            client.send(before)
            _send_urgent(client)
            client.send(b"defgh")
        assert client.read_exactly(len(before) + 5) == before + b"defgh"
        client.finish()
        assert client.read() == b""
    assert proxy.visit()["reason"] == "done"


def test_an_urgent_byte_in_a_head_is_not_waited_for(limpet, server):
    """Nobody can look past it, so the head counts as cut short."""
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="client", timeouts={"first-bytes": "20s"})
    head = wire.request(headers={"X-Forwarded-For": "203.0.113.9"})
    with Client(proxy, timeout=5) as client:
        client.send(head[:10])
        _send_urgent(client)
        client.send(head[10:]).finish()
        assert client.read_to_end() == b"a\n"
    assert "did not end in time" in proxy.visit()["detail"]


def test_several_urgent_bytes_stop_nothing(limpet, server):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy) as client:
        for number in range(20):
            _send_urgent(client)
            client.send(b"%02d" % number)
        client.finish()
        arrived = client.read_to_end().replace(b"!", b"")
    assert arrived == b"".join(b"%02d" % number for number in range(20))


def test_an_urgent_byte_in_a_long_run_stops_nothing(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home])

    def talk(client):
        client.send(b"a" * 1000000)
        _send_urgent(client)
        client.send(b"b" * 1000000).finish()

    with Client(proxy) as client:
        talking = threading.Thread(target=talk, args=(client,))
        talking.start()
        assert client.read_to_end() == b"a\n"
        talking.join()
    received = home.only_talk().received
    assert (received.count(b"a"), received.count(b"b")) == (1000000, 1000000)
    assert proxy.visit()["reason"] == "done"


def test_a_server_may_send_one_too(limpet, server):
    def calls(talk, server):
        talk.send(b"a" * 300000)
        talk.socket.send(b"!", socket.MSG_OOB)
        talk.send(b"b" * 300000)
        talk.finish()
        talk.read_to_end()

    proxy = limpet([server("a", calls)])
    with Client(proxy) as client:
        arrived = client.read_to_end()
    assert (arrived.count(b"a"), arrived.count(b"b")) == (300000, 300000)


def test_one_among_the_first_bytes_costs_no_more_than_their_deadline(limpet, server):
    proxy = limpet([server("a")], key="header:X-User", timeouts={"first-bytes": "400ms"})
    request = wire.request(headers={"X-User": "ann"})
    start = time.monotonic()
    with Client(proxy) as client:
        client.send(request[:30])
        _send_urgent(client)
        client.send(request[30:])
        assert parse_answer(client.read_to_end()).text == "a"
    assert time.monotonic() - start < 3
    assert ask(proxy).status == 200
