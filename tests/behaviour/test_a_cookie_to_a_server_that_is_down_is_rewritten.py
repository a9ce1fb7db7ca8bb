"""Its server is gone for now: the client goes to the next in its ranking, is told so by a new cookie, and stays there even when
the first one is back."""

import pytest

from support.guests import all_ask, guests
from support.limpet import run
from support.ranking import Ranking
from support.servers import RefusingAddress, Server


def tells_its_name(talk, server):
    """Request after request."""
    body = server.name.encode()
    while talk.read_until(b"\r\n\r\n"):
        count = talk.received.count(b"\r\n\r\n")
        talk.received.clear()
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) * count)


@pytest.fixture
def secret(folder):
    path = folder / "secret"
    assert run("secret", "--append", str(path)).returncode == 0
    return path


@pytest.fixture
def frontend(limpet, secret):
    def one(servers):
        return limpet(servers, key="header:X-User", listener={"mode": "http"}, pool={"stick": {"cookie": "limpet"}},
                      secret=str(secret))
    return one


def test_a_cookie_to_a_server_that_is_down_is_rewritten(frontend, server):
    servers = {name: server(name, tells_its_name) for name in "abc"}
    proxy, everybody = frontend(list(servers.values())), guests(60)
    all_ask(proxy, everybody)
    servers["b"].stop()
    all_ask(proxy, everybody, times=3)

    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    moved = {guest.user: [name for name in ranking.order_of_text(guest.user) if name != "b"][0]
             for guest in everybody if guest.met[0] == "b"}
    assert 5 < len(moved) < 40
    for guest in everybody:
        now = moved.get(guest.user, guest.met[0])
        assert guest.met[1:] == [now] * 3
        assert guest.given == (2 if guest.user in moved else 1)

    servers["b"].start()
    all_ask(proxy, everybody, times=2)
    assert all(len(set(guest.met[1:])) == 1 for guest in everybody)
    assert sum(guest.given for guest in everybody) == len(everybody) + len(moved)


def test_a_drained_server_keeps_those_who_have_its_cookie(limpet, secret, server, socket_folder):
    """Their sessions are there, and end when they end. Nobody new comes."""
    admin = f"unix:{socket_folder}/admin.sock"
    proxy = limpet([server(name, tells_its_name) for name in "abc"], key="header:X-User", listener={"mode": "http"},
                   pool={"stick": {"cookie": "limpet"}}, secret=str(secret), admin=admin)
    everybody, newcomers = guests(60), guests(60)
    all_ask(proxy, everybody)
    assert run("drain", "app/b", "--admin", admin).returncode == 0
    all_ask(proxy, everybody, times=2)
    all_ask(proxy, newcomers)
    assert run("undrain", "app/b", "--admin", admin).returncode == 0
    all_ask(proxy, newcomers)
    assert all(len(set(guest.met)) == 1 and guest.given == 1 for guest in [*everybody, *newcomers])
    assert {guest.home for guest in everybody} == {"a", "b", "c"}
    assert {guest.home for guest in newcomers} == {"a", "c"}


def test_the_log_tells_why_a_client_is_where_it_is(frontend, server, keep):
    servers = [server("a", tells_its_name), keep(RefusingAddress("b"))]
    (away,) = [guest for guest in guests(20) if Ranking("tests", "app", {"a": 1, "b": 1}).home_of_text(guest.user) == "b"][:1]
    proxy = frontend(servers)
    all_ask(proxy, [away], times=2)
    first, then = proxy.visits(2)
    assert first["server"] == then["server"] == "a"
    assert "cookie" not in str(first["why"])
    assert "cookie" in str(then["why"])
