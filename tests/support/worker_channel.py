"""Limpet as a worker sees it: starts a program with a channel and speaks the contract of limpet/worker.h, with nothing
of limpet's own code, so that both sides are tested against the same words."""

import fcntl
import os
import select
import socket
import struct
import subprocess
import termios
import time
from pathlib import Path

from support.proc import wait_until

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"

CONNECTION, PING = 1, 2
READY, TAKEN, REFUSED, PONG, LIVE = 1, 2, 3, 4, 5
TLS, PAIR = 1, 2

_MESSAGE = struct.Struct("=BBHIQI4x16sHBx16sHBx")
_ANSWER = struct.Struct("=IB3x")


def ip_of(text):
    """16 bytes, IPv4 mapped."""
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return bytes(10) + b"\xff\xff" + socket.inet_aton(text)


def message(word, number, flags=0, key=0, client=("203.0.113.9", 4711), peer=("192.0.2.1", 80), kind=1):
    return _MESSAGE.pack(1, word, flags, number, key, 0, ip_of(client[0]), client[1], kind, ip_of(peer[0]), peer[1], kind)


def has_unread(end):
    """True while the other side of a Unix socket has not read everything."""
    return fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)) != bytes(4)


def example_in_c():
    tools = Path(os.environ.get("LIMPET_TOOLS", ROOT / "build" / "tools"))
    return [str(tools.parent / "examples" / "worker")]


def example_in_python():
    return [PYTHON, "-B", str(ROOT / "examples" / "worker.py")]


class Conversation:
    """The client's end of a connection that a worker has."""

    def __init__(self, number, ours):
        self.number = number
        self.socket = ours

    def ask(self, request=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        """The whole answer, which is short."""
        self.socket.sendall(request)
        return self.read()

    def read(self):
        """Text that ends with a newline, or nothing at the end."""
        got = b""
        while not got.endswith(b"\n") or got.endswith(b"\r\n"):
            more = self.socket.recv(4096)
            if not more:
                break
            got += more
        return got.decode()

    def close(self):
        self.socket.close()


class WorkerChannel:
    """Starts `command` as the worker in a slot; from then on it is limpet, and offers what Node programs look for, too, as
    limpet does while it does not know."""

    def __init__(self, command, folder, slot=1, descriptors=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for_node, self.for_node = socket.socketpair()
        self.numbers = 0
        self.answers = []
        self.conversations = []
        self.errors = Path(folder) / f"worker-{slot}.stderr"
        env = {**os.environ, "LIMPET_FD": str(theirs.fileno()), "LIMPET_SLOT": str(slot), "LIMPET_POOL": "app",
               "NODE_CHANNEL_FD": str(for_node.fileno()), "NODE_CHANNEL_SERIALIZATION_MODE": "json",
               "NODE_UNIQUE_ID": str(slot), "PYTHONPATH": str(ROOT / "python")}
        if descriptors:
            command = ["prlimit", f"--nofile={descriptors}", *command]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno(), for_node.fileno()], env=env,
                                            stdin=subprocess.DEVNULL, stderr=errors)
        theirs.close()
        for_node.close()

    @property
    def stderr(self):
        return self.errors.read_text()

    # What limpet says.

    def give(self, first=b"", **about):
        """A connection whose first bytes are there, unread."""
        ours, theirs = socket.socketpair()
        ours.sendall(first)
        theirs.setblocking(False)
        ours.settimeout(10)
        self.numbers += 1
        socket.send_fds(self.socket, [message(CONNECTION, self.numbers, **about)], [theirs.fileno()])
        theirs.close()
        self.conversations.append(Conversation(self.numbers, ours))
        return self.conversations[-1]

    def say(self, data, descriptors=()):
        socket.send_fds(self.socket, [data], descriptors)

    def drain(self):
        self.socket.shutdown(socket.SHUT_WR)

    # What the worker says.

    def hear(self, within=10):
        """The next answer that is not a count: (word, number). None when the worker has closed its end."""
        while True:
            if not select.select([self.socket], [], [], within)[0]:
                raise TimeoutError(f"the worker says nothing: {self.stderr}")
            data = self.socket.recv(64)
            if not data:
                return None
            assert len(data) == _ANSWER.size
            number, word = _ANSWER.unpack(data)
            if word != LIVE:
                return word, number
            self.answers.append((word, number))

    def hears_nothing(self, within=0.2):
        try:
            return self.hear(within) is None
        except TimeoutError:
            return True

    def counted(self, count, within=10):
        """True once the worker has said that it has so many connections."""
        until = time.monotonic() + within
        while (LIVE, count) not in self.answers and time.monotonic() < until:
            self.hears_nothing(0.1)
        return (LIVE, count) in self.answers

    def ready(self):
        assert self.hear() == (READY, 0), self.stderr
        return self

    def ended(self, within=10):
        """The exit code, once it is there."""
        wait_until(lambda: self.process.poll() is not None, within)
        return self.process.poll()

    def stop(self):
        for conversation in self.conversations:
            conversation.close()
        self.socket.close()
        self.for_node.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
