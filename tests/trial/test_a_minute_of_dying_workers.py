"""As in the behaviour test of ten seconds, for a minute, with workers of both contracts."""

import pytest

from support.mortality import Mortality
from support.workers import node_worker, python_worker


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])
def test_a_minute_of_dying_workers(workers, command):
    proxy = workers(command, 4, key="client")
    mortality = Mortality(proxy, per_second=300, every=2)
    mortality.go_on(60)
    mortality.conclude()
