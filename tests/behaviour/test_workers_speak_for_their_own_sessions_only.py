"""What a worker says of a session counts for its own: it takes none that another one has, and ends none of others."""

import os
import signal

import pytest

from support.client import ask
from support.ports import free_port
from support.proc import wait_until
from support.programs import node, node_script
from support.ranking import ranking_of_workers

ORDER = ranking_of_workers(3)
USERS = {ORDER.order_of_text(f"user-{number}")[0]: f"user-{number}" for number in range(50)}


@pytest.fixture(params=["tcp", "http"])
def proxy(limpet, request):
    workers = {"command": [node(), node_script("reports_app.js")], "count": 3, "environment": {"PORT": str(free_port())}}
    return limpet(key="header:X-User", listener={"mode": request.param, "trust": "none"},
                  pool={"stick": {"session": "query:sid"}}, workers=workers)


def _ask(proxy, slot, path):
    return ask(proxy, path, {"X-User": USERS[slot], "Connection": "close"}).text


def _home(proxy, slot, sid="a"):
    """Where a client whose key leads to the slot finds the session."""
    return _ask(proxy, slot, f"/?sid={sid}")


def _say(proxy, slot, word, sid="a"):
    assert _ask(proxy, slot, f"/{word}?id={sid}") == slot


def test_a_session_stays_with_whoever_told_of_it_first(proxy):
    assert _home(proxy, "2") == "2"
    _say(proxy, "1", "connection")
    assert wait_until(lambda: _home(proxy, "2") == "1")
    _say(proxy, "2", "connection")
    _say(proxy, "3", "disconnection")
    assert proxy.says("app/2 reports a session that another server has: it stays there")
    assert [_home(proxy, slot) for slot in "123"] == ["1", "1", "1"]
    _say(proxy, "1", "disconnection")
    assert wait_until(lambda: _home(proxy, "2") == "2")


def test_a_worker_that_died_has_lost_its_sessions(proxy):
    """A program that makes its own ids gives the same one out elsewhere."""
    _say(proxy, "1", "connection")
    assert wait_until(lambda: _home(proxy, "2") == "1")
    process = proxy.workers["1"]
    os.kill(process, signal.SIGKILL)
    assert wait_until(lambda: proxy.workers.get("1") not in (None, process), 10)
    assert wait_until(lambda: _ask(proxy, "2", "/connection?id=a") == "2" and _home(proxy, "3") == "2", 10)
    assert _home(proxy, "1") == "2"


def test_ids_that_are_none_are_let_pass(proxy):
    for sid in ["", "x" * 257, "x" * 5000]:
        _say(proxy, "1", "connection", sid)
    assert _home(proxy, "2", "x" * 257) == "2"
    assert _home(proxy, "3", "") == "3"
    _say(proxy, "1", "connection", "x" * 256)
    assert wait_until(lambda: _home(proxy, "2", "x" * 256) == "1")
