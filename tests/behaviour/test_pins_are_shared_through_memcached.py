"""`stick: {table: memcached}`: a key lives where any frontend has first brought it, whatever servers come."""

import itertools

import pytest

from support.client import ask
from support.memcached import Memcached
from support.proc import wait_until
from support.ranking import Ranking


@pytest.fixture
def memcached():
    started = []

    def one(kind=Memcached, **options):
        started.append(kind(**options))
        return started[-1]
    yield one
    for each in started:
        each.stop()


def _ask(proxy, user):
    return ask(proxy, "/", {"X-User": user, "Connection": "close"}).text.split()[0]


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_server_that_is_added_gets_new_keys_only(frontend, server, memcached, mode):
    servers = [server(name) for name in "abcde"]
    table = memcached()
    first = frontend(servers[:3], [table], mode)
    homes = {f"user-{number}": _ask(first, f"user-{number}") for number in range(100)}
    assert set(homes.values()) == set("abc")
    second = frontend(servers, [table], mode)
    assert {user: _ask(second, user) for user in homes} == homes
    ranking = Ranking("tests", "app", {name: 1 for name in "abcde"})
    newcomers = [f"newcomer-{number}" for number in range(100)]
    assert {user: _ask(second, user) for user in newcomers} == {user: ranking.order_of_text(user)[0] for user in newcomers}
    assert len(table.pins) == 200


def test_clients_that_moved_while_their_server_was_away_agree_when_it_is_back(frontend, server, memcached):
    servers = [server(name) for name in "abc"]
    table = memcached()
    frontends = [frontend(servers, [table]) for _ in range(2)]
    users = [f"user-{number}" for number in range(60)]
    homes = [{user: _ask(proxy, user) for user in users} for proxy in frontends]
    assert homes[0] == homes[1]
    away = [user for user in users if homes[0][user] == "c"]
    servers[2].stop()
    moved = {user: _ask(frontends[number % 2], user) for number, user in enumerate(away)}
    servers[2].start()
    newcomers = itertools.count()
    for proxy in frontends:
        assert wait_until(lambda: _ask(proxy, f"newcomer-{next(newcomers)}") == "c", 15), "it is never tried again"
    assert [{user: _ask(proxy, user) for user in away} for proxy in frontends] == [moved, moved]
