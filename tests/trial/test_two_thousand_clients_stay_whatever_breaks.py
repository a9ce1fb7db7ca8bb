"""As in the behaviour test, with 2,000 clients, longer faults, and two at once: then a frontend that has just been started again and
cannot ask memcached sends clients where the ranking says, though the other frontend may know better."""

import pytest

from behaviour.test_clients_stay_at_two_frontends_whatever_breaks import ONE_AT_A_TIME
from support.faults import Faults


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_two_thousand_clients(folder, keep, mode):
    faults = Faults(folder, keep, mode, clients=2000, per_second=500, seconds=4)
    faults.try_each([*ONE_AT_A_TIME, "memcached is a black hole"])
    wrong = list(faults.wrong())
    assert not wrong, wrong[:5]
    stayed = faults.those_at_home()
    faults.try_each(["a frontend is killed while memcached is gone"])
    homes = faults.conclude()
    assert not list(faults.wrong(single=False))
    assert all(homes[client] == home for client, home in stayed.items()), "whom the ranking keeps where he is has moved"
