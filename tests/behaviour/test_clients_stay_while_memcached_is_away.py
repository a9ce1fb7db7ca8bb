"""Memcached may be stopped, started again without what it knew, or stand still: clients stay where they are, as long as any frontend
remembers them, and nobody waits longer than 20 ms for it."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import metrics
from support.client import ask
from support.memcached import FakeMemcached, Memcached
from support.ports import free_port
from support.proc import wait_until


@pytest.fixture
def table():
    started = []

    def one(kind=Memcached, *arguments, **options):
        started.append(kind(*arguments, **options))
        return started[-1]
    yield one
    for each in started:
        each.stop()


def _home(proxy, user):
    answer = ask(proxy, "/", {"X-User": user, "Connection": "close"})
    assert answer.status == 200
    return answer.text.split()[0]


def _homes(proxy, count, name="user"):
    return {f"{name}-{number}": _home(proxy, f"{name}-{number}") for number in range(count)}


@pytest.fixture
def servers(server):
    return [server(name) for name in "abcde"]


def _of_two_minds(servers):
    """The same servers with two opinions of where new keys should live."""
    return [{server.name: {"address": server.address, "weight": weight} for server, weight in zip(servers, row)}
            for row in ((9, 1, 9, 1, 9), (1, 9, 1, 9, 1))]


def test_known_clients_stay_when_memcached_stops(frontend, servers, table):
    shared = table()
    first = frontend(servers[:3], [shared])
    homes = _homes(first, 50)
    second = frontend(servers, [shared])
    assert _homes(second, 50) == homes
    shared.stop()
    assert _homes(first, 50) == homes
    assert _homes(second, 50) == homes
    _homes(second, 50, "newcomer")
    assert second.stderr.count("is not asked any more until it answers again") == 1


def test_what_was_decided_alone_is_claimed_when_memcached_is_back(frontend, servers, table):
    shared = table()
    frontends = [frontend(some, [shared]) for some in _of_two_minds(servers)]
    shared.stop()
    alone = [_homes(proxy, 60) for proxy in frontends]
    assert alone[0] != alone[1]
    shared.start()
    assert all(wait_until(lambda: "answers again: what" in proxy.stderr, 10) for proxy in frontends)
    assert wait_until(lambda: len(shared.pins) == 60, 5)
    agreed = _homes(frontends[0], 60)
    assert _homes(frontends[1], 60) == agreed
    assert all(agreed[user] in (alone[0][user], alone[1][user]) for user in agreed)


def test_an_empty_memcached_is_filled_again_from_what_frontends_know(frontend, servers, table):
    shared = table()
    first = frontend(servers[:3], [shared])
    homes = _homes(first, 60)
    shared.stop()
    shared.start()
    assert wait_until(lambda: len(shared.pins) == 60, 10)
    assert _homes(frontend(servers, [shared]), 60) == homes


def test_a_memcached_that_stands_still_costs_five_visits_20_ms(frontend, servers, table):
    silent = table(FakeMemcached, lambda command, reply: time.sleep(3600))
    proxy = frontend(servers[:3], [silent], timeouts={"memcached": "20ms"})
    waits = []
    for number in range(40):
        begun = time.monotonic()
        _home(proxy, f"user-{number}")
        waits.append(time.monotonic() - begun)
    print([f"{wait * 1e3:.1f}" for wait in waits])
    assert sum(wait > 0.018 for wait in waits) <= 6
    assert sorted(waits)[20] < 0.015


def test_two_frontends_see_a_new_key_at_once(frontend, servers, table):
    shared = table()
    frontends = [frontend(some, [shared]) for some in _of_two_minds(servers)]
    with ThreadPoolExecutor(2) as pool:
        for number in range(1000):
            homes = list(pool.map(lambda proxy: _home(proxy, f"user-{number}"), frontends))
            assert len(set(homes)) == 1, homes


def test_whoever_finds_no_connection_makes_one_and_is_answered_on_it(frontend, servers, table):
    shared, shown = table(FakeMemcached), f"127.0.0.1:{free_port()}"
    proxy = frontend(servers[:3], [shared], threads=1, metrics=shown)
    for number in range(20):
        shared.drop()
        time.sleep(0.02)
        _home(proxy, f"user-{number}")
    assert metrics.read(shown)("limpet_pin_failures_total") < 5
