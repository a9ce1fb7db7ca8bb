"""Hostile clients and broken servers, all at once and at random, beside clients and servers that are in order: those meet
each other as if nothing was wrong. (A client whose server breaks has to bear it: bytes that come behind an answer, when the
connection has been given another request, are an answer to that.)"""

import hashlib
import random
import threading
import time
from collections import Counter

from support.http1 import Cut, Malformed
from support.http_client import HttpClient
from support.http_servers import BODY, CLOSE, END, LIES, RESET, STALL, Scripted, answer, chunked, chunked_answer
from support.ranking import Ranking
from support.refusals import HOST, chunks, field, line, post

AGREES = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
ENDS = (END, CLOSE, RESET, STALL)


class Broken(Scripted):
    """Answers in any way at all."""

    def __init__(self, name):
        super().__init__(name, self._anything, early=True)

    def _anything(self, request):
        del request
        dice = random.Random()
        if dice.random() < 0.7:
            yield BODY
        data = dice.choice((answer(dice.randbytes(dice.randrange(70_000))), chunked_answer(b"x" * 5000, b"y"), AGREES,
                            dice.choice(LIES)(b"lie"), b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + answer(b"late"),
                            dice.randbytes(300), answer(b"extra") * 2))
        if dice.random() < 0.4:
            data = mutated(data, dice)
        while data:
            cut = dice.choice((len(data), dice.randrange(len(data)) + 1))
            yield data[:cut]
            data = data[cut:]
            if dice.random() < 0.2:
                yield 0.01
        if dice.random() < 0.6:
            yield dice.choice(ENDS)


def mutated(data, dice):
    """A few bytes are changed, taken out or put in, or the end is lost."""
    data = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(4)
        if kind == 0:
            data[at:at + 1] = bytes([dice.randrange(256)])
        elif kind == 1:
            data[at:at + dice.randrange(1, 5)] = b""
        elif kind == 2:
            data[at:at] = dice.choice((b"\r\n", b"\n", b"\0", b" ", b":", b"\r", b"\t", b"chunked", b"0"))
        else:
            del data[dice.randrange(len(data) + 1):]
        data = data or bytearray(b"x")
    return bytes(data)


def _any_request(dice):
    return dice.choice((
        line(b"GET /any HTTP/1.1"), line(b"HEAD /any HTTP/1.1"), line(b"GET /any HTTP/1.0"),
        post(b"Content-Length: 70000", bytes(70_000)), post(b"Expect: 100-continue\r\nContent-Length: 5", b"hello"),
        chunks(chunked(b"hello", b"x" * 20_000, trailers=[b"X: y"])), field(b"Connection: upgrade\r\nUpgrade: websocket"),
        field(b"Connection: close"), line(b"BREW http://other.example/any HTTP/1.1"),
        b"GET /any HTTP/1.1\r\n" + HOST + b"Cookie: a=b; c\r\nConnection: X, keep-alive\r\nX: y\r\n\r\n"))


class Chaos:
    """So many good and bad clients, until stop(). The proxy has the servers "good" and "bad", and the key header:X-User."""

    def __init__(self, proxy, good, bad):
        ranking = Ranking("tests", "app", {"good": 1, "bad": 1})
        users = [f"user{number}" for number in range(100)]
        self.users = {name: [user for user in users if ranking.home_of_text(user) == name] for name in ("good", "bad")}
        self.proxy, self.over = proxy, threading.Event()
        self.outcomes, self.wrong = Counter(), []
        self.threads = [threading.Thread(target=self._go_on, args=(self._ask_well, number)) for number in range(good)]
        self.threads += [threading.Thread(target=self._go_on, args=(self._misbehave, number)) for number in range(bad)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _go_on(self, what, number):
        dice = random.Random(number)
        while not self.over.is_set():
            try:
                what(dice)
            except OSError:
                self.outcomes["broken pipe"] += 1

    def _ask_well(self, dice):
        with HttpClient(self.proxy) as client:
            for _ in range(dice.randrange(1, 20)):
                target, body = f"/{dice.randrange(10 ** 9)}", dice.randbytes(dice.choice((0, 10, 3000, 50_000)))
                head = f"PUT {target} HTTP/1.1\r\nHost: example.org\r\nX-User: {dice.choice(self.users['good'])}\r\n"
                try:
                    answered = client.ask(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                    told = answered.json()
                except (Cut, Malformed, AssertionError) as wrong:
                    self.wrong.append((target, repr(wrong)))
                    return
                if (told["name"], told["target"], told["body"]) != ("good", target, hashlib.sha256(body).hexdigest()):
                    self.wrong.append((target, answered))
                self.outcomes["good"] += 1
                if answered.closes:
                    return

    def _misbehave(self, dice):
        with HttpClient(self.proxy, timeout=0.3) as client:
            user = b"\r\nX-User: %s\r\n" % dice.choice(self.users["bad"]).encode()
            data = b"".join(_any_request(dice).replace(b"\r\n", user, 1) for _ in range(dice.choice((1, 1, 2, 6))))
            if dice.random() < 0.5:
                data = mutated(data, dice)
            cut = dice.randrange(len(data) + 1)
            client.send(data[:cut])
            if dice.random() < 0.3:
                time.sleep(0.01)
            client.send(data[cut:])
            for _ in range(dice.randrange(4)):
                outcome = client.outcome()
                self.outcomes[outcome] += 1
                if outcome == 101:
                    client.send(dice.randbytes(1000))
                    client.ending(0.05)
                if not isinstance(outcome, int):
                    break
            if dice.random() < 0.3:
                client.finish()
            if dice.random() < 0.3:
                client.reset()
