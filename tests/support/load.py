"""A steady load: so many new connections per second, each of which asks one question and notes who answered."""

import asyncio
import http.client
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from support import wire


CATCH_UP = 0.05  # seconds


@dataclass
class Outcome:
    at: float     # when it began, on time.monotonic()
    client: int
    result: str   # the name of the server; or "refused", "reset", "empty", "timeout"


class Load:
    """Runs in the background until stop(). Client number i is the one whom X-Forwarded-For calls 203.0.113.i."""

    def __init__(self, to, per_second, clients=50, timeout=15):
        self.host, port = to.address.rsplit(":", 1)
        self.port = int(port)
        self.per_second, self.clients, self.timeout = per_second, clients, timeout
        self.outcomes = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()

    async def _run(self):
        due, number, asked = time.monotonic(), 0, set()
        while not self.stopping.is_set():
            task = asyncio.create_task(self._ask(number % self.clients))
            asked.add(task)
            task.add_done_callback(asked.discard)
            number += 1
            # What a stall of the machine kept back is not made up for: that would be a flood, not this load.
            due = max(due + 1 / self.per_second, time.monotonic() - CATCH_UP)
            await asyncio.sleep(max(0, due - time.monotonic()))
        if asked:
            await asyncio.wait(asked)

    async def _ask(self, client):
        at = time.monotonic()
        try:
            result = await asyncio.wait_for(self._answer(client), self.timeout)
        except ConnectionRefusedError:
            result = "refused"
        except ConnectionError:
            result = "reset"
        except asyncio.TimeoutError:
            result = "timeout"
        self.outcomes.append(Outcome(at, client, result))

    async def _answer(self, client):
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(wire.request(headers={"X-Forwarded-For": f"203.0.113.{client}"}))
            data = await reader.read()
        finally:
            writer.close()
        head, _, body = data.partition(b"\r\n\r\n")
        return body.decode().strip() if head.startswith(b"HTTP/1.1 200") else "empty"

    def stop(self):
        """All outcomes, once the last connection has ended."""
        self.stopping.set()
        self.thread.join()
        return self.outcomes


def count(outcomes):
    return Counter(outcome.result for outcome in outcomes)


def ask_each(to, sources, times=1, workers=16):
    """Each client keeps one connection, from its own loopback address, and asks `times`: {source: [names]}."""
    host, port = to.address.rsplit(":", 1)

    def one(source):
        connection = http.client.HTTPConnection(host, int(port), timeout=20, source_address=(source, 0))
        try:
            return source, [_name(connection) for _ in range(times)]
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return dict(pool.map(one, sources))


def _name(connection):
    connection.request("GET", "/")
    return connection.getresponse().read().decode().strip()
