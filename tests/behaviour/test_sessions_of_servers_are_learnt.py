"""`stick: {session: ...}`: an id that a server gives out binds its client to that server; learnt from the answer, or because the
id itself ends with the server's name."""

import time

import pytest

from support.guests import all_ask, ask_once, guests
from support.http_client import one_answer
from support.http_servers import CLOSE, HonestServer, Scripted, answer
from support.ranking import Ranking

USER = "somebody"
ORDER = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1}).order_of_text(USER)
HOME, OTHER = ORDER[:2]


@pytest.fixture
def frontend(limpet):
    def one(servers, where="cookie:JSESSIONID", **stick):
        return limpet(servers, key="header:X-User", listener={"mode": "http"},
                      pool={"stick": {"session": where, **stick}})
    return one


@pytest.fixture
def three(keep):
    """Servers that set what the request wants them to: `X-Sets: Set-Cookie: JSESSIONID=1`."""
    def script(name):
        def steps(request):
            sets = request.get("x-sets")
            return [answer(name.encode(), fields=[sets.encode()] if sets else [])]
        return steps
    return [keep(Scripted(name, script(name))) for name in "abc"]


@pytest.fixture
def giving(keep):
    """Servers that give a session to whoever comes without one, and keep track of whose session is where."""
    class Sessions(list):
        lost = 0

    servers = Sessions()

    def script(name):
        known = set()

        def steps(request):
            cookies = dict(pair.split("=", 1) for value in request.all("cookie") for pair in value.split("; "))
            if session := cookies.get("JSESSIONID"):
                servers.lost += session not in known
                return [answer(name.encode())]
            known.add(f"{name}-{len(known)}-{'x' * 20}")
            new = f"Set-Cookie: JSESSIONID={name}-{len(known) - 1}-{'x' * 20}; Path=/; HttpOnly"
            return [answer(name.encode(), fields=[new.encode()])]
        return steps

    servers += [keep(Scripted(name, script(name))) for name in "abc"]
    return servers


def who(proxy, cookie=None, fields=(), user=USER):
    told = ask_once(proxy, cookie, user, fields)
    assert told.status == 200
    return told.body.decode()


@pytest.mark.threads
def test_two_hundred_sessions_stay_where_they_were_given_out(frontend, giving):
    """Their key changes with each request, and a few connections carry all of them."""
    everybody, proxy = guests(200), frontend(giving)
    for turn in range(6):
        for start in range(0, 200, 50):
            all_ask(proxy, everybody[start:start + 50], user=lambda guest, _, turn=turn: f"{guest.user}-{turn}")
    assert all(len(set(guest.met)) == 1 for guest in everybody)
    assert {guest.home for guest in everybody} == {"a", "b", "c"}
    assert giving.lost == 0


def test_the_server_that_gave_the_id_out_gets_it_back(frontend, three):
    proxy = frontend(three)
    assert who(proxy) == HOME
    users = (f"user-{number}" for number in range(1000))
    elsewhere = next(user for user in users if who(proxy, user=user) == OTHER)
    assert who(proxy, fields=[b"X-Sets: Set-Cookie: JSESSIONID=0A1B; Path=/"], user=elsewhere) == OTHER
    assert who(proxy, "a=1; JSESSIONID=0A1B; b=2") == OTHER
    assert who(proxy, "JSESSIONID=0A1C") == HOME
    assert who(proxy, "OTHERSESSIONID=0A1B") == HOME
    # The server says that it is over.
    assert who(proxy, "JSESSIONID=0A1B", [b"X-Sets: Set-Cookie: JSESSIONID=0A1B; Max-Age=0"]) == OTHER
    assert who(proxy, "JSESSIONID=0A1B") == HOME


def test_an_id_that_comes_with_an_upgrade_is_learnt(frontend, keep):
    """Socket.IO gives its cookie out with the 101 to whoever begins with a WebSocket."""
    upgrade = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               b"Set-Cookie: JSESSIONID=0A1B\r\n\r\n")

    def steps(name):
        return lambda request: [upgrade, CLOSE] if request.get("upgrade") else [answer(name.encode())]

    proxy = frontend([keep(Scripted(name, steps(name))) for name in "abc"])
    users = (f"user-{number}" for number in range(1000))
    elsewhere = next(user for user in users if who(proxy, user=user) == OTHER)
    told = ask_once(proxy, user=elsewhere, fields=[b"Connection: Upgrade", b"Upgrade: websocket"])
    assert told.status == 101
    assert who(proxy, "JSESSIONID=0A1B") == OTHER


def test_the_server_sees_its_session(frontend, keep):
    proxy = frontend([keep(HonestServer("a"))])
    told = ask_once(proxy, "a=1; JSESSIONID=0A1B").json()
    assert ["cookie", "a=1; JSESSIONID=0A1B"] in told["fields"]


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_suffix_says_whose_it_is(frontend, three, name):
    proxy = frontend(three)
    assert who(proxy, f"JSESSIONID=0A1B.{name}") == name
    assert who(proxy, f"JSESSIONID=0A1B.x.{name}") == name
    assert who(proxy, f"JSESSIONID=0A1B{name}") == HOME
    assert who(proxy, f"JSESSIONID=0A1B.{name.upper()}") == HOME
    assert who(proxy, "JSESSIONID=0A1B.gone") == HOME


def test_an_id_in_a_field_is_learnt_from_the_same_field(frontend, three):
    proxy = frontend(three, "header:Mcp-Session-Id")
    users = (f"user-{number}" for number in range(1000))
    elsewhere = next(user for user in users if who(proxy, user=user) == OTHER)
    assert who(proxy, fields=[b"X-Sets: MCP-Session-Id: q1"], user=elsewhere) == OTHER
    assert who(proxy, fields=[b"mcp-session-id: q1"]) == OTHER
    assert who(proxy, fields=[b"mcp-session-id: q2"]) == HOME
    assert who(proxy, fields=[b"mcp-session-id: q2." + OTHER.encode()]) == OTHER


def test_an_id_in_the_query_says_whose_it_is(frontend, three):
    proxy = frontend(three, "query:sid")
    for name in "abc":
        head = f"GET /p?a=1&sid=0A1B.{name} HTTP/1.1\r\nHost: x\r\nX-User: {USER}\r\n\r\n"
        assert one_answer(proxy, head.encode()).body.decode() == name


def test_a_session_is_forgotten_after_its_time(frontend, three):
    proxy = frontend(three, **{"for": "1s"})
    users = (f"user-{number}" for number in range(1000))
    elsewhere = next(user for user in users if who(proxy, user=user) == OTHER)
    assert who(proxy, fields=[b"X-Sets: Set-Cookie: JSESSIONID=0A1B"], user=elsewhere) == OTHER
    assert who(proxy, "JSESSIONID=0A1B") == OTHER
    time.sleep(2.5)
    assert who(proxy, "JSESSIONID=0A1B") == HOME


def test_a_session_whose_server_is_down_moves(frontend, three):
    proxy = frontend(three)
    gone = next(one for one in three if one.name == OTHER)
    assert who(proxy, f"JSESSIONID=0A1B.{OTHER}") == OTHER
    gone.stop()
    assert who(proxy, f"JSESSIONID=0A1B.{OTHER}") == HOME
    # Where it went it gets a new session, which binds it there.
    assert who(proxy, f"JSESSIONID=0A1B.{OTHER}", [b"X-Sets: Set-Cookie: JSESSIONID=2C2C"]) == HOME
    gone.start()
    assert who(proxy, "JSESSIONID=2C2C", user="another") == HOME


def test_hostile_ids_are_survived(frontend, three):
    proxy = frontend(three)
    for session in ("A" * 8000, ".", "..", "." * 8000, ";;;=", "\xff\xfe.a\xff", "%00", "=.="):
        assert who(proxy, f"JSESSIONID={session}") == HOME
        who(proxy, fields=[f"X-Sets: Set-Cookie: JSESSIONID={session}".encode("latin-1")])
    assert who(proxy) == HOME
