"""Servers behind a proxy: honest ones, which tell what they were asked, and ones that do what a test's script says. Both
read strictly, and keep their complaints."""

import asyncio
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from support.http1 import Cut, Feed, Malformed, drive, read_request_body, read_request_head
from support.ports import free_port
from support.servers import Server, Talk, listen_on

_PASSES_ON = Path(__file__).parent / "worker_programs" / "passes_on.py"


def answer(body=b"", status="200 OK", fields=()):
    """The bytes of an answer whose length is told. `fields` are whole lines without their ends."""
    lines = [b"HTTP/1.1 " + status.encode(), b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces, trailers=()):
    """A body in chunks, with its end."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + b"0\r\n" + b"".join(line + b"\r\n" for line in trailers) + b"\r\n"


def chunked_answer(*pieces, trailers=(), fields=()):
    lines = [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + chunked(*pieces, trailers=trailers)


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


# Honest servers


def facts(name, request, connection, turn):
    """What an honest server answers, as JSON."""
    return {"name": name, "method": request.method, "target": request.target, "fields": request.fields,
            "body": hashlib.sha256(request.body).hexdigest(), "length": len(request.body), "framing": request.framing,
            "trailers": request.trailers, "connection": connection, "turn": turn, "complaints": request.complaints}


# What a liar answers, made of a body: broken in its head, cut short, broken in its body, or with something behind it that
# looks like the answer to the next request.
LIES = [
    lambda body: b"this is no HTTP\r\n\r\n" + answer(body),
    lambda body: answer(body).replace(b"\r\n", b"\r\nContent-Length: 5\r\n", 1),
    lambda body: answer(body)[:-1],
    lambda body: answer(body)[:30],
    lambda body: chunked_answer(body)[:-5],
    lambda body: chunked_answer(body)[:-5] + b"xyz\r\n\r\n" + answer(body),
    lambda body: b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + answer(body),
    lambda body: b"HTTP/1.1 204 No Content\r\n\r\n" + answer(body),
]


class _HonestTalk(asyncio.Protocol):
    """One connection. What a request wants of its answer it says in `X-Answer`: length (else), chunked, close; and in
    `X-Padding` how many bytes more it is to have."""

    def __init__(self, server):
        self.server, self.feed, self.transport = server, Feed(), None
        self.begun, self.turn = False, 0  # a request has come in part; how many have come
        self.work = self._serve()

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections += 1
        self.server.talks.add(self)
        self.number = self.server.connections
        next(self.work)

    def data_received(self, data):
        self.feed.kept += data
        try:
            next(self.work)
        except StopIteration:
            pass

    def connection_lost(self, _):
        self.server.talks.discard(self)
        self.server.cut += self.begun

    def _serve(self):
        while not self.transport.is_closing():
            while not self.feed.kept:
                yield
            self.begun = True
            try:
                request = yield from read_request_head(self.feed)
                if request.get("expect") and not self.feed.kept:
                    self.transport.write(CONTINUE)
                yield from read_request_body(self.feed, request)
            except Malformed as wrong:
                self._refuse(wrong)
                return
            self.begun = False
            self.turn += 1
            self.server.count(request)
            self._answer(request, facts(self.server.name, request, self.number, self.turn))

    def _refuse(self, wrong):
        self.server.complaints.append(str(wrong))
        self.transport.write(answer(str(wrong).encode(), "500 Malformed", [b"Connection: close"]))
        self.transport.close()

    def _answer(self, request, told):
        if self.server.lies and self.server.dice.randrange(100) < self.server.lies:
            self.transport.write(self.server.dice.choice(LIES)(json.dumps({**told, "target": "/lie"}).encode()))
            self.transport.close()
            return
        how, padding = request.get("x-answer"), int(request.get("x-padding") or 0)
        body = json.dumps({**told, **({"padding": "p" * padding} if padding else {})}).encode()
        if request.method == "HEAD":
            self.transport.write(answer(body)[:-len(body)])
        elif how == "chunked":
            self.transport.write(chunked_answer(body[:len(body) // 2], body[len(body) // 2:]))
        elif how == "close":
            self.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
            self.transport.close()
        else:
            self.transport.write(answer(body))
        if request.lists("connection", "close"):
            self.transport.close()


class HonestServer:
    """Answers every request with facts(), keeps connections, and complains about what no proxy should send. A thread. So
    many of a hundred answers are `lies`: HTTP that no client may see as an answer."""

    def __init__(self, name="a", address=None, lies=0):
        self.name, self.address = name, address or f"127.0.0.1:{free_port()}"
        self.lies, self.dice = lies, random.Random(name)
        self.requests, self.complaints, self.connections, self.cut = [], [], 0, 0
        self.talks = set()
        self.keeps = True
        self.loop = None
        self.start()

    def count(self, request):
        self.complaints += request.complaints
        if self.keeps:
            self.requests.append(request)

    def start(self):
        """Again, after stop()."""
        listening = listen_on(self.address)
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run(listening, ready)), daemon=True)
        self.thread.start()
        assert ready.wait(5)

    async def _run(self, listening, ready):
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        server = await self.loop.create_server(lambda: _HonestTalk(self), sock=listening)
        ready.set()
        await self.over.wait()
        server.close()
        for talk in list(self.talks):
            talk.transport.abort()
        await asyncio.sleep(0)

    def new_complaints(self):
        """Those since the last call."""
        complaints, self.complaints = self.complaints, []
        return complaints

    def waits(self):
        """How many connections stand in the middle of a request."""
        return sum(talk.begun for talk in list(self.talks))

    def close_idle(self):
        """Connections that have served, and do not now, in order: as a server does when nobody used them for long."""
        def close():
            for talk in list(self.talks):
                if talk.turn and not talk.begun:
                    talk.transport.close()
        self.loop.call_soon_threadsafe(close)

    def stop(self):
        """Twice is harmless."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.over.set)
            self.thread.join(5)


class HonestProcess:
    """An honest server in a process of its own, which can be killed and started again on its address."""

    def __init__(self, name="a", address=None, lies=0):
        self.name, self.address, self.lies = name, address or f"127.0.0.1:{free_port()}", lies
        self.process = None
        self.start()

    def start(self):
        command = [sys.executable, "-B", "-m", "support.http_servers", self.name, self.address, str(self.lies)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        cwd=Path(__file__).resolve().parents[1])
        assert self.process.stdout.readline() == b"ready\n"

    def stop(self):
        """As the kernel does when memory runs out."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()


# Servers that do what a script says

END = "says that it is done, and listens until the other side is"
CLOSE = "closes at once"
RESET = "resets the connection"
STALL = "does nothing until the other side ends"
BODY = "reads the body of the request"


def in_pieces(data, size=1, pause=0.0):
    """Steps that send it piece by piece."""
    for at in range(0, len(data), size):
        yield data[at:at + size]
        if pause:
            yield pause


class Scripted(Server):
    """`script(request)` gives what follows on a request: steps that are bytes to send, seconds to wait, or one of the words
    above. Or the script is a list of steps, which follow on every request. `early`: the script runs when the head has been
    read, and the body is read only at BODY. `requests` are those that were read; a request knows its `turn` on its
    connection and the `connection`'s number, from 1, and `talk.received` is what came in all."""

    def __init__(self, name, script, address=None, early=False):
        self.script, self.early = script, early
        self.requests, self.complaints = [], []
        super().__init__(name, self._converse, address)

    def hang_up(self):
        """Ends the connections that there are, and waits until that is done."""
        for talk in self.talks:
            with suppress(OSError):
                talk.socket.shutdown(socket.SHUT_RDWR)
        for talk in self.talks:
            assert talk.over.wait(5)

    def _converse(self, talk, _):
        feed, turn = Feed(), 0
        number = len(self.talks)
        if talk.socket.family != socket.AF_UNIX:
            talk.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            going = True
            while going:
                turn += 1
                going = self._one(talk, feed, number, turn)
        except Cut:
            pass
        except Malformed as wrong:
            self.complaints.append(str(wrong))

    def _one(self, talk, feed, number, turn):
        """True if another request may follow."""
        request = drive(read_request_head(feed), feed, talk.read)
        request.connection, request.turn, request.talk = number, turn, talk
        self.complaints += request.complaints
        self.requests.append(request)
        if not self.early:
            drive(read_request_body(feed, request), feed, talk.read)
        for step in self.script(request) if callable(self.script) else self.script:
            if not self._step(talk, feed, request, step):
                return False
        return True

    def _step(self, talk, feed, request, step):
        if isinstance(step, bytes):
            talk.send(step)
        elif isinstance(step, (int, float)):
            time.sleep(step)
        elif step == BODY:
            drive(read_request_body(feed, request), feed, talk.read)
        elif step == STALL:
            talk.read_to_end()
        elif step == END:
            talk.finish()
            talk.read_to_end()
        elif step == RESET:
            talk.reset()
        return not isinstance(step, str) or step == BODY


class ScriptedWorker(Scripted):
    """The same with the connections that limpet gives to a worker of the pool, which is `command`. Whoever says nothing for
    so many seconds of `patience` is left."""

    def __init__(self, name, script, folder, patience, early=False):
        self.channel, self.patience = None, patience
        self.command = ["/usr/bin/python3", "-B", str(_PASSES_ON), f"{folder}/worker"]
        super().__init__(name, script, f"unix:{folder}/worker", early)

    def _accept(self, listening):
        with suppress(OSError):
            self.channel, _ = listening.accept()
            while descriptors := socket.recv_fds(self.channel, 1, 1)[1]:
                connection = socket.socket(fileno=descriptors[0])
                connection.settimeout(self.patience)
                self._begin(Talk(connection, None))

    def stop(self):
        if self.channel:
            self.channel.shutdown(socket.SHUT_RDWR)
        super().stop()


def main(name, address, lies):
    server = HonestServer(name, address, int(lies))
    server.keeps = False
    print("ready", flush=True)
    server.thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
