"""GET /v1/pins and GET /v1/pin on the admin socket: how many keys live where, and where one of them does."""

import pytest

from support.client import ask
from support.limpet import configuration
from support.memcached import Memcached
from support.operators import Operator, curl


def who(proxy, headers, path="/"):
    return ask(proxy, path, {**headers, "Connection": "close"}).text.split()[0]


@pytest.fixture
def house(folder, limpet, server):
    """A limpet in mode http with a local table: `house(key=..., stick=...)`, and its admin socket. The pool `plain` has none."""
    def one(names="abc", key="header:X-User", stick=None, **options):
        socket = f"{folder}/admin/admin.sock"
        listener = {"mode": "http", "trust": "loopback"}
        pool = {"stick": stick or [{"table": "local", "for": "1h"}]}
        config = configuration([server(name) for name in names], key=key, listener=listener, pool=pool,
                               admin=f"unix:{socket}", **options)
        config["pools"]["plain"] = {"servers": {"x": "127.0.0.1:1"}}
        return limpet(config=config), Operator(socket)
    return one


def test_a_key_is_found_with_its_server_and_its_age(house):
    proxy, operator = house()
    assert operator.pin("alice") == {"pool": "app", "key": "alice", "pinned": False}
    home = who(proxy, {"X-User": "alice"})
    found = operator.pin("alice")
    made, left = found.pop("made"), found.pop("left")
    assert found == {"pool": "app", "key": "alice", "pinned": True, "server": home, "shared": False, "what": "key"}
    assert 0 <= made <= 20 and 3580 <= left <= 3600


@pytest.mark.parametrize("source, written", [("client", "198.51.100.7"), ("client", "2001:db8::1:7"), ("client", "::ffff:198.51.100.7"),
                                             ("client/24/56", "198.51.100.7"), ("client/24/56", "198.51.100.0"),
                                             ("client/24/56", "2001:db8::9")])
def test_an_address_is_found_however_it_is_grouped(house, source, written):
    proxy, operator = house(key=source)
    client = "2001:db8::1:7" if ":" in written and "." not in written else "198.51.100.7"
    home = who(proxy, {"X-Forwarded-For": client})
    assert {key: operator.pin(written)[key] for key in ("pinned", "server", "what")} == {
        "pinned": True, "server": home, "what": "key"}
    assert not operator.pin("198.51.101.7")["pinned"]


def test_pins_are_counted_by_server(house):
    proxy, operator = house()
    homes = [who(proxy, {"X-User": f"user-{number}"}) for number in range(60)]
    code, body = curl(operator.socket, "/v1/pins?pool=app")
    assert (code, body) == (200, {"pool": "app", "pins": 60, "servers": [
        {"server": name, "pins": homes.count(name)} for name in "abc"]})


def test_pins_of_memcached_are_shared(folder, frontend, server, keep):
    memcached = keep(Memcached())
    servers = [server("a"), server("b")]
    socket = f"{folder}/admin/admin.sock"
    proxy = frontend(servers, [memcached], admin=f"unix:{socket}")
    home = who(proxy, {"X-User": "alice"})
    found = Operator(socket).pin("alice")
    assert (found["server"], found["shared"]) == (home, True)


def test_hostile_queries_are_refused(house):
    proxy, operator = house()
    who(proxy, {"X-User": "a b&c=%\xff"})
    for query, expected, said in [
            ("", 400, "which pool?"), ("?pool", 400, "which pool?"), ("?pool=", 400, "which pool?"),
            ("?pool=app", 400, "which key?"), ("?pool=app&key=", 400, "which key?"), ("?key=alice", 400, "which pool?"),
            ("?pool=app&key=%", 400, "percent-encoded"), ("?pool=app&key=%4", 400, "percent-encoded"),
            ("?pool=app&key=%zz", 400, "percent-encoded"), ("?pool=app&key=a%00b", 400, "percent-encoded"),
            ("?pool=a%00pp&key=alice", 400, "percent-encoded"), (f"?pool={'x' * 2000}&key=a", 400, "name of a pool"),
            ("?pool=no&key=alice", 404, "there is no pool no"), ("?pool=App&key=alice", 404, "there is no pool App"),
            ("?pool=plain&key=alice", 409, "nothing is pinned"), (f"?pool=app&key={'x' * 4096}", 400, "too long"),
            (f"?pool=app&key={'x' * 5000}", 400, "4 KiB"), (f"?pool=app&key={'%78' * 5300}", 400, "4 KiB")]:
        code, body = curl(operator.socket, f"/v1/pin{query}")
        assert (code, said in body["error"]) == (expected, True), (query[:60], body)
        if "key=" not in query or expected == 404:
            code, body = curl(operator.socket, f"/v1/pins{query}")
            assert code == expected or "pool=app" in query, (query[:60], body)
    assert operator.pin("x" * 4000) == {"pool": "app", "key": "x" * 4000, "pinned": False}
    assert operator.pin("\x01" * 1000)["key"] == "\x01" * 1000
    assert curl(operator.socket, "/v1/pin?pool=app&key=alice", "-X", "POST")[0] == 405
