"""memcached: the real one from Debian, and one of our own that can do what the real one never should."""

import os
import re
import socket
import subprocess
import threading
import time
from contextlib import suppress

from support import proc
from support.ports import free_port
from support.servers import listen_on


class Memcached:
    """The real one. It forgets everything when it is started again."""

    def __init__(self, address=None, memory=64, threads=1):
        self.address = address or f"127.0.0.1:{free_port()}"
        self.memory, self.threads = memory, threads
        self.process = None
        self.start()

    def start(self):
        where = ["-s", self.address.removeprefix("unix:"), "-a", "0777"] if self.address.startswith("unix:") else [
            "-l", self.address.rsplit(":", 1)[0].strip("[]"), "-p", self.address.rsplit(":", 1)[1]]
        own = ["-u", "nobody"] if _is_root() else []
        own += ["-I", "512k"] if self.memory == 1 else []  # an item may take half of it
        self.process = subprocess.Popen(["memcached", "-U", "0", "-t", str(self.threads), "-m", str(self.memory), *own, *where],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert proc.wait_until(lambda: self._answers(), 10), "memcached does not start"

    def _answers(self):
        with suppress(OSError):
            return bool(self.say(b"mn\r\n"))
        return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def say(self, words, until=b"\r\n"):
        """Sends a command, and returns what came back, up to one of these words."""
        with _connect(self.address) as talk:
            talk.sendall(words)
            return _read(talk, until)

    @property
    def pins(self):
        """The keys of all that are there."""
        said = b"BUSY"
        while said.startswith(b"BUSY"):
            said = self.say(b"lru_crawler metadump all\r\n", (b"END\r\n", b"request\r\n"))
        return [key.replace(b"%3A", b":") for key in re.findall(rb"key=(\S+)", said) if key != b"limpet%3Ainstance"]

    def value(self, key):
        said = self.say(b"get " + key + b"\r\n", b"END\r\n")
        return said.split(b"\r\n", 1)[1].rsplit(b"\r\nEND", 1)[0] if said.startswith(b"VALUE") else None

    def put(self, key, value, seconds=60):
        assert self.say(b"set %s 0 %d %d\r\n%s\r\n" % (key, seconds, len(value), value)) == b"STORED\r\n"


class FakeMemcached:
    """Knows `ms`, `mg` and `mn` as pins need them. `twist(command, reply)` may change each reply, or hold it: it gets the
    command line as words and the whole reply, and returns what is sent instead: bytes, or pieces of it with seconds to wait
    in between; None ends the connection."""

    def __init__(self, twist=None, address=None):
        self.address = address or f"127.0.0.1:{free_port()}"
        self.twist = twist or (lambda command, reply: reply)
        self.values = {}  # key: (value, number)
        self.commands = []
        self.heard = []  # the same, with the number of the connection on which each came
        self.connections = 0
        self.number = 0
        self._lock = threading.Lock()
        self._talks = set()
        self._listening = listen_on(self.address, 512)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                talk, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._talks.add(talk)
            threading.Thread(target=self._serve, args=(talk, self.connections), daemon=True).start()

    def _serve(self, talk, number):
        stream = talk.makefile("rb")
        with suppress(OSError, ValueError):
            while line := stream.readline():
                command = line.split()
                body = stream.read(int(command[2]) + 2)[:-2] if command[0] == b"ms" else None
                with self._lock:
                    self.commands.append(command)
                    self.heard.append((number, command))
                    reply = self._reply(command, body)
                reply = self.twist(command, reply)
                if not _send(talk, [reply] if isinstance(reply, bytes) or reply is None else reply):
                    break
        with suppress(OSError):
            talk.shutdown(socket.SHUT_RDWR)
        talk.close()
        self._talks.discard(talk)

    @property
    def pins(self):
        return [key for key in self.values if key != b"limpet:instance"]

    def _reply(self, command, body):
        flags = command[3:] if command[0] == b"ms" else command[2:]
        opaque = next((b" " + flag for flag in flags if flag[:1] == b"O"), b"")
        if command[0] == b"mn":
            return b"MN\r\n"
        if command[0] == b"mg":
            return self._get(command[1], opaque)
        assert command[0] == b"ms", command
        return self._store(command[1], body, flags) + opaque + b"\r\n"

    def _get(self, key, opaque):
        if key not in self.values:
            return b"EN" + opaque + b"\r\n"
        value, number = self.values[key]
        return b"VA %d c%d%s\r\n%s\r\n" % (len(value), number, opaque, value)

    def _store(self, key, body, flags):
        wanted = next((int(flag[1:]) for flag in flags if flag[:1] == b"C"), None)
        if b"ME" in flags and key in self.values:
            return b"NS"
        if wanted is not None and key not in self.values:
            return b"NF"
        if wanted is not None and self.values[key][1] != wanted:
            return b"EX"
        self.number += 1
        self.values[key] = (body, self.number)
        return b"HD"

    def drop(self):
        """Ends all connections."""
        for talk in list(self._talks):
            with suppress(OSError):
                talk.shutdown(socket.SHUT_RDWR)

    def stop(self):
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop()


def _send(talk, pieces):
    """False: the connection is to be ended."""
    for piece in pieces:
        if piece is None:
            return False
        if isinstance(piece, bytes):
            talk.sendall(piece)
        else:
            time.sleep(piece)
    return True


def _is_root():
    return os.geteuid() == 0


def _connect(address):
    if address.startswith("unix:"):
        talk = socket.socket(socket.AF_UNIX)
        talk.settimeout(5)
        talk.connect(address.removeprefix("unix:"))
        return talk
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=5)


def _read(talk, until):
    said = b""
    while not said.endswith(until):
        more = talk.recv(1 << 16)
        if not more:
            break
        said += more
    return said
