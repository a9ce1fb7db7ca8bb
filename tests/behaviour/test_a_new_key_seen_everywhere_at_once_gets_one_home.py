"""The first four requests of a client come at the same moment, two to each of two frontends with two threads, who are of two minds as
to where he should live: never two homes."""

import pytest

from support.alternation import TwoFrontends, addresses
from support.memcached import Memcached
from support.names import NamedServers
from support.races import Races


def try_with(folder, keep, mode, count):
    table, servers = keep(Memcached()), keep(NamedServers("abcde")).servers
    frontends = keep(TwoFrontends(folder, servers, table, mode, weights=[(9, 1, 9, 1, 9), (1, 9, 1, 9, 1)],
                                  timeouts={"memcached": "2s"}))
    races = Races(frontends).run(addresses("10.1", count))
    apart = races.apart()
    frontends.stop()
    both = [frontend.counted for frontend in frontends.both]
    print(f"{mode}: {count} new clients at both frontends at once: {len(apart)} with two homes; claimed by each "
          f"{[one['pins_claimed'] for one in both]}, obeyed {[one['pins_obeyed'] for one in both]}")
    assert not apart, list(apart.items())[:5]
    assert all(one["pin_failures"] == 0 and one["pins_claimed"] > count / 100 for one in both)


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_new_key(folder, keep, mode):
    try_with(folder, keep, mode, 300)
