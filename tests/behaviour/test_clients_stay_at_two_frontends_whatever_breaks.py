"""A frontend is killed, and memcached stands still, is gone, comes back empty, is slow and lies, under load: no request fails, nobody
moves whom a frontend knew, and in the end both agree."""

from support.faults import Faults

ONE_AT_A_TIME = ["a frontend is killed", "memcached stands still", "memcached is gone and comes back empty", "memcached is slow",
                 "memcached lies"]


def test_one_fault_after_the_other(folder, keep):
    faults = Faults(folder, keep, "http", clients=40, per_second=200, seconds=0.6, lifetime=12).try_each(ONE_AT_A_TIME)
    faults.conclude()
    wrong = list(faults.wrong())
    assert not wrong, wrong[:5]
