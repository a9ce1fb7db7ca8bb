"""5 GiB each way, with a length and in chunks: no size is cut down to 32 bits."""

import threading
import time

import pytest

from support import proc
from support.http_client import HttpClient
from support.http_servers import Scripted, answer
from support.refusals import HOST, line
from support.servers import Server

GIBIBYTES = 5
PIECE = bytes(1 << 20)
COUNT = GIBIBYTES << 10  # of pieces
CHUNK = b"%x\r\n" % len(PIECE) + PIECE + b"\r\n"
HUGE = b"%x\r\n" % (COUNT << 20)


def _send(connection, first, piece, count, last):
    connection.sendall(first)
    for _ in range(count):
        connection.sendall(piece)
    connection.sendall(last)


def _count(receive, kept, end):
    """How many bytes come until what was received ends with `end`."""
    count, tail = len(kept), bytes(kept)
    while not tail.endswith(end):
        data = receive(1 << 20)
        assert data, f"ends behind {count} bytes"
        count += len(data)
        tail = (tail + data)[-64:]
    return count


def _asks(framing):
    head = b"POST / HTTP/1.1\r\n" + HOST
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % ((COUNT << 20) + 3), PIECE, b"end"
    if framing == "one chunk":
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + HUGE, PIECE, b"\r\n3\r\nend\r\n0\r\n\r\n"
    return head + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, b"3\r\nend\r\n0\r\n\r\n"


@pytest.mark.parametrize("framing", ["length", "chunks", "one chunk"])
def test_a_request(http_proxy, lasting, framing):
    counted = []

    def counts(talk, server):
        del server
        data = b""
        while b"\r\n\r\n" not in data:
            data += talk.socket.recv(1 << 16)
        head, _, rest = data.partition(b"\r\n\r\n")
        counted.append(_count(talk.socket.recv, rest, b"end" if b"Content-Length" in head else b"\r\n0\r\n\r\n"))
        talk.send(answer(b"thanks"))
        talk.read_to_end()

    proxy = http_proxy([lasting(Server("a", counts))])
    memory, began = proc.memory(proxy.engine), time.monotonic()
    with HttpClient(proxy, timeout=60) as client:
        sender = threading.Thread(target=_send, args=(client.socket, *_asks(framing)[:2], COUNT, _asks(framing)[2]))
        sender.start()
        assert client.answer("POST").body == b"thanks"
        sender.join()
    print(f"{framing}: {time.monotonic() - began:.0f} s")
    if framing == "length":
        assert counted == [(COUNT << 20) + 3]
    else:
        assert counted[0] > (COUNT << 20) + 3
    assert proc.memory(proxy.engine) - memory < 4 << 20


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_answer(http_proxy, lasting, framing):
    def script(request):
        del request
        first, piece, last = _asks(framing)
        yield b"HTTP/1.1 200 OK\r\n" + first.partition(HOST)[2]
        for _ in range(COUNT):
            yield piece
        yield last

    proxy = http_proxy([lasting(Scripted("a", script))])
    with HttpClient(proxy, timeout=60) as client:
        client.send(line(b"GET / HTTP/1.1"))
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.read()
        rest = data.partition(b"\r\n\r\n")[2]
        counted = _count(client.socket.recv, rest, b"end" if framing == "length" else b"\r\n0\r\n\r\n")
    assert counted == (COUNT << 20) + 3 if framing == "length" else counted > (COUNT << 20) + 3
