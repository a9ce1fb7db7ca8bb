"""Small servers of known behaviour, each with one thread per connection."""

import hashlib
import os
import socket
import struct
import threading
import time
from contextlib import suppress

from support.ports import free_port


class Talk:
    """One connection as a server sees it. Keeps what was received."""

    def __init__(self, connection, peer):
        self.socket = connection
        self.peer = peer
        self.received = bytearray()
        self.ended = None  # "fin" or "reset", as the client did it
        self.over = threading.Event()

    def read(self, most=1 << 16):
        try:
            data = self.socket.recv(most)
        except OSError:
            self.ended = self.ended or "reset"
            return b""
        if not data:
            self.ended = self.ended or "fin"
        self.received += data
        return data

    def read_until(self, mark):
        while mark not in self.received:
            if not self.read():
                return False
        return True

    def read_at_least(self, count):
        while len(self.received) < count and self.read():
            pass

    def read_to_end(self):
        while self.read():
            pass

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.ended = self.ended or "reset"

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Server:
    """Listens from the start; `behaviour(talk, server)` is called for each connection, which is closed afterwards.
    Before it accepts one it takes a `breath`, in seconds."""

    def __init__(self, name, behaviour, address=None, backlog=512, breath=0):
        self.name = name
        self.behaviour = behaviour
        self.address = address or f"127.0.0.1:{free_port()}"
        self.backlog = backlog
        self.breath = breath
        self.talks = []
        self.listening = None
        self.start()

    def start(self):
        self.listening = listen_on(self.address, self.backlog)
        self.thread = threading.Thread(target=self._accept, args=(self.listening,), daemon=True)
        self.thread.start()

    def _accept(self, listening):
        while True:
            time.sleep(self.breath)
            try:
                connection, peer = listening.accept()
            except OSError:
                return
            self._begin(Talk(connection, peer))

    def _begin(self, talk):
        self.talks.append(talk)
        threading.Thread(target=self._serve, args=(talk,), daemon=True).start()

    def _serve(self, talk):
        try:
            self.behaviour(talk, self)
        finally:
            talk.socket.close()
            talk.over.set()

    def stop(self):
        """As if the process was killed: nothing listens any more, and all connections are reset."""
        if self.listening is None:
            return
        try:
            self.listening.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listening.close()
        self.thread.join()
        self.listening = None
        for talk in self.talks:
            try:
                talk.reset()
                talk.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if self.address.startswith("unix:"):
            os.unlink(self.address.removeprefix("unix:"))

    def only_talk(self, within=10):
        """The one connection that there was, once it is over."""
        from support.proc import wait_until
        assert wait_until(lambda: self.talks, within), f"{self.name} was never reached"
        assert self.talks[0].over.wait(within), f"the connection to {self.name} does not end"
        assert len(self.talks) == 1, f"{self.name} was reached {len(self.talks)} times"
        return self.talks[0]


def listen_on(address, backlog=512):
    if address.startswith("unix:"):
        path = address.removeprefix("unix:")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        os.chmod(path, 0o666)
    else:
        host, port = address.rsplit(":", 1)
        listening = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), int(port)))
    listening.listen(backlog)
    return listening


# Behaviours


def answers_http(talk, server):
    """One request, one answer: the server's name. What arrived is told in headers."""
    if not talk.read_until(b"\r\n\r\n"):
        return
    head, _, body = bytes(talk.received).partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    talk.read_at_least(len(head) + 4 + length)
    body = bytes(talk.received[len(head) + 4:])
    name = server.name.encode()
    talk.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n"
              b"X-Body-Digest: %s\r\nX-Body-Length: %d\r\nContent-Length: %d\r\n\r\n%s\n"
              % (hashlib.sha256(body).hexdigest().encode(), len(body), len(name) + 1, name))
    talk.finish()
    talk.read_to_end()


def echoes(talk, server):
    while data := talk.read():
        talk.send(data)
    talk.finish()


def greets_and_echoes(talk, server):
    """A protocol in which the server speaks first."""
    talk.send(f"220 {server.name}\r\n".encode())
    echoes(talk, server)


def tells_its_name_at_the_end(talk, server):
    """Listens until the client says no more, then answers."""
    talk.read_to_end()
    talk.send(server.name.encode() + b"\n")
    talk.finish()


def tells_its_name_at_once(talk, server):
    talk.send(server.name.encode() + b"\n")
    talk.finish()
    talk.read_to_end()


def only_listens(talk, server):
    talk.read_to_end()


def keeps_silent(talk, server):
    talk.over.wait(60)


def resets_when_spoken_to(talk, server):
    talk.read()
    talk.reset()


def sends(count):
    """A server that sends so many bytes, whatever the client does, then says that it is done."""
    def behaviour(talk, server):
        piece = bytes(range(256)) * 256
        left = count
        while left and talk.ended is None:
            talk.send(piece[:min(left, len(piece))])
            left -= min(left, len(piece))
        talk.finish()
        talk.read_to_end()
    return behaviour


class RefusingAddress:
    """A port that nobody else can take and that refuses every connection."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket()
        self.address = f"127.0.0.1:{self._take_port()}"

    def _take_port(self):
        """Free for a server may mean that old connections linger there; then nobody can have it alone."""
        for _ in range(100):
            with suppress(OSError):
                self.socket.bind(("127.0.0.1", free_port()))
                return self.socket.getsockname()[1]
        raise AssertionError("no port is free")

    def stop(self):
        self.socket.close()


class BlackHole:
    """A port on which a connect neither succeeds nor fails: its queue is full and nobody accepts."""

    def __init__(self, name):
        self.name = name
        self.address = f"127.0.0.1:{free_port()}"
        self.listening = listen_on(self.address, backlog=0)
        self.crowd = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.listening.getsockname())
            self.crowd.append(one)

    def stop(self):
        for one in [*self.crowd, self.listening]:
            one.close()
