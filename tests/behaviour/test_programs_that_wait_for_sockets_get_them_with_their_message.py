"""Programs that were written for a sticky balancer in front do not listen: process.on('message', (message, socket) => ...).
Their worker side runs under limpet as it is, with -l and --node-message."""

import json
import signal

import pytest

from support.load import ask_each
from support.ports import free_port
from support.programs import run_node
from support.ranking import ranking_of_workers

CLIENTS = [f"127.1.0.{number + 1}" for number in range(30)]


@pytest.fixture
def run_with(run):
    """`run_with(message, script, ...)`: limpet listens, and says the message with each socket."""
    return lambda message, *words, **more: run(*words, listen=f"127.0.0.1:{free_port()}",
                                               options=["--node-message", message], **more)


def _homes(workers):
    ranking = ranking_of_workers(workers)
    return {client: [ranking.home_of_address(client)] * 2 for client in CLIENTS}


@pytest.mark.parametrize("module", ["@socket.io/sticky", "sticky-1"])
def test_a_program_for_socketio_sticky_is_a_worker_unchanged(run_with, module):
    """Whether it is a worker it asks Node's cluster module, which learns it from NODE_UNIQUE_ID."""
    proxy = run_with("sticky", "sticky_app.js", module, count=3)
    result = json.loads(run_node("socketio_clients.js", f"http://{proxy.address}", 40, 3))
    assert (result["errors"], result["served"]) == ([], 40)
    assert set(result["servers"]) == {"1", "2", "3"}
    assert proxy.output.count(" started") == 3 and "Master" not in proxy.output
    # Its adapter for clusters has a timer that never ends: the worker does not finish by itself.
    proxy.signal(signal.SIGTERM)
    assert proxy.says("draining")


def test_a_program_for_sticky_session_is_a_worker_unchanged(run_with):
    proxy = run_with('"sticky:balance"', "sticky_session_app.js", count=3)
    assert ask_each(proxy, CLIENTS, times=2) == _homes(3)
    assert "Master" not in proxy.output


def test_a_message_may_be_any_json(run_with):
    proxy = run_with('{"kind": "client", "of": [1, {"a": "b\\n"}]}', "message_app.js", count=3)
    assert ask_each(proxy, CLIENTS, times=2) == _homes(3)
