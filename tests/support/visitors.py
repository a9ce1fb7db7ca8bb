"""Clients of workers: each request has a number of its own, and each worker answers with its slot, its process id and that
number. So a test knows of each what became of it.

A connection that its worker closes between two requests is no failure: like every HTTP client, one that got no byte of an
answer on a connection that had served before asks once again on a new one."""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass

from support import wire
from support.load import CATCH_UP

ANSWERED = "answered"


@dataclass
class Visit:
    number: int
    client: int
    began: float  # on time.monotonic()
    ended: float = 0.0
    port: int = 0        # of the client's end
    result: str = ""     # "answered", or "refused", "reset", "empty", "cut", "wrong", "timeout"
    slot: str = ""       # who answered
    pid: int = 0
    retried: bool = False

    @property
    def took(self):
        return self.ended - self.began


class _Line:
    """A connection that may serve several requests."""

    def __init__(self):
        self.reader = self.writer = None
        self.served = 0

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None
        self.served = 0


class Visitors:
    """So many requests per second in the background, until stop(). Client number i is the one whom X-Forwarded-For calls
    203.0.113.i. With `lines`, so many connections are kept and used in turn; else each request has its own. Numbers
    begin with `first`. With a `body`, they post it."""

    def __init__(self, to, per_second, clients=50, timeout=15, lines=0, path="/{number}", first=0, body=b""):
        self.host, port = to.address.rsplit(":", 1)
        self.port = int(port)
        self.per_second, self.clients, self.timeout, self.path = per_second, clients, timeout, path
        self.visits, self.first, self.body = [], first, body
        self.lines = [_Line() for _ in range(lines)]
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()

    def stop(self):
        """All visits, in order of their numbers, once the last has ended."""
        self.stopping.set()
        self.thread.join()
        return sorted(self.visits, key=lambda visit: visit.number)

    # A clock that hands out numbers: to whoever is free, if lines are kept.

    async def _run(self):
        due, number, under_way = time.monotonic(), self.first, set()
        free = asyncio.Queue()
        for line in enumerate(self.lines):
            free.put_nowait(line)
        while not self.stopping.is_set():
            line = await free.get() if self.lines else (number, _Line())
            task = asyncio.create_task(self._visit(number, line, free))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
            due = max(due + 1 / self.per_second, time.monotonic() - CATCH_UP)
            await asyncio.sleep(max(0, due - time.monotonic()))
        if under_way:
            await asyncio.wait(under_way)
        for line in self.lines:
            line.close()

    async def _visit(self, number, place, free):
        index, line = place
        visit = Visit(number, index % self.clients, time.monotonic())
        try:
            visit.result = await asyncio.wait_for(self._ask(visit, line), self.timeout)
        except asyncio.TimeoutError:
            visit.result = "timeout"
        visit.ended = time.monotonic()
        self.visits.append(visit)
        if not self.lines or visit.result != ANSWERED:
            line.close()
        if self.lines:
            free.put_nowait(place)

    async def _ask(self, visit, line):
        again = line.served > 0
        result = await self._try(visit, line)
        if again and result in ("reset", "empty"):
            line.close()
            visit.retried = True
            result = await self._try(visit, line)
        return result

    async def _try(self, visit, line):
        try:
            if line.writer is None:
                line.reader, line.writer = await asyncio.open_connection(self.host, self.port)
        except ConnectionRefusedError:
            return "refused"
        except ConnectionError:
            return "reset"
        visit.port = line.writer.get_extra_info("sockname")[1]
        begun = bytearray()
        try:
            result = await self._talk(visit, line, begun)
        except ConnectionError:
            result = "cut" if begun else "reset"
        except asyncio.IncompleteReadError as end:
            result = "cut" if begun or end.partial else "empty"
        return result

    async def _talk(self, visit, line, begun):
        headers = {"X-Forwarded-For": f"203.0.113.{visit.client}"}
        if not self.lines:
            headers["Connection"] = "close"
        line.writer.write(wire.request(self.path.format(number=visit.number), headers, "POST" if self.body else "GET",
                                       body=self.body))
        head = await line.reader.readuntil(b"\r\n\r\n")
        begun += head
        length = next(int(field[15:]) for field in head.lower().split(b"\r\n") if field.startswith(b"content-length:"))
        body = await line.reader.readexactly(length)
        line.served += 1
        if b"connection: close" in head.lower():
            line.close()
        words = body.decode().split()
        if not head.startswith(b"HTTP/1.1 200") or len(words) != 3 or words[2] != str(visit.number):
            return "wrong"
        visit.slot, visit.pid = words[0], int(words[1])
        return ANSWERED


def results(visits):
    return Counter(visit.result for visit in visits)


def lost(visits):
    return [visit for visit in visits if visit.result != ANSWERED]


def slowest(visits, share=0.99):
    """So long, in seconds, did that share of them take at most."""
    took = sorted(visit.took for visit in visits)
    return took[int(share * (len(took) - 1))]
