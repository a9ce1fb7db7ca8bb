"""To the ranking workers are servers like any other: a pool may have both, and each gets the clients it is home to."""

from collections import Counter

import pytest

from support.load import ask_each
from support.programs import Crowd, node, node_script
from support.ranking import Ranking

CLIENTS = [f"127.1.0.{number + 1}" for number in range(120)]
WORKERS = {"command": [node(), node_script("http_app.js")], "count": 2}


@pytest.fixture
def mixed(limpet, folder, keep):
    """Two workers, "1" and "2", and two servers in an nginx, one of which counts for three."""
    servers = keep(Crowd(folder, ["old", "big"])).servers
    return limpet({"old": servers["old"], "big": {"address": servers["big"], "weight": 3}}, workers=WORKERS)


def test_both_kinds_get_their_share(mixed):
    ranking = Ranking("tests", "app", {"old": 1, "big": 3, "1": 1, "2": 1})
    homes = ask_each(mixed, CLIENTS, times=2)
    assert homes == {client: [ranking.home_of_address(client)] * 2 for client in CLIENTS}
    assert set(Counter(names[0] for names in homes.values())) == {"old", "big", "1", "2"}
    reasons = {(visit["server"] in "12", visit["reason"]) for visit in mixed.visits(len(CLIENTS))}
    assert reasons == {(True, "handed_over"), (False, "done")}


def test_clients_of_a_server_that_is_gone_go_to_workers_and_come_back(limpet, server):
    old = server("old")
    proxy = limpet([old], workers=WORKERS)
    ranking = Ranking("tests", "app", {"old": 1, "1": 1, "2": 1})
    order = {client: ranking.order_of_address(client) for client in CLIENTS}
    homeless = [client for client in CLIENTS if order[client][0] == "old"][:8]
    assert ask_each(proxy, homeless) == {client: ["old"] for client in homeless}
    old.stop()
    assert ask_each(proxy, homeless) == {client: [order[client][1]] for client in homeless}
    assert {order[client][1] for client in homeless} == {"1", "2"}
