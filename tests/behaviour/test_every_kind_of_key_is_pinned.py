"""Wherever a key comes from, and whether it is looked for in requests or in the first bytes of a connection: it is pinned. What
shows it is a file of pins that is read by a limpet with more servers, to whom the ranking alone would lead others."""

import pytest

from support import wire
from support.client import Client
from support.limpet import configuration
from support.servers import tells_its_name_at_the_end

USERS = [f"user-{number:02}" for number in range(30)]


def _request(user):
    return wire.request(f"/{user}?user={user}", {"X-User": user, "Cookie": f"user={user}", "Connection": "close"}, host=f"{user}.org")


def _from(user):
    return f"PROXY TCP4 203.0.113.{int(user[-2:]) + 1} 192.0.2.1 4000 80\r\n".encode() + _request(user)


def _hello(user):
    return wire.client_hello(f"{user}.org")


REQUESTS = ["header:X-User", "cookie:user", "query:user", "path", "path:1", "host"]
SOURCES = [(mode, source, _request, {}) for source in REQUESTS for mode in ("http", "tcp")] + [
    ("http", "client", _from, {"proxy-protocol": "require"}),
    ("tcp", "client", _from, {"proxy-protocol": "require"}),
    ("tcp", "client/32/128", _from, {"proxy-protocol": "require"}),
    ("tcp", "bytes:5+7", _request, {}),
    ("tcp", "field:X-User", _request, {}),
    ("tcp", "sni", _hello, {}),
]


@pytest.fixture
def table(start, folder):
    def one(servers, mode, source, listener):
        return start(configuration(servers, key=source, listener={"mode": mode, "trust": "loopback", **listener},
                                   pool={"stick": {"table": "local"}, "no-key": "end"}, pins={"file": f"{folder}/pins"}))
    return one


def _home(proxy, say):
    with Client(proxy) as client:
        client.send(say).finish()
        return client.read_to_end().split(b"\r\n\r\n")[-1].split()[0].decode()


@pytest.mark.parametrize("mode, source, say, listener", SOURCES, ids=[f"{mode}-{source}" for mode, source, *_ in SOURCES])
def test_a_key_is_pinned(table, server, mode, source, say, listener):
    behaviour = [tells_its_name_at_the_end] if mode == "tcp" else []
    servers = [server(name, *behaviour) for name in "abcdef"]
    first = table(servers[:2], mode, source, listener)
    homes = {user: _home(first, say(user)) for user in USERS}
    assert set(homes.values()) == {"a", "b"}
    assert {(visit["source"], visit["why"]) for visit in first.visits(len(USERS))} == {(source, "home")}
    first.stop()
    second = table(servers, mode, source, listener)
    assert {user: _home(second, say(user)) for user in USERS} == homes
    assert {visit["why"] for visit in second.visits(len(USERS))} == {"pin"}
