import time

from support.load import Load, count
from support.ranking import Ranking


def test_a_server_may_die_and_come_back_under_load(limpet, server):
    """Only connections that it already carried fail; its clients go to their next-ranked, and come home."""
    homes = {name: server(name) for name in "abc"}
    proxy = limpet(homes.values(), key="client")
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    orders = {client: ranking.order_of_address(f"203.0.113.{client}") for client in range(50)}

    load = Load(proxy, per_second=200)
    time.sleep(1)
    homes["b"].stop()
    died = time.monotonic()
    time.sleep(1.5)
    homes["b"].start()
    back = time.monotonic()
    time.sleep(1.5)
    outcomes = load.stop()

    results = count(outcomes)
    print(dict(results))
    assert results["refused"] == results["timeout"] == 0
    failed = [outcome for outcome in outcomes if outcome.result not in homes]
    assert len(failed) <= 10
    assert all(died - 0.5 < outcome.at < died + 0.1 for outcome in failed), "one failed that was not carried yet"

    for outcome in outcomes:
        home, second, _ = orders[outcome.client]
        if outcome in failed or abs(outcome.at - died) < 0.2:
            continue
        if outcome.at < died:
            assert outcome.result == home
        elif outcome.at < back:
            assert outcome.result == (second if home == "b" else home)
    late = [outcome for outcome in outcomes if outcome.at > back + 1.2]
    assert late and all(outcome.result == orders[outcome.client][0] for outcome in late)
