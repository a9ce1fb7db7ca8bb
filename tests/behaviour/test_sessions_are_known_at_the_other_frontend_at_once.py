"""`stick: {session: ...}` at two frontends that are of two minds: an id that a server gave out through the one is known at the other as
soon as the client has it, and after frontends and memcached were started again."""

import time

import pytest

from support.alternation import TwoFrontends
from support.client import Client
from support.memcached import FakeMemcached, Memcached
from support.names import NamedServers
from support.proc import wait_until
from support.wire import request

WHERE = {"cookie:sid": ("/", "Cookie: sid={}"), "query:sid": ("/?sid={}", None)}


class Sessions:
    """Everyone asks for a session at a frontend, and comes back with it from an address where he never was."""

    def __init__(self, frontends, where):
        self.frontends, self.where = frontends, where
        self.homes = {}  # {id: the server that gave it out}
        self.count = 0
        self._connect()

    def _connect(self):
        self.lines = [Client(frontend) for frontend in self.frontends.both]

    def restart(self):
        """Nobody is connected meanwhile: that would be waited for."""
        for line in self.lines:
            line.close()
        self.frontends.restart()
        self._connect()

    def _ask(self, number, path, field=None):
        self.count += 1
        headers = {"X-Forwarded-For": f"10.3.{self.count // 250 % 250}.{self.count % 250 + 1}"}
        if field:
            headers.update([field.split(": ")])
        line = self.lines[number]
        line.send(request(path, headers))
        answer = line.read()
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return answer.split()[-1].decode()

    def begin(self, session, number):
        self.homes[session] = self._ask(number, f"/give/{session}")

    def comes_back(self, session, number):
        path, field = WHERE[self.where]
        return self._ask(number, path.format(session), field and field.format(session)) == self.homes[session]

    def lost(self):
        """Those whom any frontend brings to another server."""
        return [(session, number) for session in self.homes for number in (0, 1) if not self.comes_back(session, number)]


def try_with(folder, keep, where, count, threads=1):
    table, servers = keep(Memcached(threads=threads)), keep(NamedServers("abcde")).servers
    frontends = keep(TwoFrontends(folder, servers, table, pool={"stick": {"session": where}},
                                  weights=[(9, 1, 9, 1, 9), (1, 9, 1, 9, 1)]))
    sessions = Sessions(frontends, where)
    early = 0
    for number in range(count):
        sessions.begin(f"{number:08x}", number % 2)
        early += not sessions.comes_back(f"{number:08x}", 1 - number % 2)
    print(f"{where}: {early} of {count} came to the other frontend before their session was known there")
    assert not sessions.lost()
    sessions.restart()
    assert not sessions.lost()
    table.stop()
    table.start()
    assert wait_until(lambda: len(table.pins) == count, 20)
    sessions.restart()
    assert not sessions.lost()
    assert early == 0


@pytest.mark.parametrize("where", WHERE)
def test_a_session(folder, keep, where):
    try_with(folder, keep, where, 120, threads=4)


@pytest.fixture
def slow(keep, frontend):
    """A limpet whose memcached takes so long, in seconds, to answer what is written, and is waited for half a second."""
    def one(seconds):
        def twist(words, reply):
            if words[0] == b"ms" and words[1] != b"limpet:instance":
                time.sleep(seconds)
            return reply

        table, servers = keep(FakeMemcached(twist)), keep(NamedServers("abc")).servers
        return frontend(servers, [table], pool={"stick": {"session": "cookie:sid"}}, timeouts={"memcached": "500ms"})
    return one


def _takes(line, path):
    begun = time.monotonic()
    answer = line.send(request(path)).read()
    assert answer.startswith(b"HTTP/1.1 200") and (b"Set-Cookie: sid=" in answer) == path.startswith("/give/")
    return time.monotonic() - begun


def test_an_answer_that_gives_out_a_session_waits_until_memcached_knows(slow):
    proxy = slow(0.2)
    line = Client(proxy)
    assert 0.2 <= _takes(line, "/give/one")
    # Others wait for nobody: of a few, some are quick even while the machine is busy.
    assert min(_takes(line, "/") for _ in range(5)) < 0.2


def test_but_no_longer_than_anybody_waits_for_memcached(slow):
    line = Client(slow(5))
    assert 0.5 <= _takes(line, "/give/one") < 2


def test_who_leaves_meanwhile_harms_nobody(slow):
    proxy = slow(0.2)
    engine = proxy.engine
    for number in range(5):
        with Client(proxy) as client:
            client.send(request(f"/give/{number}"))
            time.sleep(0.1)
    assert _takes(Client(proxy), "/") < 2
    time.sleep(0.5)
    assert proxy.engine == engine
