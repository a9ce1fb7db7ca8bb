"""Whatever speaks HTTP over a Unix socket can ask a running limpet, if the socket's permissions let it."""

import json
import os
import stat
import subprocess

import pytest

from support.client import who_answers
from support.limpet import run


@pytest.fixture
def house(folder, limpet, server):
    servers = [server("a"), server("b")]
    proxy = limpet(servers, admin=f"unix:{folder}/new/admin.sock")
    return proxy, f"{folder}/new/admin.sock"


def curl(socket, *words):
    done = subprocess.run(["curl", "-sS", "--max-time", "10", "--unix-socket", socket, "-w", "\n%{http_code}", *words],
                          capture_output=True, timeout=30, check=True)
    body, _, code = done.stdout.decode().rpartition("\n")
    return int(code), body


def test_curl_sees_what_limpet_status_shows(house):
    proxy, socket = house
    code, body = curl(socket, "http://limpet/v1/status")
    assert code == 200
    seen = json.loads(body)
    assert (seen["process"], seen["engine"]) == (proxy.keeper, proxy.engine)
    names = [f"{pool['name']}/{server['name']}" for pool in seen["pools"] for server in pool["servers"]]
    shown = run("status", "--admin", socket).stdout.decode().splitlines()
    table = shown[[line.startswith("POOL/SERVER") for line in shown].index(True) + 1:]
    assert [line.split()[0] for line in table] == names


def test_curl_drains_and_undrains(house):
    proxy, socket = house
    home = who_answers(proxy)
    pool = json.loads(curl(socket, "http://limpet/v1/status")[1])["pools"][0]["name"]
    for verb, draining in (("drain", True), ("undrain", False)):
        code, body = curl(socket, "-X", "POST", f"http://limpet/v1/{verb}?server={pool}%2F{home}")
        assert (code, json.loads(body)) == (200, {"server": f"{pool}/{home}", "draining": draining})
        assert (who_answers(proxy) != home) == draining


def test_refusals_are_json(house):
    _, socket = house
    for words, expected in [(["http://limpet/x"], 404), (["http://limpet/v1/drain?server=a/b"], 405),
                            (["-X", "POST", "http://limpet/v1/drain?server=no/body"], 404),
                            (["-X", "POST", "http://limpet/v1/drain"], 400),
                            (["-d", "x" * 70000, "http://limpet/v1/reload"], 413),
                            (["-H", f"X: {'x' * 17000}", "http://limpet/"], 431),
                            (["-H", "Transfer-Encoding: chunked", "-d", "x", "http://limpet/v1/reload"], 411)]:
        code, body = curl(socket, *words)
        assert code == expected and json.loads(body)["error"]


def test_it_is_for_its_owner_alone_and_goes_with_limpet(house):
    proxy, socket = house
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o600
    proxy.stop()
    assert not os.path.exists(socket)
