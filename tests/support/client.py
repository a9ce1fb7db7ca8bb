"""Clients that speak raw bytes, so that a test decides every segment."""

import json
import socket
import struct
from dataclasses import dataclass

from support import wire


class Client:
    """One connection. `to` is anything with an `address`, or "host:port", "[v6]:port", "unix:/path"."""

    def __init__(self, to, source=None, timeout=15, prepare=None):
        address = getattr(to, "address", to)
        self.socket = open_socket(address, source, timeout, prepare)
        if not address.startswith("unix:"):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_byte_by_byte(self, data):
        for byte in data:
            self.socket.send(bytes([byte]))
        return self

    def finish(self):
        """Says that no more bytes will come, and still listens."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def read(self, most=65536):
        return self.socket.recv(most)

    def read_exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                break
            data += piece
        return bytes(data)

    def read_line(self):
        data = bytearray()
        while not data.endswith(b"\n"):
            piece = self.socket.recv(1)
            if not piece:
                break
            data += piece
        return bytes(data)

    def read_to_end(self):
        data = bytearray()
        while piece := self.socket.recv(1 << 20):
            data += piece
        return bytes(data)

    def is_dropped(self, within=5):
        """True if the other side ends the connection without a byte."""
        self.socket.settimeout(within)
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def reset(self):
        """Ends the connection as a crash does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


def open_socket(address, source=None, timeout=15, prepare=None):
    """`prepare` gets the socket before it is connected."""
    if address.startswith("unix:"):
        opened = socket.socket(socket.AF_UNIX)
        target = address.removeprefix("unix:")
    else:
        host, port = address.rsplit(":", 1)
        opened = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        target = (host.strip("[]"), int(port))
        if source:
            opened.bind((source, 0))
    opened.settimeout(timeout)
    if prepare:
        prepare(opened)
    try:
        opened.connect(target)
    except BaseException:
        opened.close()
        raise
    return opened


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode().strip()


def parse_answer(data):
    """Status 0 when there was none."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if not words[0].startswith("HTTP/1."):
        return Answer(0, {}, data)
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(words[1]), headers, body)


def ask(to, path="/", headers=(), source=None, in_front=b"", **more):
    """One request on a connection of its own; `in_front` stands before it. Whoever answers closes."""
    with Client(to, source) as client:
        client.send(in_front + wire.request(path, headers, **more))
        return parse_answer(client.read_to_end())


def ask_for_facts(to, path="/facts", headers=(), **more):
    """What a program that answers with JSON tells. Node is asked to close, which it does not by itself."""
    answer = ask(to, path, {**dict(headers), "Connection": "close"}, **more)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def who_answers(to, **more):
    """The name of the server that answers."""
    return ask(to, **more).text
