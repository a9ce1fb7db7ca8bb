"""A Socket.IO server that knows nothing of sticky sessions, long polling forced: each request of a session has to reach
the worker that gave the session out, or it is answered "Session ID unknown"."""

import json

import pytest

from support.programs import NODE_VERSIONS, run_node
from support.ranking import ranking_of_workers


def _address(number):
    """As socketio_clients.js names its clients."""
    return f"203.0.{113 + number // 250}.{number % 250 + 1}"


def _homes(workers, clients):
    """How many clients each worker is home to."""
    ranking = ranking_of_workers(workers)
    homes = [ranking.home_of_address(_address(number)) for number in range(clients)]
    return {slot: homes.count(slot) for slot in set(homes)}


def _visit(proxy, clients, echoes):
    return json.loads(run_node("socketio_clients.js", f"http://{proxy.address}", clients, echoes))


def test_five_hundred_clients_that_poll(run):
    result = _visit(run("socketio_server.js", count=4), 500, 2)
    assert result == {"served": 500, "servers": _homes(4, 500), "errors": []}


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_every_node_serves_clients_that_poll(run, version):
    result = _visit(run("socketio_server.js", count=2, version=version), 40, 2)
    assert result == {"served": 40, "servers": _homes(2, 40), "errors": []}
