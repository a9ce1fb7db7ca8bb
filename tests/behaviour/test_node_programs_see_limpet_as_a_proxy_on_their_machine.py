"""Where each request is decided by itself, a worker gets the requests of many clients on a connection of limpet's own. To an
unchanged Node program that is a proxy at 127.0.0.1, which frameworks know how to trust; the client is in the fields."""

import json
import shutil
from pathlib import Path

import pytest

from support import proc, wire
from support.client import Client, ask, ask_for_facts, parse_answer
from support.ports import free_port
from support.programs import NODE_VERSIONS, Nginx, node, node_script

FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
PROXY = ("127.0.0.1", "IPv4", "127.0.0.1")


@pytest.fixture
def program(run):
    """A program by `limpet run` in the mode that nobody has to ask for."""
    return lambda script="address_app.mjs", **more: run(script, mode=None, **more)


@pytest.fixture
def served(limpet):
    """The same from a file: `workers` and `listener` are what else stands there."""
    def start(workers=(), listener=(), script="address_app.mjs", **more):
        return limpet(listener={"mode": "auto", **dict(listener)}, workers={
            "command": [node(), node_script(script)], "count": 1, **dict(workers)}, **more)
    return start


@pytest.fixture
def nginx(folder, keep):
    """nginx with TLS taken off in front of it, as far as the program can tell."""
    def start(proxy):
        port = free_port()
        front = keep(Nginx(folder, f"""
            upstream target {{ server {proxy.address}; keepalive 4; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://target;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $host;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    proxy_set_header X-Forwarded-Proto https;
                }}
            }}""", [port]))
        front.address = f"127.0.0.1:{port}"
        return front
    return start


def _ends(facts):
    return facts["remoteAddress"], facts["remoteFamily"], facts["localAddress"]


def _who(to, headers=(), **more):
    told = ask_for_facts(to, "/who", headers, **more)
    return {name: told[name] for name in ("ip", "ips", "protocol", "secure", "hostname")}


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_the_peer_is_this_machine(program, version):
    facts = ask_for_facts(program(version=version), "/", FORWARDED)
    assert _ends(facts) == PROXY and facts["remotePort"] > 0 and facts["sameConnection"]
    assert not facts["hasEncrypted"] and facts["options"] == "undefined"


def test_express_believes_its_fields(program):
    """`trust proxy` is loopback, as in its guide."""
    who = _who(program("express_app.js"), FORWARDED)
    assert who == {"ip": "203.0.113.9", "ips": ["203.0.113.9", "127.0.0.1"], "protocol": "https", "secure": True,
                   "hostname": "shop.example"}


def test_express_behind_nginx_sees_each_client(program, nginx):
    """The clients share the connections from nginx, and those of limpet to the workers."""
    front = nginx(program("express_app.js", count=2))
    for number in range(20):
        who = _who(front, source=f"127.9.0.{number + 1}", host="shop.example")
        # All of loopback is trusted here, so that the client, who is there too, is the farthest of them.
        assert (who["ip"], who["protocol"], who["hostname"]) == (f"127.9.0.{number + 1}", "https", "shop.example")


def test_express_sees_who_connects_himself(served):
    """Nobody trusts him, so that he is handed over with his socket; express believes this address and not his fields."""
    proxy = served(script="express_app.js", listener={"trust": "192.0.2.0/24"}, bind="127.0.0.1:" + str(free_port()),
                   workers={"environment": {"PORT": 80}})
    assert _who(proxy, source="127.9.0.1")["ip"] == "127.9.0.1"
    assert proxy.visit()["reason"] == "handed_over"


def test_no_client_is_taken_for_another_one_whatever_was_asked_for(served):
    """The connection outlives the client for whom it was made."""
    proxy = served({"node-preload": True})
    for client in ("203.0.113.9", "203.0.113.10"):
        facts = ask_for_facts(proxy, "/", {"X-Forwarded-For": client})
        assert _ends(facts) == PROXY and not facts["hasEncrypted"]


def test_connections_can_be_told_apart_by_their_ports(served):
    proxy = served()
    with Client(proxy) as one, Client(proxy) as other:
        for client in (one, other):  # of a body that does not come, so that neither connection is free for the other
            client.send(wire.request("/", {**FORWARDED, "Content-Length": 1}, method="POST"))
        told = [json.loads(parse_answer(client.read()).body) for client in (one, other)]
    assert len({facts["remotePort"] for facts in told}) == 2


def test_a_client_whose_bytes_were_held_is_no_proxy(limpet, socket_folder):
    """The worker has one end of a socketpair then, too, but for this client alone."""
    proxy = limpet(bind=f"unix:{socket_folder}/in", key="client", listener={"mode": "tcp", "trust": ["loopback"]}, workers={
        "command": [node(), node_script("http_app.js")], "count": 1, "node-preload": True})
    head = wire.request("/facts", {"X-Forwarded-For": "203.0.113.9", "X-Filler": "f" * 600, "Connection": "close"})
    with Client(proxy) as client:
        facts = json.loads(parse_answer(client.send_byte_by_byte(head).read_to_end()).body)
    assert facts["remoteAddress"] == "203.0.113.9"


def test_it_can_be_switched_off(served, tmp_path):
    proxy = served({"node-preload": False}, env={"TMPDIR": str(tmp_path)})
    assert ask_for_facts(proxy, "/", FORWARDED).get("remoteAddress") is None
    assert list(Path(tmp_path).iterdir()) == []


def test_nothing_is_loaded_where_connections_are_handed_over(served, tmp_path):
    proxy = served(listener={"mode": "tcp"}, env={"TMPDIR": str(tmp_path)})
    assert ask_for_facts(proxy, "/", FORWARDED)["remoteAddress"] == "127.0.0.1"
    assert list(Path(tmp_path).iterdir()) == []


def test_a_file_that_was_cleaned_away_is_there_again_for_the_next_worker(served, tmp_path):
    proxy = served(env={"TMPDIR": str(tmp_path)})
    for folder in Path(tmp_path).glob("limpet-*"):
        shutil.rmtree(folder)
    proc.kill(proxy.workers["1"])
    assert proxy.says("was killed")
    assert _ends(ask_for_facts(proxy, "/", FORWARDED)) == PROXY
    assert len(list(Path(tmp_path).glob("limpet-*/preload.cjs"))) == 1


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_children_and_threads_know_nothing_of_it(program, version):
    proxy = program(version=version, count=1)
    assert ask_for_facts(proxy, "/fork")["child"] == "undefined"
    assert ask_for_facts(proxy, "/thread")["thread"] == "undefined"


def test_sockets_that_come_with_a_message_tell_it_too(run):
    proxy = run("message_app.js", mode=None, listen=f"127.0.0.1:{free_port()}",
                options=["--node-message", '{"kind": "client", "of": [1, 2]}'])
    assert ask(proxy, "/address", {**FORWARDED, "Connection": "close"}).text.strip() == "127.0.0.1"
