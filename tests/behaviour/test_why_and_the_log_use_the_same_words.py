"""What ends a connection before it is carried anywhere: `limpet why` gives the reason and the detail that the log has."""

import json
from contextlib import suppress

import pytest

from support.client import Client, ask
from support.limpet import run
from support.servers import tells_its_name_at_the_end
from support.wire import client_hello, proxy_v1

REQUIRE = {"trust": ["loopback"], "proxy-protocol": "require"}
ACCEPT = {"trust": "none", "proxy-protocol": "accept"}
BY_NAME = {"trust": "none", "routes": [{"sni": "a.example.org", "pool": "app"}]}
END = {"no-key": "end"}
TWICE = b"GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\nX-User: bob\r\n\r\n"

# The listener, the key, and what the client says before it ends.
ENDED = {
    "no PROXY header": (REQUIRE, "client", b"hello\r\n"),
    "a PROXY header that is wrong": (REQUIRE, "client", b"PROXY TCP5 a b 1 2\r\n"),
    "a PROXY header that is cut short": (REQUIRE, "client", b"PROXY TCP4 192.0"),
    "a PROXY header of a stranger": (ACCEPT, "client", proxy_v1("192.0.2.1")),
    "a stranger where one is required": ({**REQUIRE, "trust": ["192.0.2.0/24"]}, "client", proxy_v1("192.0.2.1")),
    "a prefix of a stranger": ({"trust": ["192.0.2.0/24"], "unwrap": "ipv4"}, "client", b"\1\2\3\4"),
    "a prefix that is cut short": ({"trust": ["loopback"], "unwrap": "ipv4"}, "client", b"\1\2"),
    "no key": ({"trust": "none"}, "sni", b"hello\r\n"),
    "no route": (BY_NAME, "sni", client_hello("b.example.org")),
    "the key twice": ({"trust": "none"}, "header:X-User", TWICE),
    "a head that is malformed": ({"trust": "none"}, "header:X-User", b"GET /\\ HTTP/1.1\r\n\r\n"),
}


@pytest.mark.parametrize("name", ENDED)
def test_why_and_the_log_agree(limpet, server, name):
    listener, key, said = ENDED[name]
    proxy = limpet([server(behaviour=tells_its_name_at_the_end)], listener=listener, key=key, pool=END)
    seen = b""
    with Client(proxy) as client, suppress(OSError):
        client.send(said)
        client.finish()
        seen = client.read_to_end()
    visit = proxy.visit()
    done = run("why", "-c", proxy.file, "--bytes", "-", "--json", stdin=said)
    end = json.loads(done.stdout)["end"]
    assert (end["reason"], end["why"]) == (visit["reason"], visit.get("detail"))
    assert (end["status"] == 400) == seen.startswith(b"HTTP/1.1 400 ")


def _of_two(limpet, server, folder, pool):
    return limpet([server("a"), server("b")], key="header:X-User", listener={"mode": "http", "trust": "loopback"}, pool=pool,
                  admin=f"unix:{folder}/admin.sock")


@pytest.mark.parametrize("fields, words", [
    ({"X-User": "ann"}, ["home", "pin", "pin"]), ({"X-User": "ann", "Cookie": "SID=1.b"}, ["session"] * 3), ({}, ["home"] * 2)])
def test_why_says_beforehand_what_the_log_says_afterwards(limpet, server, folder, fields, words):
    proxy = _of_two(limpet, server, folder, {"stick": [{"session": "cookie:SID"}, {"table": "local"}]})
    header = [word for name, value in fields.items() for word in ("--header", f"{name}: {value}")]
    for count, word in enumerate(words, 1):
        told = json.loads(run("why", "-c", proxy.file, "--path", "/", *header, "--live", "--json").stdout)
        answer = ask(proxy, "/", {"Connection": "close", **fields})
        visit = proxy.visits(count)[-1]
        assert (told["why"], told["server"]) == (visit["why"], visit["server"]) == (word, answer.text.split()[0])
        assert (told["key"]["source"], told["key"]["hash"]) == (visit["source"], visit["key"])


def test_a_visit_that_goes_anywhere_has_the_same_source_in_both(limpet, server, folder):
    proxy = _of_two(limpet, server, folder, {"no-key": "random"})
    told = json.loads(run("why", "-c", proxy.file, "--path", "/", "--json").stdout)
    assert ask(proxy, "/", {"Connection": "close"}).status == 200
    assert told["key"]["source"] == proxy.visit()["source"] == "random"
