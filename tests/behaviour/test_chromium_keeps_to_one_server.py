"""A page in a real browser through `mode: http`: what it fetches, posts, streams and says over a WebSocket meets the server
that its first request met, because of the cookie that it got then."""

import json

import pytest

from support import wire
from support.chromium import Chromium
from support.http_client import one_answer
from support.limpet import run
from support.ports import free_port
from support.programs import Node


@pytest.fixture
def servers(folder):
    """Those that run, by name."""
    ports = {name: free_port() for name in "abc"}
    running = {name: Node(folder, "page_server.js", name, port, ports=[port]) for name, port in ports.items()}
    for name, port in ports.items():
        running[name].name, running[name].address = name, f"127.0.0.1:{port}"
    yield running
    for server in running.values():
        server.stop()


@pytest.fixture
def secret(folder):
    file = folder / "secret"
    file.write_bytes(run("secret").stdout)
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def proxy(limpet, servers, secret):
    """The first request says where it wants to be at home; others do not, and would be at home elsewhere."""
    return limpet(servers.values(), key=["query:home", "client"], listener={"mode": "http"},
                  pool={"stick": [{"cookie": "limpet"}]}, secret=secret)


def _asked_for(proxy):
    """{server: a query that leads there}"""
    found = {}
    for number in range(100):
        answer = one_answer(proxy, wire.request(f"/facts?home={number}"))
        found.setdefault(json.loads(answer.body)["name"], f"?home={number}")
    assert sorted(found) == ["a", "b", "c"]
    return found


def test_three_visitors_keep_to_three_servers(proxy, folder, keep):
    browser = keep(Chromium(folder))
    queries = _asked_for(proxy)
    for name, query in queries.items():
        page = browser.open(f"http://{proxy.address}/{query}")
        result = json.loads(page.text_of("result"))
        assert result == {"names": [name], "errors": [], "cookies": "mine=1", "posted": 1 << 20, "streamed": 16 << 20,
                          "events": [f"{name} {number}" for number in range(3)], "echoes": 100, "visible": "mine=1"}
        cookie = page.cookies()["limpet"]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, False, "Lax", "/")
    assert {visit["status"] for visit in proxy.visits(100)} <= {101, 200}


def test_a_visitor_whose_server_is_gone_moves_once(proxy, folder, keep, servers):
    page = keep(Chromium(folder)).open(f"http://{proxy.address}/{_asked_for(proxy)['b']}")
    assert json.loads(page.text_of("result"))["names"] == ["b"]
    sealed = [page.cookies()["limpet"]["value"]]
    servers.pop("b").stop()
    met = []
    for _ in range(2):
        page.reload()
        result = json.loads(page.text_of("result"))
        assert (len(result["names"]), result["errors"], result["echoes"]) == (1, [], 100)
        met += result["names"]
        sealed.append(page.cookies()["limpet"]["value"])
    assert met[0] == met[1] in servers
    assert sealed[0] != sealed[1] == sealed[2]
