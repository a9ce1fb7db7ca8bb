"""A socket that is handed over tells its peer by itself. Where somebody in front named the client, --node-preload makes
socket.remoteAddress tell of him, too."""

import json
import os
import shutil
import ssl

import pytest

from support import wire
from support.client import Client, ask_for_facts, parse_answer
from support.programs import NODE_VERSIONS, find, node, node_script

CLIENT = "203.0.113.9"
FORWARDED = {"X-Forwarded-For": CLIENT}


@pytest.fixture
def program(limpet):
    """http_app.js as a worker behind these words of a listener."""
    def start(preload, listener=None, version=None, env=None, script="http_app.js", words=(), **workers):
        command = [node(version), node_script(script), *map(str, words)]
        return limpet(listener=listener or {"trust": "loopback"}, env=env,
                      workers={"command": command, "count": 1, "node-preload": preload, **workers})
    return start


def _end(facts):
    return facts["remoteAddress"], facts["remoteFamily"], facts["remotePort"]


def test_a_client_that_connects_itself_is_the_peer(program):
    with Client(program(False), source="127.1.2.3") as client:
        client.send(wire.request("/facts", {"Connection": "close"}))
        told = parse_answer(client.read_to_end()).body.decode()
        port = client.socket.getsockname()[1]
    assert '"remoteAddress":"127.1.2.3"' in told and f'"remotePort":{port}' in told


def test_without_the_preload_the_proxy_is_the_peer(program):
    proxy = program(False)
    facts = ask_for_facts(proxy, headers=FORWARDED)
    assert facts["remoteAddress"] == "127.0.0.1" and facts["headers"]["x-forwarded-for"] == CLIENT
    assert not facts.get("encrypted")


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_with_it_the_client_is(program, version):
    proxy = program(True, version=version)
    facts = ask_for_facts(proxy, headers=FORWARDED)
    assert _end(facts)[:2] == (CLIENT, "IPv4") and not facts.get("encrypted")
    assert ask_for_facts(proxy, source="127.1.2.3")["remoteAddress"] == "127.1.2.3"
    assert _end(ask_for_facts(proxy, headers={"X-Forwarded-For": "2001:db8::7"}))[:2] == ("2001:db8::7", "IPv6")


@pytest.mark.parametrize("header", [wire.proxy_v1(CLIENT, source_port=4711), wire.proxy_v2(CLIENT, source_port=4711)],
                         ids=["v1", "v2"])
@pytest.mark.parametrize("preload", [False, True], ids=["plain", "preload"])
def test_a_proxy_header_names_the_client_and_never_reaches_the_program(program, preload, header):
    """The rest of the stream is untouched, so that the client's socket itself is handed over."""
    proxy = program(preload, {"trust": "loopback", "proxy-protocol": "require"})
    facts = ask_for_facts(proxy, in_front=header, method="POST", body=b"x" * 100000)
    assert facts["length"] == 100000
    assert (facts["remoteAddress"], facts["remotePort"] == 4711) == ((CLIENT, True) if preload else ("127.0.0.1", False))
    visit = proxy.visit()
    assert (visit["reason"], visit["client"]) == ("handed_over", f"{CLIENT}:4711")


def test_nobody_who_is_not_trusted_is_believed(program):
    proxy = program(True, {"trust": "192.0.2.0/24"})
    assert ask_for_facts(proxy, headers=FORWARDED)["remoteAddress"] == "127.0.0.1"


def test_a_client_behind_a_unix_socket_has_an_address_too(limpet, socket_folder):
    proxy = limpet(bind=f"unix:{socket_folder}/in", key="client", workers={
        "command": [node(), node_script("http_app.js")], "count": 1, "node-preload": True})
    assert _end(ask_for_facts(proxy, headers=FORWARDED))[:2] == (CLIENT, "IPv4")


def test_tls_of_the_programs_own_is_not_disturbed(program, certificate):
    proxy = program(True, {"trust": "loopback", "proxy-protocol": "require"}, script="https_app.js", words=certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Client(proxy) as client:
        client.send(wire.proxy_v1(CLIENT))
        client.socket = context.wrap_socket(client.socket)
        told = client.send(wire.request("/facts", {"Connection": "close"})).read_to_end()
    assert json.loads(parse_answer(told).body) == {"remoteAddress": CLIENT, "encrypted": True}


@pytest.mark.parametrize("options", [None, "--max-http-header-size=20000", '--no-warnings  "--title=a b"'],
                         ids=["none", "one", "several"])
def test_the_variable_that_brought_the_preload_is_put_back(program, options):
    """Neither the program nor the Nodes that it starts itself see anything of it."""
    proxy = program(True, script="about_app.js", env={"NODE_OPTIONS": options} if options else {})
    told = ask_for_facts(proxy, "/child")
    assert told["environment"].get("NODE_OPTIONS") == options
    assert told["optionsOfChild"] == (options or "undefined")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_workers_of_another_user_can_load_it(limpet, folder):
    program = shutil.copy(node_script("http_app.js"), folder)
    proxy = limpet(listener={"trust": "loopback"}, workers={
        "command": [find("node"), str(program)], "count": 1, "node-preload": True, "user": "nobody"})
    assert ask_for_facts(proxy, headers=FORWARDED)["remoteAddress"] == CLIENT
