"""300 connections a second, and every two seconds a worker is killed."""

import pytest

from support.mortality import Mortality
from support.workers import node_worker


@pytest.mark.plain
def test_only_those_are_lost_whom_a_dead_worker_had_taken(workers):
    proxy = workers(node_worker(), 4, key="client")
    mortality = Mortality(proxy, per_second=300, every=2)
    mortality.go_on(10)
    mortality.conclude()
