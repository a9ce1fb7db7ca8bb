"""`limpet why` goes through the ways to remember a client in their order; with --live it asks the running limpet, and memcached
itself, and tells where they differ."""

import json
import time

import pytest

from support.client import ask
from support.http_servers import Scripted, answer
from support.limpet import run
from support.memcached import FakeMemcached, Memcached
from support.ports import free_port
from support.proc import wait_until


@pytest.fixture
def servers(server):
    return [server(name) for name in "abcde"]


@pytest.fixture
def shared():
    table = Memcached()
    yield table
    table.stop()


def _why(proxy, *words, header=(), code=0):
    done = run("why", "-c", proxy.file, *[word for each in header for word in ("--header", each)], *words)
    assert done.returncode == code, done
    return json.loads(done.stdout) if "--json" in words else done.stdout.decode() if code == 0 else done.stderr.decode()


def _visit(proxy, user, **headers):
    answer = ask(proxy, "/", {"X-User": user, "Connection": "close", **headers})
    assert answer.status == 200
    return answer.text.split()[0]


@pytest.fixture
def one(frontend, servers, shared, folder):
    """A limpet that can be asked."""
    def start(number=0, pool=None, some=None, **more):
        return frontend(some or servers[:3], more.pop("memcached", [shared]), pool=pool or {},
                        admin=f"unix:{folder}/admin-{number}.sock", **more)
    return start


def _lines(text):
    """Of the paragraph about `stick`."""
    found = text[text.index("\nStick"):].splitlines()[1:]
    end = next(number for number, line in enumerate(found) if number and line[:1] != " ")
    return [line[11:] for line in found[:end]]


def test_alone_it_says_who_would_know(one):
    proxy = one(pool={"stick": [{"cookie": "limpet"}, {"session": "cookie:SID"}, {"table": "memcached", "for": "1h"}]})
    text = _why(proxy, header=["X-User: ann"])
    assert _lines(text) == [
        "cookie: limpet: the request has none",
        "session: cookie:SID: the request has no such id",
        "table: memcached: whether the key is pinned only the running limpet knows (--live asks it)",
        "if it knows nothing, the key decides, and is pinned to the server that it leads to"]
    assert "why=" not in text
    told = _why(proxy, "--json", header=["X-User: ann"])
    assert [way["state"] for way in told["stick"]["ways"]] == ["nothing to go by", "nothing to go by", "unknown"]
    assert told["stick"]["may_know_more"] and told["why"] is None and told["live"] is False
    assert told["server"] == told["ranking"][0]["server"]


def test_who_knows_first_is_asked_and_nobody_behind(one):
    proxy = one(pool={"stick": [{"session": "cookie:SID"}, {"table": "memcached"}]})
    text = _why(proxy, header=["X-User: ann", "Cookie: SID=1234.b"])
    assert _lines(text) == ["session: cookie:SID: the id says itself that it is of b",
                            "table: memcached: not asked, the one before knows the client"]
    assert "Result     b, at " in text and "In the log it is why=session\n" in text
    assert _why(proxy, "--json", header=["X-User: ann", "Cookie: SID=1234.b"])["why"] == "session"


def test_without_a_key_there_is_no_pin(one):
    proxy = one()
    assert "table: memcached: the client brings no key that could be pinned" in _lines(_why(proxy))
    assert _why(proxy, "--json")["why"] == "home"


def test_no_key_random_is_told(one):
    proxy = one(pool={"no-key": "random"})
    text = _why(proxy)
    assert "none is present; `no-key: random` sends each visit to any server\n" in text
    assert "nothing in the request says where the client was, so chance decides\n" in text
    assert "Result     any of 3 servers, by chance\n" in text and "Ranking" not in text and "In the log it is key" not in text
    told = _why(proxy, "--json")
    assert told["key"]["source"] == "random" and told["server"] is None
    assert ask(proxy, "/", {"Connection": "close"}).status == 200
    assert proxy.visit()["source"] == "random"
    assert _why(proxy, "--json", header=["X-User: ann"])["key"]["source"] == "header:X-User"


def test_live_it_says_what_limpet_and_memcached_know(one, shared):
    proxy = one()
    nobody = _why(proxy, "--live", header=["X-User: ann"])
    assert _lines(nobody) == ["table: memcached: this limpet knows no pin of the key",
                              f"  memcached {shared.address} knows none either",
                              "nobody knows where the client was, so the key decides, and is pinned to the server that it leads to"]
    assert "In the log it is why=home\n" in nobody
    home = _visit(proxy, "ann")
    assert proxy.visit()["why"] == "home"
    text = _why(proxy, "--live", header=["X-User: ann"])
    assert f"table: memcached: the key is pinned to {home}: made " in text
    assert " ago, and forgotten in " in text
    assert f"  memcached {shared.address} says the same\n" in text
    assert f"Result     {home}, at " in text and "In the log it is why=pin\n" in text
    told = _why(proxy, "--live", "--json", header=["X-User: ann"])
    way, = told["stick"]["ways"]
    assert told["why"] == "pin" and told["stick"]["by"] == "pin" and told["live"] is True
    assert way["here"]["server"] == way["memcached"]["server"] == told["server"] == home
    assert 3500 <= way["here"]["left"] <= 3600 and 0 <= way["here"]["made"] <= 60
    assert _visit(proxy, "ann") == home
    assert proxy.visits(2)[1]["why"] == "pin"
    assert all(entry["state"] == "up" and not entry["draining"] for entry in told["ranking"])


def test_what_another_frontend_has_pinned_is_found_in_memcached(one, servers, shared):
    first, second = one(0), one(1, some=servers)
    user = next(user for user in (f"user-{number}" for number in range(1000))
                if _why(first, "--json", header=[f"X-User: {user}"])["server"]
                != _why(second, "--json", header=[f"X-User: {user}"])["server"])
    home = _visit(first, user)
    text = _why(second, "--live", header=[f"X-User: {user}"])
    assert "table: memcached: this limpet knows no pin of the key\n" in text
    assert f"  memcached {shared.address} says {home}, since " in text and ", and this limpet will obey\n" in text
    assert f"Result     {home}, at " in text and "why=pin\n" in text
    assert _visit(second, user) == home
    strange = _visit(second, new := next(
        user for user in (f"new-{number}" for number in range(1000))
        if _why(second, "--json", header=[f"X-User: {user}"])["server"] in "de"))
    assert (f"  memcached {shared.address} says {strange}, which this file has not: another frontend has a newer one\n"
            in _why(first, "--live", header=[f"X-User: {new}"]))


def test_a_difference_is_told_in_a_sentence(one, servers, shared):
    first, second = one(0), one(1)
    home = _visit(first, "ann")
    assert _visit(second, "ann") == home
    assert wait_until(lambda: len(shared.pins) == 1)
    key, = shared.pins
    value = shared.value(key)
    _visit(first, "bob")
    assert wait_until(lambda: len(shared.pins) == 2)
    other = next(each for each in shared.pins if each != key)
    for put, words in ((shared.value(other), "has something there that is no pin of ours: made under another secret, or damaged"),
                       (b"nonsense", "has something there that is no pin of ours"), (value, "says the same")):
        shared.put(key, put)
        assert f"  memcached {shared.address} {words}" in _why(first, "--live", header=["X-User: ann"])
    next(each for each in servers if each.name == home).stop()
    moved = _visit(second, "ann")
    assert moved != home
    assert wait_until(lambda: f"says {moved}" in _why(first, "--live", header=["X-User: ann"]), 5)  # it is told beside the visit
    text = _why(first, "--live", header=["X-User: ann"])
    assert f"the key is pinned to {home}: made " in text
    assert f"says {moved}, since " in text and "another frontend has moved it, and this limpet obeys within 10s" in text
    shared.stop()
    shared.start()
    assert wait_until(lambda: "says" in _why(first, "--live", header=["X-User: ann"]), 10)


def test_a_server_that_was_unpinned_here_is_not_obeyed(one, shared, folder):
    """In memcached its pins stand as before, and count for the frontends that were not told."""
    first, second = one(0), one(1)
    home = _visit(first, "ann")
    time.sleep(2)  # ages are told in whole seconds
    done = run("unpin", "--admin", f"unix:{folder}/admin-1.sock", "--server", f"app/{home}")
    assert done.returncode == 0, done
    text = _why(second, "--live", header=["X-User: ann"])
    assert _lines(text)[:2] == [
        "table: memcached: this limpet knows no pin of the key",
        f"  memcached {shared.address} says {home}, from before its pins were unpinned here, so that does not count"]
    assert "In the log it is why=home\n" in text
    told = _why(second, "--live", "--json", header=["X-User: ann"])
    assert told["stick"]["ways"][0]["memcached"]["state"] == "server unpinned" and told["why"] == "home"
    assert f"  memcached {shared.address} says the same\n" in _why(first, "--live", header=["X-User: ann"])
    _visit(second, "ann")
    assert second.visit()["why"] == "home"
    assert wait_until(lambda: _visit(second, "ann") and "says the same\n" in _why(second, "--live", header=["X-User: ann"]), 5)


def test_a_memcached_that_is_away_or_none_is_told_of(one, shared):
    proxy = one()
    home = _visit(proxy, "ann")
    shared.stop()
    text = _why(proxy, "--live", header=["X-User: ann"])
    assert f"  memcached {shared.address} does not answer: Connection refused\n" in text
    assert f"Result     {home}, at " in text
    odd = FakeMemcached(lambda command, reply: b"HTTP/1.1 400 Bad Request\r\n\r\n", address=shared.address)
    try:
        assert "says what no memcached says; is it one?" in _why(proxy, "--live", header=["X-User: ann"])
    finally:
        odd.stop()
    told = _why(proxy, "--live", "--json", header=["X-User: ann"])["stick"]["ways"][0]["memcached"]
    assert told["state"] == "does not answer" and told["error"] == "Connection refused"


def test_sessions_that_were_learnt_are_found(one, keep, shared):
    def gives(name):
        return lambda request: [answer(name.encode(), fields=[b"Set-Cookie: SID=one"] if "/login" in request.target else [])]
    homes = [keep(Scripted(name, gives(name))) for name in "abc"]
    proxy = one(some=homes, pool={"stick": [{"session": "cookie:SID"}, {"table": "memcached"}]})
    header = ["X-User: bob", "Cookie: SID=one"]
    assert _lines(_why(proxy, header=header))[0] == (
        "session: cookie:SID: the request carries a session id; from whom it was learnt only the running limpet knows "
        "(--live asks it)")
    assert "session: cookie:SID: this limpet knows no pin of the session\n" in _why(proxy, "--live", header=header)
    home = ask(proxy, "/login", {"X-User": "ann", "Connection": "close"}).text
    text = _why(proxy, "--live", header=header)
    assert f"session: cookie:SID: the session is pinned to {home}: made " in text
    assert wait_until(lambda: f"  memcached {shared.address} says the same\n" in _why(proxy, "--live", header=header))
    assert "table: memcached: not asked, the one before knows the client\n" in text
    assert f"Result     {home}, at " in text and "why=session\n" in text
    assert _visit(proxy, "bob", Cookie="SID=one") == home
    assert [visit["why"] for visit in proxy.visits(2)][1] == "session"


def test_a_session_and_a_key_that_read_the_same_are_told_apart(one):
    proxy = one(pool={"stick": [{"session": "query:sid"}, {"table": "local"}]})
    _visit(proxy, "same")
    told = _why(proxy, "--live", "--json", "--path", "/?sid=same", header=["X-User: same"])
    session, table = told["stick"]["ways"]
    assert session["state"] == "not pinned" and table["state"] == "knows" and told["why"] == "pin"


def test_an_address_is_a_key_too(one):
    proxy = one(pool={"stick": {"table": "local"}}, key="client/24/56")
    assert ask(proxy, "/", {"X-Forwarded-For": "203.0.113.9", "Connection": "close"}).status == 200
    told = _why(proxy, "--live", "--json", header=["X-Forwarded-For: 203.0.113.77"])
    assert told["why"] == "pin" and told["key"]["value"] == "203.0.113.0"


def test_long_keys_and_any_bytes_are_asked_for(one):
    proxy = one()
    for user in ("x" * 4000, "% &=+?#/"):
        _visit(proxy, user)
        assert _why(proxy, "--live", "--json", header=[f"X-User: {user}"])["why"] == "pin", user
    proxy = one(1, key="query:user")
    path = "/?user=" + 3900 * "%"
    assert ask(proxy, path, {"Connection": "close"}).status == 200
    assert _why(proxy, "--live", "--json", "--path", path)["why"] == "pin"
    longer = 5000 * "x"
    told = _why(proxy, "--live", "--json", "--path", f"/?user={longer}")
    assert told["stick"]["ways"][0]["state"] == "too long" and told["why"] == "home"
    assert "table: memcached: the key is too long to be remembered\n" in _why(proxy, "--live", "--path", f"/?user={longer}")


def test_bytes_that_cannot_be_asked_about_are_said_to_be_so(one):
    proxy = one(mode="tcp", key="bytes:0+4", pool={"stick": {"table": "local"}})
    done = run("why", "-c", proxy.file, "--live", "--bytes", "-", stdin=b"ab\0d")
    assert done.returncode == 0, done
    assert b"only the running limpet knows, which cannot be asked about such bytes\n" in done.stdout
    assert b"this limpet knows no pin of the key" in run("why", "-c", proxy.file, "--live", "--bytes", "-", stdin=b"abcd").stdout


def test_servers_that_are_not_to_be_had_are_passed_over(one, servers, folder):
    proxy = one(pool={"stick": {"table": "local"}})
    first = _why(proxy, "--json", header=["X-User: ann"])["server"]
    assert run("drain", f"app/{first}", "--admin", f"unix:{folder}/admin-0.sock").returncode == 0
    told = _why(proxy, "--live", "--json", header=["X-User: ann"])
    assert told["server"] == told["ranking"][1]["server"] and told["why"] == "next_ranked"
    assert told["ranking"][0]["draining"] and "127.0.0.1" in told["ranking"][0]["address"]
    assert ", draining\n" in _why(proxy, "--live", header=["X-User: ann"])
    assert _visit(proxy, "ann") == told["server"] and proxy.visit()["why"].startswith("next_ranked")
    told = _why(proxy, "--live", "--json", header=["X-User: ann"])
    assert told["why"] == "pin" and told["server"] == told["ranking"][1]["server"]


def test_who_runs_with_another_file_is_told(one, limpet, server, folder):
    one(pool={"stick": {"table": "local"}})
    other = limpet([server("z")], admin=f"unix:{folder}/other.sock")
    said = run("why", "-c", other.file, "--live", "--admin", f"unix:{folder}/none.sock")
    assert said.returncode == 1 and b"no limpet answers at" in said.stderr
    mine = one(1, pool={"stick": {"table": "local"}})
    said = run("why", "-c", mine.file, "--live", "--admin", f"unix:{folder}/other.sock", "--header", "X-User: ann")
    assert said.returncode == 1 and b"has another configuration" in said.stderr
    said = run("why", "-c", mine.file, "--admin", f"unix:{folder}/other.sock")
    assert said.returncode == 2 and b"--admin goes with --live" in said.stderr


def test_a_pin_to_a_server_that_rests_is_passed_over(one, servers):
    proxy = one(pool={"stick": {"table": "local"}})
    home = _visit(proxy, "ann")
    next(each for each in servers if each.name == home).stop()
    users = (f"user-{number}" for number in range(1000))
    other = next(user for user in users if _why(proxy, "--json", header=[f"X-User: {user}"])["server"] == home)
    assert _visit(proxy, other) != home
    text = _why(proxy, "--live", header=["X-User: ann"])
    assert f"but {home} is not to be had now, so the key decides\n" in text and ", resting\n" in text
    told = _why(proxy, "--live", "--json", header=["X-User: ann"])
    assert told["stick"]["server"] == home and told["server"] == _visit(proxy, "ann") != home
    assert told["why"] == "next_ranked"
