"""A cookie that was forged, changed, cut, sealed for another place, or is too old: the client is answered as if it came without
one, gets a new one, and the server sees nothing of it."""

import base64
import time

import pytest

from model import cookie as model
from support.guests import ask_once, set_cookies
from support.http_client import HttpClient
from support.http_servers import HonestServer
from support.ranking import Ranking

SECRET, RETIRED, UNKNOWN = bytes(range(32)), b"\x11" * 32, b"\x22" * 32
USER = "somebody"
ORDER = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1}).order_of_text(USER)
HOME, OTHER = ORDER[:2]  # where the key leads, and where the cookie does
DAY = 86400


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("seal") / "secret"
    path.write_text(f"{SECRET.hex()}\n{RETIRED.hex()}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def proxy(limpet, keep, secret, socket_folder):
    """One limpet, three servers; it is asked for its counters at its admin socket."""
    one = limpet([keep(HonestServer(name)) for name in "abc"], key="header:X-User", listener={"mode": "http"},
                 pool={"stick": {"cookie": "limpet"}}, secret=str(secret), admin=f"unix:{socket_folder}/admin.sock")
    one.admin = f"unix:{socket_folder}/admin.sock"
    return one


def seal(server=OTHER, secret=SECRET, pool="app", name="limpet", client=None, age=0):
    return model.seal(secret, bytes(range(24)), pool.encode(), name.encode(), client, int(time.time()) - age,
                      server.encode())


def facts(answer):
    told = answer.json()
    return told["name"], [value for name, value in told["fields"] if name == "cookie"]


def sealed_for(answer):
    """The server that the new cookie of this answer names; None without one."""
    given = set_cookies(answer)
    if "limpet" not in given:
        return None
    verdict, server, _ = model.open_cookie([SECRET], b"app", b"limpet", None, given["limpet"][0], DAY, int(time.time()))
    assert verdict == model.FRESH
    return server.decode()


def assert_as_none(proxy, value, kept=None):
    """`value`: of the whole Cookie field; `kept`: what the server sees of it."""
    answer = ask_once(proxy, value, USER)
    assert facts(answer) == (HOME, [kept] if kept else []), value
    assert sealed_for(answer) == HOME


def counter(proxy, name):
    with HttpClient(proxy.admin) as client:
        text = client.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").body.decode()
    (value,) = [line.split()[-1] for line in text.splitlines() if line.startswith(f"limpet_{name}_total ")]
    return int(float(value))


def test_without_one_the_client_goes_home_and_gets_one(proxy):
    answer = ask_once(proxy, user=USER)
    assert facts(answer) == (HOME, [])
    assert sealed_for(answer) == HOME


def test_with_a_good_one_it_goes_where_the_cookie_says(proxy):
    answer = ask_once(proxy, f"limpet={seal()}", USER)
    assert facts(answer) == (OTHER, [])
    assert sealed_for(answer) is None


def test_every_flipped_bit_and_every_truncation_is_as_none(proxy):
    """All but those that make a control character or a semicolon of a letter: the first no field may have, and the second
    makes a truncation."""
    good = seal().encode()
    changed = [good[:length] for length in range(len(good))]
    for bit in range(len(good) * 8):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        if flipped[bit // 8] >= 0x20 and flipped[bit // 8] not in b"\x7f;":
            changed.append(bytes(flipped))
    assert len(changed) > 700
    with HttpClient(proxy, timeout=15) as client:
        for start in range(0, len(changed), 50):
            some = changed[start:start + 50]
            client.send(b"".join(b"GET / HTTP/1.1\r\nHost: x\r\nX-User: %s\r\nCookie: limpet=%s\r\n\r\n"
                                 % (USER.encode(), value) for value in some))
            for value in some:
                answer = client.answer()
                assert facts(answer) == (HOME, []), value
                assert sealed_for(answer) == HOME, value
    assert counter(proxy, "cookies_refused") == len(changed)
    assert counter(proxy, "cookies_issued") == len(changed)


def padded(text):
    return text + "=" * (-len(text) % 4)


def with_other_last_bits(text):
    """The last letter holds four bits, so there are 16 for the same byte, of which one is ours."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert base64.urlsafe_b64decode(padded(text))
    return text[:-1] + letters[letters.index(text[-1]) ^ 1]


def in_the_other_alphabet(_):
    for number in range(256):
        text = model.seal(SECRET, bytes([number] * 24), b"app", b"limpet", None, int(time.time()), OTHER.encode())
        if "-" in text and "_" in text:
            return text.replace("-", "+").replace("_", "/")
    raise AssertionError


NONE = {
    "one byte more": lambda good: good + "A",
    "padding": padded,
    "the other alphabet": in_the_other_alphabet,
    "other last bits": with_other_last_bits,
    "quotes": lambda good: f'"{good}"',
    "white space inside": lambda good: good[:40] + " " + good[40:],
    "8-bit letters for underscores": lambda good: good[:-1] + "\xff",
    "an unknown key": lambda _: seal(secret=UNKNOWN),
    "another pool": lambda _: seal(pool="chat"),
    "another cookie": lambda _: seal(name="limpets"),
    "bound to a client": lambda _: seal(client="127.0.0.1"),
    "expired": lambda _: seal(age=DAY + 2),
    "from the future": lambda _: seal(age=-310),
    "a server that is not there any more": lambda _: seal(server="gone"),
    "a server in another case": lambda _: seal(server=OTHER.upper()),
    "nothing": lambda _: "",
    "8 KiB": lambda _: "A" * 8192,
}


@pytest.mark.parametrize("case", NONE)
def test_it_is_as_none(proxy, case):
    assert_as_none(proxy, f"limpet={NONE[case](seal())}")
    assert_as_none(proxy, f"a=1; limpet={NONE[case](seal())}; b=2", "a=1; b=2")


@pytest.mark.parametrize("age", [-290, 0, DAY // 2 - 60])
def test_clocks_may_differ_by_five_minutes(proxy, age):
    answer = ask_once(proxy, f"limpet={seal(age=age)}", USER)
    assert facts(answer) == (OTHER, [])
    assert sealed_for(answer) is None


@pytest.mark.parametrize("old", [{"secret": RETIRED}, {"age": DAY // 2 + 60}], ids=["key", "age"])
def test_an_old_one_counts_and_is_sealed_again(proxy, old):
    answer = ask_once(proxy, f"limpet={seal(**old)}", USER)
    assert facts(answer) == (OTHER, [])
    assert sealed_for(answer) == OTHER


def test_of_two_the_first_good_one_counts(proxy):
    third = ORDER[2]
    for cookies in (f"limpet=x; limpet={seal()}; limpet={seal(third)}", f"limpet={seal()}; limpet={seal(third)}"):
        answer = ask_once(proxy, cookies, USER)
        assert facts(answer) == (OTHER, [])
        assert sealed_for(answer) is None


def test_only_four_are_tried(proxy):
    assert facts(ask_once(proxy, f"limpet=1; limpet=2; limpet=3; limpet={seal()}", USER)) == (OTHER, [])
    assert_as_none(proxy, f"limpet=1; limpet=2; limpet=3; limpet=4; limpet={seal()}")


def test_two_hundred_cookies_are_no_trouble(proxy):
    many = "; ".join(f"cookie-{number}=value-{number}" for number in range(200))
    answer = ask_once(proxy, f"{many}; limpet={seal()}", USER)
    assert facts(answer) == (OTHER, [many])
    two_hundred_of_ours = "; ".join(["limpet=x"] * 200)
    assert_as_none(proxy, f"a=1; {two_hundred_of_ours}; b=2", "a=1; b=2")


@pytest.mark.parametrize("name", ["limpe", "limpets", "Limpet", "xlimpet", "limpet.", "__Host-limpet"])
def test_names_like_ours_are_not_ours(proxy, name):
    cookies = f"{name}={seal()}"
    assert_as_none(proxy, cookies, cookies)
    assert facts(ask_once(proxy, f"{cookies}; limpet={seal()}", USER)) == (OTHER, [cookies])


def test_cookies_in_several_fields_are_looked_through(proxy):
    answer = ask_once(proxy, "a=1; limpet=x", USER, [b"cookie: b=2", f"COOKIE: limpet={seal()}".encode()])
    name, seen = facts(answer)
    assert name == OTHER
    assert "; ".join(sorted(seen)) == "a=1; b=2"


@pytest.mark.parametrize("cookies, seen", [
    ("a=1;limpet=x;b=2", "a=1;b=2"), ("a=limpet=x; b=2", "a=limpet=x; b=2"), ("limpet=x;;a", ";a"), (";;a", ";;a"),
    ("limpet; a=1", "limpet; a=1"), ("limpet=a=b; c", "c"), ("limpet=x;", None), (";" * 10000 + "limpet=x", ";" * 9999),
], ids=range(8))
def test_the_rest_reaches_the_server_as_it_was(proxy, cookies, seen):
    assert facts(ask_once(proxy, cookies, USER))[1] == ([seen] if seen else [])


def test_a_bound_cookie_counts_for_its_client_alone(limpet, keep, secret):
    one = limpet([keep(HonestServer(name)) for name in "abc"], key="header:X-User", listener={"mode": "http"},
                 pool={"stick": {"cookie": "limpet", "bind-client": True}}, secret=str(secret))

    def ask(client, cookie):
        return facts(ask_once(one, f"limpet={cookie}", USER, [b"X-Forwarded-For: " + client.encode()]))[0]

    for client in ("203.0.113.9", "2001:db8::1"):
        assert ask(client, seal(client=client)) == OTHER
        assert ask("203.0.113.10", seal(client=client)) == HOME
        assert ask(client, seal()) == HOME
