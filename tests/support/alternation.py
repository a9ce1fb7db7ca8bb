"""Clients that come now to the one and now to the other of two frontends, as a balancer in front of them spreads connections.

A frontend that is being started again refuses connections: then the client is sent to the other one, as a balancer does. What a
frontend had under way when it was killed is asked once more of the other one. Nothing else is tried again.

Everybody's home is kept, and since when which frontend has served him: so it can be said of each who moved whether any frontend
knew him."""

import asyncio
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from support import metrics, proc, wire
from support.limpet import Limpet, configuration
from support.ports import free_port

PATIENCE = 10  # seconds


class Frontend:
    """A limpet that can be started, and again on its address, perhaps with other servers. It begins again in a folder of its own."""

    def __init__(self, folder, config):
        self.folder, self.config = folder, config
        self.starts = []  # time.monotonic()
        self.killed = []  # from when until when
        self.runs, self.counted = [], Counter()

    @property
    def address(self):
        return self.config["listeners"][0]["bind"]

    @property
    def limpet(self):
        return self.runs[-1]

    def start(self, servers=None):
        if servers:
            self.config["pools"]["app"]["servers"] = {server.name: server.address for server in servers}
        own = self.folder / f"{self.address.rsplit(':', 1)[1]}-{len(self.runs)}"
        own.mkdir()
        own.chmod(0o755)
        self.starts.append(time.monotonic())
        self.runs.append(Limpet(own, self.config))

    def restart(self, servers=None):
        self.stop()
        self.start(servers)

    def kill(self):
        self._count()
        began, engine = time.monotonic(), self.limpet.engine
        self.killed.append((began, float("inf")))
        self.limpet.kill()
        proc.wait_until(lambda: not proc.is_alive(engine))  # until then it holds its sockets
        self.killed[-1] = began, time.monotonic() + 0.1  # its other threads may end a moment later

    def stop(self):
        if self.runs and self.limpet.process.returncode is None:
            self._count()
            self.limpet.stop()

    def _count(self):
        for (name, labels), value in metrics.read(self.config["metrics"]).counters().items():
            if "_pin" in name and not labels:
                self.counted[name.removeprefix("limpet_").removesuffix("_total")] += int(value)

    @property
    def unheard(self):
        """How often memcached was too slow for it, and whether it was not asked any more."""
        return self.counted["pin_failures"], "is not asked any more" in "".join(run.stderr for run in self.runs)


class TwoFrontends:
    """`servers` are shared by both, and so are the pins in `memcached`. With `weights`, a row for each frontend, they are of two
    minds as to where new keys should live."""

    def __init__(self, folder, servers, memcached, mode="http", pool=None, key="client", weights=None, **top):
        secret = folder / "secret"
        secret.write_text("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n")
        secret.chmod(0o600)
        listener = {"mode": mode, "trust": "loopback"}
        if mode == "tcp":
            listener["proxy-protocol"] = "require"
        self.mode = mode
        # A machine that is busy with other tests may keep memcached from its 20 ms.
        top = {"log": {"access": "off"}, "threads": 2, "timeouts": {"memcached": "500ms"}, **top}
        pool = {"stick": {"table": "memcached", "for": "1h"}, **(pool or {})}
        rows = [_weighed(servers, row) for row in weights] if weights else [servers, servers]
        self.both = [Frontend(folder, configuration(rows[number], key=key, listener=dict(listener), pool=dict(pool),
                                                    memcached=[memcached.address], secret=str(secret),
                                                    metrics=f"127.0.0.1:{free_port()}", **top))
                     for number in range(2)]
        for frontend in self.both:
            frontend.start()

    def restart(self, servers=None):
        """One after the other."""
        for frontend in self.both:
            frontend.restart(servers)

    def stop(self):
        for frontend in self.both:
            frontend.stop()


def _weighed(servers, row):
    return {server.name: {"address": server.address, "weight": weight} for server, weight in zip(servers, row)}


@dataclass
class Move:
    """Somebody met another server than before."""
    at: float
    client: str
    was: str
    now: str
    asked: int  # which frontend
    knew: list = field(default_factory=list)  # the frontends that had served him since they were started


class Alternation:
    """So many visits per second in the background, until stop(), of clients whose number may grow. A client makes one visit at a
    time."""

    def __init__(self, frontends, clients, per_second, seed=1):
        self.frontends, self.per_second = frontends, per_second
        self.dice = random.Random(seed)
        self.clients, self.under_way = list(clients), set()
        self.waiting = []
        self.homes, self.moves, self.failures = {}, [], []
        self.first_at = {}  # when a client was first answered
        self.served = defaultdict(lambda: defaultdict(list))  # {client: {frontend: when}}
        self.visits, self.again = 0, Counter()
        self.longest = 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()

    def add(self, clients):
        with self.lock:
            self.clients += clients

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def wait_for_rounds(self, count, within=300):
        """Until everybody has been served so often from now on, at both frontends together."""
        goal = self.visits + count * len(self.clients)
        self._wait(lambda: self.visits >= goal, within)

    def wait_until_known(self, times=1, within=300):
        """Until both frontends have served everybody so often since they were started."""
        self._wait(lambda: all(len(self.who_knows(client, times)) == 2 for client in list(self.clients)), within)

    def _wait(self, condition, within):
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"{self.visits} visits, {len(self.homes)} of {len(self.clients)} clients"
            time.sleep(0.1)

    def who_knows(self, client, times=1):
        served = self.served.get(client, {})
        return [number for number, visits in list(served.items())
                if len(visits) >= times and visits[-times] > self.frontends.both[number].starts[-1]]

    # Who comes next: everybody once, in any order, before somebody comes again.

    def _next_client(self):
        if not self.waiting:
            with self.lock:
                self.waiting = [client for client in self.clients if client not in self.under_way]
            self.dice.shuffle(self.waiting)
        return self.waiting.pop() if self.waiting else None

    async def _run(self):
        due, tasks = time.monotonic(), set()
        while not self.stopping.is_set():
            client = self._next_client()
            if client:
                self.under_way.add(client)
                task = asyncio.create_task(self._visit(client))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            due = max(due + 1 / self.per_second, time.monotonic() - 0.05)
            await asyncio.sleep(max(0, due - time.monotonic()))
        if tasks:
            await asyncio.wait(tasks)

    async def _visit(self, client):
        began = time.monotonic()
        number = self._choose(client)
        try:
            number, name = await asyncio.wait_for(self._ask(client, number), PATIENCE)
            self._note(client, number, name, began)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, AssertionError) as wrong:
            self.failures.append((began, client, number, repr(wrong)))
        self.longest = max(self.longest, time.monotonic() - began)
        self.under_way.discard(client)

    def _choose(self, client):
        """Any, but rather not the same one again."""
        served = self.served[client]
        last = max(served, key=lambda number: served[number][-1]) if served else self.dice.randrange(2)
        return 1 - last if self.dice.random() < 0.75 else last

    async def _ask(self, client, number):
        began = time.monotonic()
        try:
            return number, await ask_as(client, self.frontends.both[number].address, self.frontends.mode)
        except ConnectionRefusedError:
            self.again["refused"] += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            now = time.monotonic()
            if not any(began <= over and now >= begun for begun, over in self.frontends.both[number].killed):
                raise
            self.again["killed"] += 1
        return 1 - number, await ask_as(client, self.frontends.both[1 - number].address, self.frontends.mode)

    def _note(self, client, number, name, began):
        was = self.homes.setdefault(client, name)
        self.first_at.setdefault(client, began)
        if was != name:
            self.moves.append(Move(began, client, was, name, number, self.who_knows(client)))
            self.homes[client] = name
        self.served[client][number].append(began)
        self.visits += 1


async def ask_as(client, address, mode):
    """The name of the server that answers a client, whose address the frontend is told as a trusted balancer tells it."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        headers = {"Connection": "close"}
        if mode == "tcp":
            writer.write(wire.proxy_v1(client))
        else:
            headers["X-Forwarded-For"] = client
        writer.write(wire.request(headers=headers))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        return (await reader.read()).decode().strip()
    finally:
        writer.close()


def homes_at(frontend, clients, mode, at_once=32):
    """Where each of them is at this frontend: {client: server}."""
    async def all_of_them():
        left, homes = list(clients), {}

        async def one_after_the_other():
            while left:
                client = left.pop()
                homes[client] = await asyncio.wait_for(ask_as(client, frontend.address, mode), PATIENCE)

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        return homes

    return asyncio.run(all_of_them())


def addresses(network, count):
    """So many clients: addresses in NETWORK.0.0."""
    return [f"{network}.{number // 250}.{number % 250 + 1}" for number in range(count)]
