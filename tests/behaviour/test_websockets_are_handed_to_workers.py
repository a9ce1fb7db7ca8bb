import json

from support.programs import run_node


def test_ten_thousand_messages_come_back_intact(run):
    proxy = run("websocket_server.js", count=4)
    result = json.loads(run_node("websocket_clients.js", f"ws://{proxy.address}", 20, 500))
    assert result == {"intact": 10000, "errors": []}
