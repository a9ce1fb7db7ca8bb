"""One who sends ever new keys, three times as many as the table holds, pushes out his own, and nobody who was seen again; and memory
stays within bounds. Clients got their homes from three servers, two more have joined since: whoever is forgotten may move."""

import pytest

from support import proc
from support.alternation import Alternation, TwoFrontends, addresses
from support.floods import Flood
from support.memcached import Memcached
from support.names import NamedServers

# What finds them quickly; the pins themselves are in memory that keeper and engine share.
BYTES_PER_PIN = 32


def try_with(folder, keep, most, clients, per_second):
    memcached, servers = keep(Memcached()), keep(NamedServers("abcde")).servers
    frontends = keep(TwoFrontends(folder, servers[:3], memcached, pins={"most": most}))
    load = Alternation(frontends, addresses("10.1", clients), per_second)
    load.wait_until_known()
    frontends.restart(servers)
    load.wait_until_known(times=2)
    memcached.stop()  # it would help those who forget
    attacked = frontends.both[0]
    before = proc.memory(attacked.limpet.engine)
    flood = Flood(attacked.address, 3 * most)
    while flood.goes_on:
        load.wait_for_rounds(1)
    load.wait_for_rounds(2)
    load.stop()
    grown = proc.memory(attacked.limpet.engine) - before
    print(f"{flood.sent} new keys in {flood.took:.0f} s, {len(flood.wrong)} failed; {load.visits} visits of known clients, "
          f"{len(load.failures)} failed, {len(load.moves)} moved; memory {before >> 10} KiB, and {grown >> 10} KiB more")
    assert not load.moves and not load.failures and not flood.wrong
    assert grown < most * BYTES_PER_PIN + (4 << 20)


@pytest.mark.plain
def test_a_flood(folder, keep):
    try_with(folder, keep, most=1024, clients=60, per_second=200)
