"""Socket.IO with long polling breaks when two requests of a session meet different servers: "Session ID unknown"."""

import json

import pytest

from support.ports import free_port
from support.programs import Node, run_node


def _two(folder, keep, script):
    ports = {name: free_port() for name in "ab"}
    for name, port in ports.items():
        keep(Node(folder, script, name, port, ports=[port]))
    return {name: f"127.0.0.1:{port}" for name, port in ports.items()}


@pytest.mark.threads
def test_two_hundred_clients_that_poll(limpet, folder, keep):
    proxy = limpet(_two(folder, keep, "socketio_server.js"), key="client")
    result = json.loads(run_node("socketio_clients.js", f"http://{proxy.address}", 200, 5))
    assert result["errors"] == []
    assert result["served"] == 200
    assert set(result["servers"]) == {"a", "b"}


def test_ten_thousand_websocket_messages_come_back_intact(limpet, folder, keep):
    proxy = limpet(_two(folder, keep, "websocket_server.js"), key="client")
    result = json.loads(run_node("websocket_clients.js", f"ws://{proxy.address}", 20, 500))
    assert result == {"intact": 10000, "errors": []}
