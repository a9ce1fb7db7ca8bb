"""Socket.IO under `stick: {session: "query:sid"}`: whoever comes without a session goes anywhere, and then back to whoever gave
it out, even if all clients have one address. Workers tell of their sessions: @socket.io/sticky does so itself, for all others
the preload script does."""

import json
import signal
import subprocess

import pytest

from support.client import ask
from support.memcached import Memcached
from support.ports import free_port
from support.proc import wait_until
from support.programs import NODE_VERSIONS, Node, node, node_script, run_node

POOL = {"no-key": "random", "stick": {"session": "query:sid"}}


@pytest.fixture
def spread(limpet):
    """`spread("app.js", mode=..., count=..., node-message=...)`: a limpet that trusts nobody. At the end it waits for nobody:
    sessions whose clients left without a word live for a while."""
    started = []

    def one(script, *words, mode="tcp", count=3, version=None, **workers):
        command = [node(version), node_script(script), *words]
        environment = {"PORT": str(free_port())}
        started.append(limpet(key="query:sid", listener={"mode": mode, "trust": "none"}, pool=POOL,
                              workers={"command": command, "count": count, "environment": environment, **workers}))
        return started[-1]

    yield one
    for proxy in started:
        proxy.signal(signal.SIGTERM)
        assert proxy.says("draining")


def _visit(proxy, clients, echoes=2, transports="polling"):
    result = json.loads(run_node("socketio_clients.js", f"http://{proxy.address}", clients, echoes, transports))
    assert (result["errors"], result["served"]) == ([], clients)
    return result["servers"]


@pytest.mark.parametrize("mode, clients", [("tcp", 200), ("auto", 80), ("http", 80)])
def test_clients_that_poll_are_spread_and_keep_their_sessions(spread, mode, clients):
    servers = _visit(spread("socketio_server.js", mode=mode, count=4), clients)
    assert set(servers) == {"1", "2", "3", "4"}
    assert max(servers.values()) < clients / 2


@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_whoever_polls_first_and_upgrades_then_stays(spread, mode):
    assert len(_visit(spread("socketio_server.js", mode=mode), 40, 2, "polling,websocket")) == 3


@pytest.mark.parametrize("mode", ["tcp", "auto"])
def test_a_program_for_socketio_sticky_tells_of_its_sessions_itself(spread, mode):
    proxy = spread("sticky_app.js", "@socket.io/sticky", mode=mode, **{"node-message": "sticky", "node-preload": False})
    assert len(_visit(proxy, 40)) == 3


@pytest.mark.parametrize("preload", [{}, {"node-preload": False}], ids=["preload", "alone"])
def test_the_worker_of_socketio_sticky_may_listen_itself(spread, preload):
    """With both, each session is told of twice."""
    assert len(_visit(spread("sticky_worker.js", **preload), 40)) == 3


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_every_node_tells_of_its_sessions(spread, version):
    """Of modules, too, which are loaded in another way."""
    assert len(_visit(spread("socketio_module.mjs", count=2, version=version), 24, 1)) == 2


def _engines(proxy):
    assert wait_until(lambda: "engines: " in proxy.output, 10)
    line = next(line for line in proxy.output.splitlines() if "engines: " in line)
    return json.loads(line.split("engines: ", 1)[1])


@pytest.mark.parametrize("version", [16, 26])
def test_the_program_notices_nothing_of_it(spread, version):
    """Not even when what looks like a session is none."""
    proxy = spread("engines_app.js", count=2, version=version)
    alone = spread("engines_app.js", count=1, version=version, **{"node-preload": False})
    assert _engines(proxy) == _engines(alone)
    for sid in ["old-1", "old-2", "new-1", "new-2"]:
        assert {ask(proxy, f"/?sid={sid}", {"Connection": "close"}).text for _ in range(8)} == {sid[-1]}


class Survivors:
    def __init__(self, proxy, count):
        command = [node(), node_script("socketio_survivors.js"), f"http://{proxy.address}", str(count)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.before = json.loads(self.process.stdout.readline())["servers"]

    def after(self):
        out, _ = self.process.communicate(timeout=30)
        return json.loads(out)["servers"]

    def stop(self):
        self.process.kill()
        self.process.communicate()


def test_sessions_of_a_worker_that_dies_begin_anew_and_the_others_stay(spread, keep):
    proxy = spread("socketio_server.js")
    clients = keep(Survivors(proxy, 40))
    lost = {number for number, slot in enumerate(clients.before) if slot == "1"}
    assert lost
    first = proxy.workers["1"]
    subprocess.run(["kill", "-9", str(first)], check=True)
    assert wait_until(lambda: proxy.workers.get("1") not in (None, first), 10)
    after = clients.after()
    assert [slot for number, slot in enumerate(after) if number not in lost] == [
        slot for number, slot in enumerate(clients.before) if number not in lost]
    assert {after[number] for number in lost} <= {"1", "2", "3"}


def _poll(proxy, query, body=None):
    method = {"method": "POST", "body": body} if body else {}
    answer = ask(proxy, f"/socket.io/?EIO=4&transport=polling{query}", {"Connection": "close"}, **method)
    assert answer.status == 200, answer.text
    return answer.text


def test_sessions_learnt_at_one_frontend_are_known_at_the_other(frontend, keep, folder):
    """Engine.IO sets the id as a cookie, too, where it is asked to: so sessions of servers with an address are learnt."""
    servers = {name: free_port() for name in "abc"}
    for name, port in servers.items():
        keep(Node(folder, "socketio_server.js", name, port, "sid", ports=[port]))
    table = [keep(Memcached())]
    addresses = {name: f"127.0.0.1:{port}" for name, port in servers.items()}
    pool = {"no-key": "random", "stick": {"session": "query:sid", "table": "memcached"}}
    first, second = (frontend(addresses, table, pool=pool) for _ in range(2))
    homes = set()
    for number in range(60):
        here, there = (first, second) if number % 2 else (second, first)
        sid = json.loads(_poll(here, "")[1:])["sid"]
        assert _poll(there, f"&sid={sid}", b"40") == "ok"
        assert _poll(here, f"&sid={sid}").startswith("40")
        assert _poll(there, f"&sid={sid}", b'420["echo",1]') == "ok"
        homes.add(json.loads(_poll(there, f"&sid={sid}")[3:])[0]["name"])
    assert homes == set("abc")
