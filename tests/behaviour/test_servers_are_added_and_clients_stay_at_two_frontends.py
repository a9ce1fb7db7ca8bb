"""Two frontends behind a balancer that sends clients anywhere: two servers join under load, while the frontends get the new file
one after the other, and nobody who was known moves."""

import pytest

from support.alternation import Alternation, TwoFrontends, addresses
from support.memcached import Memcached
from support.names import NamedServers
from support.ranking import Ranking


def try_with(folder, keep, mode, clients, per_second):
    """The figures, once all holds."""
    table, servers = keep(Memcached()), keep(NamedServers("abcde")).servers
    frontends = keep(TwoFrontends(folder, servers[:3], table, mode))
    known, new = addresses("10.1", clients), addresses("10.2", clients)
    load = Alternation(frontends, known, per_second)
    load.wait_until_known()
    assert set(load.homes.values()) == set("abc")
    frontends.restart(servers)
    load.add(new)
    load.wait_until_known()
    load.stop()
    frontends.stop()
    ranking = Ranking("tests", "app", dict.fromkeys("abcde", 1))
    expected = {client: ranking.home_of_address(client) for client in new}
    counts = {name: (sum(load.homes[client] == name for client in known), sum(load.homes[client] == name for client in new))
              for name in "abcde"}
    print(f"{mode}: {load.visits} visits, {load.again['refused']} times refused by who was being started again, "
          f"{len(load.failures)} failed, {len(load.moves)} moved; known and new clients by server: {counts}")
    for frontend in frontends.both:
        print(dict(frontend.counted), frontend.unheard)
    assert not load.failures, load.failures[:5]
    assert not load.moves, load.moves[:5]
    assert {client: load.homes[client] for client in new} == expected


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_nobody_moves(folder, keep, mode):
    try_with(folder, keep, mode, clients=80, per_second=250)
