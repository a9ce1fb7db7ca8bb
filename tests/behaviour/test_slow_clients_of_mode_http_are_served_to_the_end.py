"""What the kernel has taken for a client is not what the client has: mode http waits for whoever reads on."""

import socket
import time

from support.http_client import HttpClient
from support.http_servers import Scripted, answer, in_pieces
from support.proc import wait_until
from support.refusals import HOST

GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
HEAD_OF_64_MIB = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20)


def _gives(size):
    yield HEAD_OF_64_MIB
    for _ in range(size >> 16):
        yield b"." * 65536


def _client_with_a_small_buffer(proxy):
    def prepare(client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    return HttpClient(proxy, prepare=prepare)


def test_who_reads_an_answer_slowly_but_steadily_is_not_idle(limpet):
    """Megabytes wait for him in the kernel, and until a good part of them is gone no byte moves in limpet."""
    server = Scripted("a", lambda request: _gives(64 << 20))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"}, timeouts={"idle": "800ms"})
    with _client_with_a_small_buffer(proxy) as client:
        client.send(GET)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert client.socket.recv(8192)
            time.sleep(0.05)
        assert not proxy.visits()
    server.stop()


def test_who_does_not_read_an_answer_any_more_is_ended(limpet):
    server = Scripted("a", lambda request: _gives(64 << 20))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"}, timeouts={"idle": "400ms"})
    with _client_with_a_small_buffer(proxy) as client:
        client.send(GET)
        assert client.socket.recv(8192)
        assert wait_until(proxy.visits, 5)
    assert proxy.visit()["reason"] == "idle_timeout"
    server.stop()


def test_a_client_that_was_being_answered_when_limpet_is_told_to_end_is_not_waited_for_long(limpet):
    """His answer had said that the connection lasts; 25 s is what a drain may take at most."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678"
    server = Scripted("a", lambda request: in_pieces(whole, len(whole) - 4, 1))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"})
    with HttpClient(proxy) as client:
        client.send(GET)
        assert client.socket.recv(65536).endswith(b"1234")
        proxy.signal(15)
        assert client.socket.recv(65536) == b"5678"
        start = time.monotonic()
        assert client.ending(10) == "fin"
        assert time.monotonic() - start < 6
    server.stop()


def test_a_bad_head_is_answered_before_its_body_has_come(limpet):
    server = Scripted("a", lambda request: [answer()])
    proxy = limpet([server], listener={"mode": "http", "trust": "none"})
    with HttpClient(proxy) as client:
        client.send(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n")
        for _ in range(5):
            time.sleep(0.05)
            client.send(b"hello")
        assert client.answer("POST").status == 400
        assert client.ending() == "fin"
    server.stop()
