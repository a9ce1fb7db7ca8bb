"""Requests of which every answer is checked against its question: the number in its target, the hash of its body, and the
server that the ranking says. Meanwhile servers lie now and then, and are killed and started again."""

import asyncio
import hashlib
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from support.http1 import Cut, Feed, Malformed, read_answer
from support.http_servers import HonestProcess, chunked
from support.ranking import Ranking

NAMES = "abc"
USERS = 200
DEPTHS = (1, 1, 2, 8)  # requests that are sent at once


@dataclass
class Question:
    number: int
    user: str
    method: str
    body: bytes
    data: bytes
    asked: float = 0.0


@dataclass
class Account:
    """What became of the questions."""
    outcomes: Counter = field(default_factory=Counter)  # "200", "502", ..., "fin", "reset"
    swapped: list = field(default_factory=list)
    elsewhere: list = field(default_factory=list)  # (user, server, asked, answered): answered by another than its home

    def add(self, other):
        self.outcomes += other.outcomes
        self.swapped += other.swapped
        self.elsewhere += other.elsewhere


def question(number, dice):
    user = f"user{dice.randrange(USERS)}"
    framing = dice.choice(("length", "length", "length", "chunked", "chunked", "chunked", "close"))
    lines = [f"Host: example.org\r\nX-User: {user}\r\nX-Answer: {framing}"]
    if dice.random() < 0.03:
        lines.append(f"X-Padding: {dice.randrange(100000)}")
    body = dice.randbytes(dice.choice((0, 0, 0, 1, 100, 5000, 5000, 20000)))
    method = dice.choice(("POST", "PUT")) if body else "GET"
    sent = b""
    if body and dice.random() < 0.5:
        lines.append(f"Content-Length: {len(body)}")
        sent = body
    elif body:
        lines.append("Transfer-Encoding: chunked")
        cut = dice.randrange(1, len(body) + 1)
        sent = chunked(*filter(None, (body[:cut], body[cut:])))
    head = "\r\n".join([f"{method} /{number} HTTP/1.1", *lines]).encode() + b"\r\n\r\n"
    return Question(number, user, method, body, head + sent)


class _Line:
    """One connection after the other, each used until it ends."""

    def __init__(self, address, account, dice, homes):
        self.host, port = address.rsplit(":", 1)
        self.port, self.account, self.dice, self.homes = int(port), account, dice, homes
        self.writer = None

    async def run(self, numbers):
        batch = []
        while batch := batch or self._next(numbers):
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
                self.feed = Feed()
            batch = await self._ask(batch)
        if self.writer:
            self.writer.close()

    def _next(self, numbers):
        return [question(number, self.dice) for _, number in zip(range(self.dice.choice(DEPTHS)), numbers)]

    async def _ask(self, batch):
        """Those that were not read, because the connection was to end with an answer before: they are asked again."""
        for one in batch:
            one.asked = time.monotonic()
        sending = asyncio.ensure_future(self._send(b"".join(one.data for one in batch)))
        left = []
        for place, one in enumerate(batch):
            try:
                answer = await self._answer(one.method)
            except (Cut, Malformed, ConnectionError) as wrong:
                self.account.outcomes[str(wrong) if isinstance(wrong, Cut) else type(wrong).__name__] += len(batch) - place
                self._end()
                break
            self.account.outcomes[str(answer.status)] += 1
            if answer.status == 200:
                self._check(one, json.loads(answer.body))
            if answer.closes:
                self._end()
                left = batch[place + 1:]
                break
        await sending
        return left

    async def _send(self, data):
        writer = self.writer
        try:
            writer.write(data)
            await writer.drain()
        except ConnectionError:
            pass

    async def _answer(self, method):
        reading = read_answer(self.feed, method)
        try:
            next(reading)
            while True:
                data = await asyncio.wait_for(self.reader.read(1 << 16), 20)
                self.feed.kept += data
                if data:
                    next(reading)
                else:
                    reading.throw(Cut("fin"))
        except StopIteration as done:
            return done.value

    def _end(self):
        self.writer.close()
        self.writer = None

    def _check(self, one, told):
        right = told["target"] == f"/{one.number}" and told["body"] == hashlib.sha256(one.body).hexdigest()
        right = right and ["x-user", one.user] in told["fields"] and told["method"] == one.method
        if not right or told["complaints"]:
            self.account.swapped.append((one.number, told))
        if told["name"] != self.homes[one.user]:
            self.account.elsewhere.append((one.user, told["name"], one.asked, time.monotonic()))


def ask_many(address, first, count, lines):
    """The account of so many questions, asked over so many connections at once."""
    ranking = Ranking("tests", "app", dict.fromkeys(NAMES, 1))
    homes = {f"user{number}": ranking.home_of_text(f"user{number}") for number in range(USERS)}
    numbers, account = iter(range(first, first + count)), Account()

    async def all_of_them():
        await asyncio.gather(*(_Line(address, account, random.Random(first + line), homes).run(numbers)
                               for line in range(lines)))

    asyncio.run(all_of_them())
    return account


class Disaster:
    """Servers that lie in so many of a hundred answers, one of which is killed `every` so many seconds, and is back soon."""

    def __init__(self, lies, every):
        self.servers = [HonestProcess(name, lies=lies) for name in NAMES]
        self.every, self.killed = every, []  # (name, from, to): when it was not to be had
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def begin(self):
        self.thread.start()

    def _run(self):
        dice = random.Random(4)
        while not self.over.wait(self.every):
            server, began = dice.choice(self.servers), time.monotonic()
            server.stop()
            self.over.wait(dice.choice((0, 0.1, 0.3)))
            server.start()
            self.killed.append((server.name, began, time.monotonic()))

    def stop(self):
        if self.thread.is_alive():
            self.over.set()
            self.thread.join()
        for server in self.servers:
            server.stop()

    def explains(self, user, name, asked, answered):
        """Everyone whom the user should rather have met was dead at that time, or rested from that: as long as it was dead,
        or twice as long (route/server.h: each rest is twice the one before), and a second for slow machines."""
        order = Ranking("tests", "app", dict.fromkeys(NAMES, 1)).order_of_text(user)
        return all(self._was_missing(better, asked, answered) for better in order[:order.index(name)])

    def _was_missing(self, name, asked, answered):
        return any(one == name and began <= answered and asked <= ended + 2 * (ended - began) + 1
                   for one, began, ended in self.killed)


def judge(account, disaster):
    """0 swaps, 0 at the wrong server; and it was no empty exercise."""
    total = account.outcomes.total()
    print(dict(account.outcomes), f"{len(disaster.killed)} killed, {len(account.elsewhere)} at the next-ranked")
    assert account.swapped == []
    assert [one for one in account.elsewhere if not disaster.explains(*one)] == []
    assert account.outcomes["200"] > 0.8 * total
    assert disaster.killed and account.outcomes["502"] and account.outcomes["fin"] + account.outcomes["reset"]
    assert set(account.outcomes) <= {"200", "204", "502", "503", "504", "fin", "reset", "ConnectionResetError"}
