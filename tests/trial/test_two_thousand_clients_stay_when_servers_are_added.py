"""As in the behaviour test, with 2,000 clients that are known and 2,000 new ones."""

import pytest

from behaviour.test_servers_are_added_and_clients_stay_at_two_frontends import try_with


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_two_thousand_clients(folder, keep, mode):
    try_with(folder, keep, mode, clients=2000, per_second=600)
