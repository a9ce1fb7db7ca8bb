"""What an Express program with `trust proxy` makes of the fields that limpet writes: the client, whom trusted proxies named,
and nothing that somebody else made up."""

import re

import pytest

from support import wire
from support.http_client import HttpClient, one_answer
from support.ports import free_port
from support.programs import Program, nginx_that_keeps_connections, node, node_script

PROXY = "127.0.0.1"
STRANGER = "127.0.0.2"
FORGED = [("X-Forwarded-For", "203.0.113.66"), ("X-Forwarded-For", "203.0.113.67, 127.0.0.1"), ("X-Forwarded-Proto", "https"),
          ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Port", "444"),
          ("Forwarded", "for=203.0.113.66;proto=https;host=evil.example"), ("X-Real-IP", "203.0.113.66"), ("X_Forwarded_For", "203.0.113.66"),
          ("Connection", "keep-alive, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded")]


@pytest.fixture(params=["address", "worker"])
def express(request, limpet, folder, keep):
    """limpet in mode http before the program, which believes 127.0.0.1 alone; once as a server, once as a worker."""
    port = free_port()
    listener = {"mode": "http", "trust": PROXY}
    env = {"PORT": str(port), "TRUSTED": PROXY}
    if request.param == "worker":
        return limpet(workers={"command": [node(), node_script("express_app.js")], "count": 1, "environment": env},
                      key="client", listener=listener)
    keep(Program(folder, [node(), node_script("express_app.js")], [port], env))
    return limpet({"express": f"127.0.0.1:{port}"}, key="client", listener=listener)


def _who(proxy, fields=(), source=PROXY, host="shop.example"):
    return one_answer(proxy, wire.request("/who", fields, host=host), source=source).json()


def _seen(told):
    return told["ip"], told["protocol"], told["hostname"]


def test_a_client_who_comes_himself(express):
    assert _seen(_who(express, source=STRANGER)) == (STRANGER, "http", "shop.example")


def test_what_a_stranger_claims_is_gone(express):
    told = _who(express, FORGED, source=STRANGER)
    assert _seen(told) == (STRANGER, "http", "shop.example")
    assert told["headers"]["x-forwarded-for"] == STRANGER
    gone = {name: value for name, value in told["headers"].items()
            if name != "x-real-ip" and ("203.0.113" in value or "evil" in value)}
    assert gone == {}
    assert "x_forwarded_for" not in told["headers"]


def test_what_a_trusted_proxy_says_is_believed(express):
    fields = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "www.example"}
    told = _who(express, fields)
    assert _seen(told) == ("203.0.113.9", "https", "www.example")
    assert told["headers"]["x-forwarded-for"].split(", ")[0] == "203.0.113.9"


def test_an_ip6_client(limpet, folder, keep):
    port = free_port()
    keep(Program(folder, [node(), node_script("express_app.js")], [port], {"PORT": str(port), "TRUSTED": PROXY}))
    proxy = limpet({"express": f"127.0.0.1:{port}"}, bind=f"[::1]:{free_port()}", key="client",
                   listener={"mode": "http", "trust": "none"})
    with HttpClient(proxy) as client:
        assert client.ask(wire.request("/who")).json()["ip"] == "::1"


def test_through_nginx_that_shares_its_connections(express, folder, keep):
    """nginx adds its client to whatever that one claims; the last address that is not trusted is the client."""
    front = keep(nginx_that_keeps_connections(folder, express))
    for number in range(1, 20):
        client = f"127.1.0.{number}"
        told = _who(front, {"X-Forwarded-For": "203.0.113.66"}, source=client)
        assert _seen(told) == (client, "http", "shop.example")
        assert told["headers"]["x-forwarded-for"].startswith(f"203.0.113.66, {client}")


def test_a_request_id_is_given_kept_from_a_proxy_and_not_from_a_stranger(express):
    given = [_who(express, source=source)["id"] for source in (PROXY, STRANGER, STRANGER)]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in given) and len(set(given)) == 3
    assert _who(express, {"X-Request-Id": "front-4711"})["id"] == "front-4711"
    assert re.fullmatch(r"[0-9a-f]{32}", _who(express, {"X-Request-Id": "made-up"}, source=STRANGER)["id"])
    assert {visit["request_id"] for visit in express.visits(5)} >= {*given, "front-4711"}


def test_a_connection_of_a_proxy_mixes_up_no_clients(express):
    """What one request said is not there in the next (CVE-2019-20637)."""
    with HttpClient(express, source=PROXY) as client:
        for number in range(30):
            fields = {"X-Forwarded-For": f"203.0.113.{number}", **({"X-Forwarded-Proto": "https"} if number % 2 else {})}
            told = client.ask(wire.request("/who", fields, host=f"h{number}.example")).json()
            assert _seen(told) == (f"203.0.113.{number}", "https" if number % 2 else "http", f"h{number}.example")
