"""As test_no_answer_is_anothers.py, twenty times as long."""

import multiprocessing
import time

import pytest

from support.integrity import Account, Disaster, ask_many, judge

REQUESTS, PROCESSES, LINES = 200_000, 2, 32


@pytest.mark.timeout(900)
def test_two_hundred_thousand_answers(http_proxy, keep):
    disaster = keep(Disaster(lies=1, every=2))
    proxy = http_proxy(disaster.servers, key="header:X-User", log={"access": "off"})
    account, share, began = Account(), REQUESTS // PROCESSES, time.monotonic()
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        disaster.begin()
        for one in pool.starmap(ask_many, [(proxy.address, number * share, share, LINES) for number in range(PROCESSES)]):
            account.add(one)
    disaster.stop()
    print(f"{REQUESTS} requests in {time.monotonic() - began:.0f} s")
    assert account.outcomes.total() == REQUESTS
    judge(account, disaster)
