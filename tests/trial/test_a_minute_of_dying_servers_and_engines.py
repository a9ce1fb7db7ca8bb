import os
import random
import signal
import time
from collections import Counter

import pytest

from support.load import Load, count
from support.ranking import Ranking


@pytest.mark.timeout(300)
def test_servers_that_die_and_come_back_for_a_minute(limpet, server):
    homes = {name: server(name) for name in "abc"}
    proxy = limpet(homes.values(), key="client")
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    load = Load(proxy, per_second=200)
    deaths = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(1.5)
        victim = random.choice("abc")
        deaths.append(time.monotonic())
        homes[victim].stop()
        time.sleep(1)
        homes[victim].start()
    time.sleep(12)
    outcomes = load.stop()
    print(dict(count(outcomes)))
    failed = [outcome for outcome in outcomes if outcome.result not in homes]
    assert len(failed) <= 5 * len(deaths)
    assert all(any(death - 0.5 < outcome.at < death + 0.1 for death in deaths) for outcome in failed)
    last = [outcome for outcome in outcomes if outcome.at > outcomes[-1].at - 1]
    assert all(outcome.result == ranking.home_of_address(f"203.0.113.{outcome.client}") for outcome in last)


@pytest.mark.timeout(300)
def test_engines_that_die_ten_times(limpet, server):
    proxy = limpet([server(name) for name in "abc"], key="client")
    load = Load(proxy, per_second=200)
    for _ in range(10):
        time.sleep(2)
        if engine := proxy.engine:
            os.kill(engine, signal.SIGKILL)
    time.sleep(3)
    results = count(outcomes := load.stop())
    print(dict(results))
    assert results["refused"] == results["timeout"] == 0
    reasons = Counter(visit["reason"] for visit in proxy.visits())
    print(dict(reasons))
    assert sum(results[name] for name in "abc") > 0.98 * len(outcomes), (reasons, proxy.stderr)
