"""Whoever reaches a limpet that is told to stop is refused at once or gets his answer; nobody is let in and dropped.
(Only a client whose last segment of the handshake was still under way then is reset; on loopback there is no such way.)"""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import proc, wire
from support.client import Client, parse_answer
from support.servers import echoes
from support.strace import MAY_TRACE, Strace


def _outcome(proxy):
    try:
        client = Client(proxy)
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    with client:
        try:
            return parse_answer(client.send(wire.request()).read_to_end()).text or "empty"
        except ConnectionError:
            return "reset"


def _ask_until_refused(proxy, outcomes):
    while not outcomes or outcomes[-1] != "refused":
        outcomes.append(_outcome(proxy))


@pytest.mark.threads
@pytest.mark.parametrize("threads", [1, 2])
def test_newcomers_at_the_moment_of_a_stop_are_answered_or_refused(limpet, server, threads):
    home = server("a")
    together = Counter()
    for _ in range(3):
        proxy = limpet([home], threads=threads)
        lists = [[] for _ in range(5)]
        asking = [threading.Thread(target=_ask_until_refused, args=(proxy, outcomes)) for outcomes in lists]
        for thread in asking:
            thread.start()
        time.sleep(0.15)
        proxy.process.terminate()
        for thread in asking:
            thread.join()
        together += Counter(outcome for outcomes in lists for outcome in outcomes)
        assert proxy.wait(10) == 0
    print(dict(together))
    assert set(together) == {"a", "refused"}


@pytest.mark.plain
@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
@pytest.mark.parametrize("who, fault", [
    ("keeper", "sendmsg:delay_exit=400000"),
    ("engine", "close:delay_enter=400000"),
], ids=["keeper", "engine"])
def test_between_the_last_accept_and_the_close_nobody_is_let_in(limpet, server, keep, who, fault):
    """The moment between the two is short; here it is made longer than it ever is."""
    home = server("a", echoes)
    proxy = limpet([home], threads=1)
    with Client(proxy) as open_one:
        assert open_one.send(b"hello").read_exactly(5) == b"hello"
        keep(Strace(getattr(proxy, who), fault))
        proxy.process.terminate()
        assert proxy.says("draining")
        time.sleep(0.1)
        with ThreadPoolExecutor(5) as newcomers:
            outcomes = Counter(newcomers.map(lambda _: _echo(proxy), range(5)))
        print(dict(outcomes))
        assert set(outcomes) <= {"answered", "refused"}
        assert open_one.send(b"still here").read_exactly(10) == b"still here"


def _echo(proxy):
    try:
        client = Client(proxy)
    except ConnectionRefusedError:
        return "refused"
    with client:
        try:
            return "answered" if client.send(b"x").read(1) == b"x" else "dropped"
        except ConnectionError:
            return "reset"


def test_those_who_wait_in_the_backlog_are_answered(limpet, server):
    """They were let in by the kernel before the stop, and not yet accepted."""
    proxy = limpet([server("a", echoes)], threads=1)
    with proc.paused(proxy.engine):
        waiting = [Client(proxy).send(b"%02d" % number) for number in range(20)]
        proxy.process.terminate()
        assert proxy.says("draining")
        time.sleep(0.05)
    for number, client in enumerate(waiting):
        with client:
            assert client.finish().read_to_end() == b"%02d" % number
    assert proxy.wait(10) == 0
