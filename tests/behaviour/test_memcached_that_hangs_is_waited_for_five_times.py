"""A memcached server that refuses, swallows what is sent to it, or is slow, costs five visits 20 ms each at most, and nobody after
them anything; one line says so. It is tried again ever more rarely, while nobody waits."""

import os
import signal
import time

import pytest

from support import metrics
from support.client import Client, ask
from support.memcached import FakeMemcached, Memcached
from support.names import NamedServers
from support.ports import free_port
from support.proc import wait_until
from support.servers import BlackHole, RefusingAddress
from support.wire import request

PATIENCE = {"timeouts": {"memcached": "20ms"}, "threads": 1}


class NoSocket:
    address = "unix:/nowhere/memcached.sock"

    def stop(self):
        """There is nothing to stop."""


class Stopped(Memcached):
    """The real one, in the middle of a word."""

    def start(self):
        super().start()
        os.kill(self.process.pid, signal.SIGSTOP)


KINDS = {
    "it refuses": lambda: RefusingAddress("memcached"),
    "its socket is not there": NoSocket,
    "it swallows every packet": lambda: BlackHole("memcached"),
    "it accepts and is silent": lambda: FakeMemcached(lambda words, reply: [60.0]),
    "it takes a second": lambda: FakeMemcached(lambda words, reply: [1.0, reply]),
    "it answers the first words and then nothing": lambda: FakeMemcached(
        lambda words, reply: reply if words[1] == b"limpet:instance" else [60.0]),
    "it is stopped": Stopped,
}


def _serve(proxy, name, count):
    for number in range(count):
        answer = ask(proxy, "/", {"X-User": f"{name}-{number}", "Connection": "close"})
        assert answer.status == 200 and answer.text.split()[0] in "abc"


def _lines(proxy, words):
    return proxy.stderr.count(words)


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("kind", KINDS)
def test_five_visits_wait_and_no_more(frontend, server, keep, kind, mode):
    table, shown = keep(KINDS[kind]()), f"127.0.0.1:{free_port()}"
    proxy = frontend([server(name) for name in "abc"], [table], mode, metrics=shown, **PATIENCE)
    _serve(proxy, "user", 100)
    told = metrics.read(shown)
    trials = _lines(proxy, "answers again: what")
    # Whoever answers the first words is believed for five visits more, ever more rarely, and told the pins of which it may not know.
    assert told("limpet_pin_queries_total") <= 5 + 37 * trials
    assert trials == 0 or kind == "it answers the first words and then nothing"
    assert 1 <= _lines(proxy, "it is not asked any more until it answers again") <= trials + 1
    assert told("limpet_pins") == 100


def test_trials_come_ever_more_rarely(frontend, server, keep):
    table = keep(FakeMemcached(lambda words, reply: [60.0]))
    proxy = frontend([server("a")], [table], **PATIENCE)
    begun = time.monotonic()
    assert proxy.says("it is not asked any more")
    time.sleep(max(0, 3 - (time.monotonic() - begun)))
    # Five until it is given up, then after 0.1, 0.3, 0.7, 1.5 and 3.1 seconds.
    assert 6 <= table.connections <= 10
    assert len(proxy.stderr.splitlines()) < 10


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_who_waits_for_a_memcached_that_hangs_may_go_away(frontend, server, keep, mode):
    table = keep(FakeMemcached(lambda words, reply: reply if words[1] == b"limpet:instance" else [0.05, reply]))
    proxy = frontend([server(name) for name in "abc"], [table], mode, timeouts={"memcached": "5s"})
    for number in range(20):
        _leave_early(proxy, number)
    _serve(proxy, "user", 3)
    assert wait_until(lambda: len(table.pins) == 23, 20)  # what was asked for them counts


@pytest.mark.parametrize("signals", [1, 2])
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_limpet_may_stop_while_visits_wait_for_it(frontend, keep, mode, signals):
    """A second signal ends them; one lets them be served."""
    table = keep(FakeMemcached(lambda words, reply: reply if words[1] == b"limpet:instance" else [1.0, reply]))
    servers = keep(NamedServers("abc")).servers
    ways = [{"session": "cookie:sid"}] if mode == "http" else []
    proxy = frontend(servers, [table], mode, timeouts={"memcached": "3s"}, pool={"stick": [*ways, {"table": "memcached"}]})
    lines = [Client(proxy) for _ in range(6)]
    for number, line in enumerate(lines):
        key = {"X-User": f"user-{number}"} if number % 2 else {}
        line.send(request(f"/give/{number}", {"Cookie": f"sid={number}", "Connection": "close", **key}))
    time.sleep(0.3)
    for _ in range(signals):
        proxy.signal(signal.SIGTERM)
        time.sleep(0.1)
    if signals == 1:
        assert all(line.read().startswith(b"HTTP/1.1 200") for line in lines)
    assert proxy.wait() is not None
    proxy.check_health()


def _leave_early(proxy, number):
    with Client(proxy) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: a\r\nX-User: gone-{number}\r\n\r\n".encode())
        time.sleep(0.02)
        client.reset()


def test_one_that_goes_on_is_asked_again(frontend, server, keep):
    table, shown = keep(Memcached()), f"127.0.0.1:{free_port()}"
    proxy = frontend([server(name) for name in "abc"], [table], metrics=shown, **PATIENCE)
    os.kill(table.process.pid, signal.SIGSTOP)
    _serve(proxy, "user", 30)
    os.kill(table.process.pid, signal.SIGCONT)
    assert wait_until(lambda: "answers again: what" in proxy.stderr, 15)
    assert wait_until(lambda: len(table.pins) == 30, 15)
