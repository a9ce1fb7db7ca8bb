"""Memcached is killed, started again without what it knew, or stopped in the middle of a word, every second: no client notices, and
nothing is left of it afterwards."""

import os
import random
import signal
import threading
import time
from collections import Counter

import pytest

from support import proc
from support.client import Client
from support.memcached import Memcached
from support.servers import answers_http

CLIENTS = 64
MINUTE = 60


class Clients:
    """Each on a connection of its own, with another key in each request, until stop(). `wrong` is what was not as it should be."""

    def __init__(self, proxy):
        self.proxy, self.over = proxy, threading.Event()
        self.served, self.wrong, self.slowest = Counter(), [], 0
        self.threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _go_on(self, number):
        dice = random.Random(number)
        with Client(self.proxy) as client, client.socket.makefile("rb") as answer:
            while not self.over.is_set():
                user = f"user-{dice.randrange(200_000) if dice.random() < 0.5 else dice.randrange(500)}"
                begun = time.monotonic()
                try:
                    client.send(f"GET / HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n".encode())
                    self._take_answer(answer)
                except (OSError, AssertionError) as error:
                    self.wrong.append((user, repr(error)))
                    return
                self.slowest = max(self.slowest, time.monotonic() - begun)
                time.sleep(dice.random() / 20)

    def _take_answer(self, answer):
        first, length = answer.readline(), 0
        assert first.startswith(b"HTTP/1.1 200 "), first
        while (line := answer.readline()) != b"\r\n":
            assert line, "half an answer"
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self.served[answer.read(length).split()[0].decode()] += 1


def _harm(table, dice):
    kind = dice.choice(("kill", "restart", "stop", "stop", "nothing"))
    if kind == "stop":
        os.kill(table.process.pid, signal.SIGSTOP)
        time.sleep(dice.random())
        os.kill(table.process.pid, signal.SIGCONT)
    elif kind != "nothing":
        table.stop()
        time.sleep(dice.random() if kind == "kill" else 0)
        table.start()
    return kind


@pytest.mark.timeout(300)
def test_a_minute_of_a_memcached_that_dies_and_hangs(frontend, server, keep):
    tables, dice = [keep(Memcached()), keep(Memcached())], random.Random(1)
    proxy = frontend([server(name, answers_http) for name in "abc"], tables, threads=2, log={"access": "off"},
                     timeouts={"memcached": "20ms"})
    quiet = proc.descriptors(proxy.engine)
    engine, clients, harms = proxy.engine, Clients(proxy), Counter()
    deadline = time.monotonic() + MINUTE
    while time.monotonic() < deadline:
        harms[_harm(dice.choice(tables), dice)] += 1
        time.sleep(dice.random())
    clients.stop()
    print(dict(harms), dict(clients.served), f"slowest {clients.slowest * 1e3:.0f} ms", proxy.stderr.count("\n"), "lines")
    assert not clients.wrong, clients.wrong[:5]
    assert set(clients.served) == set("abc")
    assert proxy.engine == engine
    assert proc.wait_until(lambda: proc.descriptors(engine) <= quiet, 90), (quiet, proc.descriptors(engine))
    assert sum(map(proxy.stderr.count, ("is not asked any more", "answers again: what"))) < 4 * MINUTE
