"""Path=/ and HttpOnly always, SameSite as configured, and Secure when the client's side speaks TLS."""

import subprocess

import pytest

from support import wire
from support.guests import ask_once, set_cookies
from support.http_client import HttpClient
from support.http_servers import HonestServer, Scripted, answer
from support.limpet import run


@pytest.fixture
def frontend(limpet, folder):
    secret = folder / "secret"
    assert run("secret", "--append", str(secret)).returncode == 0

    def one(server, listener=None, **stick):
        return limpet([server], listener={"mode": "http", **(listener or {})},
                      pool={"stick": {"cookie": "limpet", **stick}}, secret=str(secret))
    return one


@pytest.fixture
def home(keep):
    return keep(HonestServer())


def attributes(answer_, name="limpet"):
    return set_cookies(answer_)[name][1]


@pytest.mark.parametrize("same_site, written", [(None, "Lax"), ("lax", "Lax"), ("strict", "Strict")])
def test_same_site_is_as_configured(frontend, home, same_site, written):
    proxy = frontend(home, **({"same-site": same_site} if same_site else {}))
    assert attributes(ask_once(proxy)) == ["Path=/", "HttpOnly", f"SameSite={written}"]


def test_same_site_none_is_always_secure(frontend, home):
    proxy = frontend(home, **{"same-site": "none"})
    assert attributes(ask_once(proxy)) == ["Path=/", "HttpOnly", "SameSite=None", "Secure"]


def test_it_is_secure_where_a_trusted_proxy_ends_tls(frontend, home):
    proxy = frontend(home)
    assert attributes(ask_once(proxy, fields=[b"X-Forwarded-Proto: https"]))[-1] == "Secure"
    assert attributes(ask_once(proxy, fields=[b"X-Forwarded-Proto: http"]))[-1] == "SameSite=Lax"


def test_nobody_else_can_make_it_secure(frontend, home):
    proxy = frontend(home, {"trust": "none"})
    assert attributes(ask_once(proxy, fields=[b"X-Forwarded-Proto: https"]))[-1] == "SameSite=Lax"


def test_a_proxy_header_can_say_that_the_client_speaks_tls(frontend, home):
    proxy = frontend(home, {"proxy-protocol": "require"})
    tls = wire.tlv(0x20, b"\x01\0\0\0\0")
    for tlvs, last in [(tls, "Secure"), (b"", "SameSite=Lax")]:
        with HttpClient(proxy) as client:
            client.send(wire.proxy_v2("203.0.113.9", tlvs=tlvs))
            assert attributes(client.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))[-1] == last


def test_cookies_of_the_server_stay_beside_it(frontend, keep):
    fields = [b"Set-Cookie: a=1; Path=/x; Secure", b"Set-Cookie: b=2"]
    proxy = frontend(keep(Scripted("a", [answer(b"", fields=fields)])))
    found = set_cookies(ask_once(proxy))
    assert found["a"] == ("1", ["Path=/x", "Secure"])
    assert found["b"] == ("2", [])
    assert len(found) == 3


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "404 Not Found", "500 Oh", "302 Found"])
def test_every_answer_of_a_server_brings_it(frontend, keep, status):
    with_body = [answer(b"", status)] if status[:3] not in ("204", "304") else [f"HTTP/1.1 {status}\r\n\r\n".encode()]
    proxy = frontend(keep(Scripted("a", with_body)))
    given = ask_once(proxy)
    assert given.status == int(status[:3])
    assert "limpet" in set_cookies(given)
    again = ask_once(proxy, f"limpet={set_cookies(given)['limpet'][0]}")
    assert "limpet" not in set_cookies(again)


def test_answers_of_limpets_own_bring_none(frontend, home, keep):
    proxy = frontend(home)
    home.stop()
    told = ask_once(proxy)
    assert told.status == 503
    assert not set_cookies(told)


def test_interim_answers_bring_none(frontend, keep):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    proxy = frontend(keep(Scripted("a", [early + answer(b"x")])))
    told = ask_once(proxy)
    assert [interim.status for interim in told.interim] == [103]
    assert not set_cookies(told.interim[0])
    assert "limpet" in set_cookies(told)


def test_curl_keeps_it_in_its_jar(frontend, keep, folder):
    home = keep(HonestServer())
    proxy, jar = frontend(home), folder / "jar"
    for _ in range(3):
        done = subprocess.run(["curl", "-sS", "-b", jar, "-c", jar, f"http://{proxy.address}/"], capture_output=True,
                              check=True, timeout=20)
        assert b'"name": "a"' in done.stdout
    # #HttpOnly_HOST, not its subdomains, the path, over plain HTTP too, until the session ends, name, value.
    (line,) = [line for line in jar.read_text().splitlines() if "\tlimpet\t" in line]
    assert line.split("\t")[:6] == ["#HttpOnly_127.0.0.1", "FALSE", "/", "FALSE", "0", "limpet"]
    assert [visit["why"] for visit in proxy.visits(3)][1:] == ["cookie"] * 2
    assert not any(request.get("cookie") for request in home.requests)
