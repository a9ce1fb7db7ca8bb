"""`limpet status` and the metrics tell how many pins there are, and whether memcached answers. Without it limpet is ready all the
same."""

import json

import pytest

from support import metrics
from support.admin import answer, server as row, status
from support.client import ask
from support.limpet import run
from support.memcached import Memcached
from support.metrics import probe
from support.ports import free_port
from support.proc import wait_until


@pytest.fixture
def shown(stand_in):
    def show(**state):
        at = stand_in(lambda method, target: answer(body=status(row("1"), **state)))
        done = run("status", "--admin", at.path)
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout.decode().splitlines()[2:-2]
    return show


def _memcached(state, since, failures=0, address="10.0.9.1:11211"):
    return {"address": address, "state": state, "since": since, "failures": failures}


def test_pins_and_memcached_are_told_of_in_words(shown):
    assert shown(pins={"most": 1048576, "used": 1234}, memcached=[
        _memcached("answers", 11045.5), _memcached("answers", 60, 1), _memcached("answers", 60, 3),
        _memcached("does not answer", 12.9, 7, "10.0.9.2:11211"), _memcached("new", None, address="unix:/run/\x1b[m")]) == [
        "pins: 1234 kept here, of 1048576 at most",
        "memcached 10.0.9.1:11211 has answered for 3h 4m",
        "memcached 10.0.9.1:11211 has answered for 1m 0s, but not the last 1 time",
        "memcached 10.0.9.1:11211 has answered for 1m 0s, but not the last 3 times",
        "memcached 10.0.9.2:11211 has not answered for 12s: clients are served all the same, but what is pinned meanwhile "
        "only this limpet knows",
        "memcached unix:/run/?[m was not asked yet"]


@pytest.mark.parametrize("state", [{}, {"pins": None, "memcached": []}])
def test_who_keeps_no_pins_says_nothing_of_them(shown, state):
    assert shown(**state) == []


@pytest.fixture
def table():
    shared = Memcached()
    yield shared
    shared.stop()


@pytest.fixture
def at():
    return f"127.0.0.1:{free_port()}"


def _state(admin):
    done = run("status", "--admin", admin, "--json")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_running_limpet_tells_what_it_knows(frontend, server, table, folder, at):
    admin = f"unix:{folder}/admin.sock"
    proxy = frontend([server("a"), server("b")], [table], admin=admin, metrics=at, pins={"most": 1024})
    assert wait_until(lambda: _state(admin)["memcached"][0]["state"] == "answers")
    for number in range(100):
        assert ask(proxy, "/", {"X-User": f"user-{number}", "Connection": "close"}).status == 200
    state, seen = _state(admin), metrics.read(at)
    shared = state["memcached"][0]
    assert (shared["address"], shared["state"], shared["failures"]) == (table.address, "answers", 0)
    assert 0 <= shared["since"] <= state["uptime"]
    assert state["pins"] == {"most": 1024, "used": 100}
    assert seen("limpet_memcached_up", server=table.address) == 1
    assert (seen("limpet_pins"), seen("limpet_pins_limit")) == (100, 1024)
    assert seen("limpet_pins_claimed_total") == 100 and seen("limpet_pin_queries_total") >= 100


def test_without_memcached_limpet_is_ready_and_says_so(frontend, server, table, folder, at):
    admin = f"unix:{folder}/admin.sock"
    proxy = frontend([server("a"), server("b")], [table], admin=admin, metrics=at)
    table.stop()
    for number in range(100):
        assert ask(proxy, "/", {"X-User": f"user-{number}", "Connection": "close"}).status == 200
    state = _state(admin)
    assert state["memcached"][0]["state"] == "does not answer" and state["memcached"][0]["failures"] >= 5
    assert state["ready"] is True and state["pins"]["used"] == 100
    seen = metrics.read(at)
    assert seen("limpet_memcached_up", server=table.address) == 0 and seen("limpet_ready") == 1
    assert 1 <= seen("limpet_pin_failures_total") <= 5  # the other failures were trials, for which nobody waited
    assert probe(at, "/readyz") == (200, "ready")
    assert " has not answered for " in run("status", "--admin", admin).stdout.decode()
    table.start()
    assert wait_until(lambda: _state(admin)["memcached"][0]["state"] == "answers", 10)
    assert metrics.read(at)("limpet_memcached_up", server=table.address) == 1


def test_one_that_was_never_there_is_not_up_and_limpet_begins_all_the_same(frontend, server, folder, at):
    class Nowhere:
        address = f"127.0.0.1:{free_port()}"
    proxy = frontend([server("a")], [Nowhere], admin=f"unix:{folder}/admin.sock", metrics=at)
    assert probe(at, "/readyz") == (200, "ready")
    for number in range(10):
        assert ask(proxy, "/", {"X-User": f"user-{number}", "Connection": "close"}).status == 200
    assert _state(f"unix:{folder}/admin.sock")["memcached"][0]["state"] == "does not answer"


def test_where_no_pool_keeps_pins_there_are_none(limpet, server, folder, at):
    limpet([server("a")], admin=f"unix:{folder}/admin.sock", metrics=at, memcached=["127.0.0.1:1"])
    state = _state(f"unix:{folder}/admin.sock")
    assert state["pins"] is None
    assert state["memcached"] == [{"address": "127.0.0.1:1", "state": "new", "since": None, "failures": 0}]
    seen = metrics.read(at)
    assert seen("limpet_memcached_up", server="127.0.0.1:1") == seen("limpet_pins") == seen("limpet_pins_limit") == 0
