"""`limpet unpin`: whoever was pinned is brought to where the ranking leads now, and is pinned there."""

import os
import signal

import pytest

from support import proc
from support.client import ask
from support.http_servers import Scripted, answer
from support.limpet import configuration, run
from support.memcached import Memcached
from support.operators import Operator, curl
from support.ranking import Ranking

NAMES = "abc"
RANKING = Ranking("tests", "app", {name: 1 for name in NAMES})
USERS = [f"user-{number}" for number in range(60)]
NOT_PINNED = " was not pinned here\nA key is written as the log shows it with `log: {keys: plain}`.\n"


def who(proxy, headers):
    return ask(proxy, "/", {**headers, "Connection": "close"}).text.split()[0]


def homes(proxy, users=USERS):
    return {user: who(proxy, {"X-User": user}) for user in users}


@pytest.fixture
def house(folder, limpet, server):
    """A limpet with the servers a, b, c and a table of its own: `house(key=..., stick=...)`, and its operator."""
    def one(key="header:X-User", stick=None, mode="http", servers=None, **options):
        socket = f"{folder}/admin/admin.sock"
        pool = {"stick": stick or [{"table": "local", "for": "1h"}]}
        proxy = limpet(config=configuration(servers or [server(name) for name in NAMES], key=key, pool=pool,
                                            listener={"mode": mode, "trust": "loopback"}, admin=f"unix:{socket}", **options))
        return proxy, Operator(socket)
    return one


@pytest.fixture
def two(folder, frontend, server, keep):
    """Two frontends that share their pins in memcached, their operators, and memcached."""
    memcached = keep(Memcached())
    servers = [server(name) for name in NAMES]
    proxies = [frontend(servers, [memcached], admin=f"unix:{folder}/admin/{name}.sock") for name in "12"]
    return proxies, [Operator(f"{folder}/admin/{name}.sock") for name in "12"], memcached


def pin_away(proxy, operators, order, headers):
    """Pins a client to the second server of its ranking: the first one was drained when it came."""
    for operator in operators:
        operator.say("drain", f"app/{order[0]}")
    assert who(proxy, headers) == order[1]
    for operator in operators:
        operator.say("undrain", f"app/{order[0]}")
    assert who(proxy, headers) == order[1]


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_key_that_is_unpinned_is_decided_anew(house, mode):
    proxy, operator = house(mode=mode)
    order = RANKING.order_of_text("alice")
    pin_away(proxy, [operator], order, {"X-User": "alice"})
    assert operator.unpin("alice") == "alice is unpinned: 1 pin\n"
    assert who(proxy, {"X-User": "alice"}) == order[0] == operator.where("alice")
    assert operator.say("unpin", "--pool", "app", "bob") == "bob" + NOT_PINNED


@pytest.mark.parametrize("client, written", [("198.51.100.7", "198.51.100.7"), ("2001:db8::1:7", "2001:db8:0::1:7"),
                                             ("198.51.100.7", "::ffff:198.51.100.7")])
def test_an_address_is_unpinned_however_it_is_written(house, client, written):
    proxy, operator = house(key="client")
    order = RANKING.order_of_address(client)
    pin_away(proxy, [operator], order, {"X-Forwarded-For": client})
    assert operator.unpin(written) == f"{written} is unpinned: 1 pin\n"
    assert who(proxy, {"X-Forwarded-For": client}) == order[0]


def test_a_network_of_clients_is_unpinned_by_any_of_its_addresses(house):
    proxy, operator = house(key="client/24/56")
    order = RANKING.order_of_address("198.51.100.0")
    pin_away(proxy, [operator], order, {"X-Forwarded-For": "198.51.100.7"})
    operator.unpin("198.51.100.99")
    assert who(proxy, {"X-Forwarded-For": "198.51.100.7"}) == order[0]


@pytest.mark.parametrize("key", ["a%20b", "%C3%A9", "-x", "a/b?c+d=e%41", "%", "x" * 4000], ids=lambda key: key[:8])
def test_every_key_arrives_as_it_is(house, key):
    proxy, operator = house(key="query:user")
    ask(proxy, f"/?user={key}", {"Connection": "close"})
    assert operator.pin(key)["pinned"]
    assert operator.unpin(key) == f"{key} is unpinned: 1 pin\n"
    assert operator.unpin(key) == key + NOT_PINNED


def test_a_session_is_unpinned_by_its_id(house, keep):
    def script(name):
        return lambda request: [answer(name.encode(), fields=[request.get("x-sets").encode()] if request.get("x-sets") else [])]

    servers = [keep(Scripted(name, script(name))) for name in NAMES]
    proxy, operator = house(stick=[{"session": "cookie:SID"}, {"table": "local"}], servers=servers)
    order = RANKING.order_of_text("alice")
    other = next(user for user in USERS if RANKING.home_of_text(user) != order[0])
    who(proxy, {"X-User": "alice", "X-Sets": "Set-Cookie: SID=0815"})
    session = {"X-User": other, "Cookie": "SID=0815"}
    assert who(proxy, session) == order[0]
    found = operator.pin("0815")
    assert (found["pinned"], found["what"], found["server"]) == (True, "session", order[0])
    assert operator.unpin("0815") == "0815 is unpinned: 1 pin\n"
    assert who(proxy, session) == RANKING.home_of_text(other)


def test_all_that_a_key_means_is_found_and_unpinned(house, keep):
    servers = [keep(Scripted(name, [answer(name.encode(), fields=[b"Set-Cookie: SID=198.51.100.7"])])) for name in NAMES]
    proxy, operator = house(key=["header:X-User", "client"], stick=[{"session": "cookie:SID"}, {"table": "local"}],
                            servers=servers)
    text, address = who(proxy, {"X-User": "198.51.100.7"}), who(proxy, {"X-Forwarded-For": "198.51.100.7"})
    found = operator.pin("198.51.100.7")
    assert [(one["server"], one["what"]) for one in [found, *found["others"]]] == [
        (text, "key"), (address, "key"), (address, "session")]
    assert operator.unpin("198.51.100.7") == "198.51.100.7 is unpinned: 3 pins\n"
    assert not operator.pin("198.51.100.7")["pinned"]


def test_the_clients_of_a_server_that_is_drained_go_elsewhere(house):
    proxy, operator = house()
    first = homes(proxy)
    operator.say("drain", "app/a")
    assert homes(proxy) == first
    count = list(first.values()).count("a")
    assert operator.say("unpin", "--server", "app/a") == f"app/a: {count} pins to it count no more\n"
    assert operator.counts()["a"] == 0
    second = homes(proxy)
    assert {user: home for user, home in second.items() if first[user] != "a"} == {
        user: home for user, home in first.items() if home != "a"}
    assert all(second[user] == next(name for name in RANKING.order_of_text(user) if name != "a") for user in USERS)
    operator.say("undrain", "app/a")
    assert homes(proxy) == second
    assert operator.counts() == {name: list(second.values()).count(name) for name in NAMES}
    assert operator.say("unpin", "--server", "app/a") == "app/a: nothing was pinned to it here\n"


def test_a_server_stays_unpinned_when_the_engine_dies_and_when_limpet_is_started_again(house, folder, socket_folder):
    saved = socket_folder / "pins"
    proxy, operator = house(pins={"file": str(saved)})
    first = homes(proxy)
    operator.say("drain", "app/a")
    operator.say("unpin", "--server", "app/a")
    operator.say("undrain", "app/a")
    engine = proxy.engine
    os.kill(engine, signal.SIGKILL)
    assert proc.wait_until(lambda: proxy.stderr.count("limpet: ready") >= 2, 10)
    others = {user for user in USERS if first[user] != "a"}
    assert (operator.counts()["a"], sum(operator.counts().values())) == (0, len(others))
    proxy.stop()
    proxy, operator = house(pins={"file": str(saved)})
    assert (operator.counts()["a"], sum(operator.counts().values())) == (0, len(others))


# ---- frontends that share their pins ------------------------------------------------------------------------------------


def test_the_other_frontend_hears_of_a_key_from_memcached(two):
    proxies, operators, memcached = two
    order = RANKING.order_of_text("alice")
    pin_away(proxies[0], operators, order, {"X-User": "alice"})
    assert who(proxies[1], {"X-User": "alice"}) == order[1]
    assert proc.wait_until(lambda: memcached.pins, 10)  # the list may miss what memcached moves from one of its queues to another
    key, = memcached.pins
    before = memcached.value(key)
    said = operators[0].unpin("alice")
    assert said == ("alice is unpinned: 1 pin\nOther frontends read that in memcached, where they look every 10 seconds while "
                    "the client comes.\n")
    assert proc.wait_until(lambda: memcached.value(key) != before, 10)
    left = memcached.say(b"mg " + key + b" t\r\n")
    assert 3500 < int(left.removeprefix(b"HD t")) <= 3600  # whoever comes back to the other one so late hears of it still
    assert proc.wait_until(lambda: who(proxies[1], {"X-User": "alice"}) == order[0], 20)
    assert who(proxies[0], {"X-User": "alice"}) == order[0]
    assert [operator.where("alice") for operator in operators] == [order[0], order[0]]


def test_a_frontend_that_has_no_pin_unpins_it_for_all(two):
    proxies, operators, _ = two
    order = RANKING.order_of_text("alice")
    pin_away(proxies[0], operators, order, {"X-User": "alice"})
    assert operators[1].unpin("alice").startswith("alice" + NOT_PINNED + "Other frontends read that")
    assert proc.wait_until(lambda: who(proxies[1], {"X-User": "alice"}) == order[0], 20)
    assert proc.wait_until(lambda: who(proxies[0], {"X-User": "alice"}) == order[0], 20)


def test_a_server_is_unpinned_on_each_frontend(two):
    proxies, operators, _ = two
    for operator in operators:
        operator.say("drain", "app/a")
    assert "a" not in homes(proxies[0]).values()
    for operator in operators:
        operator.say("undrain", "app/a")
    first = homes(proxies[0])
    assert homes(proxies[1]) == first and "a" not in first.values()
    said = operators[0].say("unpin", "--server", "app/b")
    assert said.endswith("Only this frontend knows: say it on the others, too.\n")
    wanted = {user: RANKING.home_of_text(user) if home == "b" else home for user, home in first.items()}
    assert homes(proxies[0]) == wanted
    assert operators[1].counts()["b"] == list(first.values()).count("b")
    operators[1].say("unpin", "--server", "app/b")
    assert homes(proxies[1]) == homes(proxies[0]) == wanted


def test_it_is_told_when_memcached_does_not_hear(two):
    proxies, operators, memcached = two
    homes(proxies[0], USERS[:20])
    memcached.stop()
    homes(proxies[0])
    done = run("unpin", "--admin", operators[0].socket, USERS[0])
    assert (done.returncode, done.stdout) == (1, f"{USERS[0]} is unpinned: 1 pin\n".encode())
    assert b"memcached does not answer: other frontends keep the pin" in done.stderr


# ---- what cannot be -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_unpinned_is_refused(house):
    proxy, operator = house(pools={"plain": {"servers": {"x": "127.0.0.1:1"}}, "app": {
        "servers": {"a": "127.0.0.1:1"}, "key": "header:X-User", "stick": {"table": "local"}}})
    for words, code, said in [
            (["--pool", "ap", "alice"], 1, "there is no pool ap (did you mean app?)"),
            (["--pool", "elsewhere", "alice"], 1, "there is no pool elsewhere; `limpet status` lists what there is"),
            (["--pool", "plain", "alice"], 1, "nothing is pinned (`stick` names no table and no session) in the pool plain"),
            (["--server", "app/b"], 1, "there is no server app/b (did you mean app/a?)"),
            (["--server", "plain/x"], 1, "nothing is pinned in the pool of plain/x"),
            (["x" * 4095], 1, "this key is too long to be remembered"),
            (["x" * 4097], 2, "this key is too long to be remembered"),
            ([], 2, "which key?"), ([""], 2, "which key?"), (["a", "b"], 2, "one key at a time"),
            (["a", "--server", "app/a"], 2, "a key goes without --server"),
            (["--pool", "app", "--server", "app/a"], 2, "--pool goes without --server"),
            (["--server", "app"], 2, "`app` is no server"), (["--pool", "", "a"], 2, "no name of a pool")]:
        done = run("unpin", "--admin", operator.socket, *words)
        assert (done.returncode, done.stdout) == (code, b""), done
        assert done.stderr.decode().startswith("limpet unpin: ") and said in done.stderr.decode(), done.stderr
    for query in ["", "?pool=app", "?key=%", "?key=%00", "?pool=&key=a", "?key=a&server=app/a", "?pool=app&server=app/a",
                  f"?key={'x' * 5000}", f"?server={'x' * 2000}"]:
        assert curl(operator.socket, f"/v1/unpin{query}", "-X", "POST")[0] == 400, query
    assert curl(operator.socket, "/v1/unpin?key=a")[0] == 405


def test_without_a_limpet_it_fails(folder):
    for words in (["unpin", "alice"], ["unpin", "--server", "app/a"], ["pins", "app"]):
        done = run(*words, "--admin", f"{folder}/none.sock")
        assert done.returncode == 1 and b"no limpet answers" in done.stderr
