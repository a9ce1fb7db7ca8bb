"""RFC 9112 sections 2.2 and 3, in mode http: what a server might read in another way is answered 400 and ends the
connection. Everything runs against one limpet, whose engine must be alive at the end."""

import time

import pytest

from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer
from support.refusals import assert_refused, field, line

GOOD = field(b"X-User: ann")

BAD = {
    "two empty lines in front": b"\r\n\r\n" + GOOD,
    "many empty lines in front": b"\r\n" * 500 + GOOD,
    "a space in front": b" " + GOOD,
    "a tab in front": b"\t" + GOOD,
    "a line feed in front": b"\n" + GOOD,
    "a carriage return in front": b"\r" + GOOD,
    "NUL in front": b"\0" + GOOD,
    "a byte order mark in front": b"\xef\xbb\xbf" + GOOD,
    "no method": line(b" / HTTP/1.1"),
    "a control in the method": line(b"G\x01T / HTTP/1.1"),
    "a vertical tab behind the method": line(b"GET\x0b/ HTTP/1.1"),
    "a vertical tab and a space behind the method": line(b"GET\x0b / HTTP/1.1"),
    "a parenthesis in the method": line(b"G(T / HTTP/1.1"),
    "a method of 33 letters": line(b"M" * 33 + b" / HTTP/1.1"),
    "a method without an end": b"M" * 100000,
    "an 8-bit method": line(b"G\xe9T / HTTP/1.1"),
    "a colon in the method": line(b"GET: / HTTP/1.1"),
    "an empty target": line(b"GET  HTTP/1.1"),
    "no target": line(b"GET HTTP/1.1"),
    "a space in the target": line(b"GET /a b HTTP/1.1"),
    "two spaces before the target": line(b"GET  / HTTP/1.1"),
    "two spaces behind the target": line(b"GET /  HTTP/1.1"),
    "a tab in the request line": line(b"GET\t/ HTTP/1.1"),
    "a backslash": line(b"GET /a\\b HTTP/1.1"),
    "a fragment": line(b"GET /a#b HTTP/1.1"),
    "a control in the target": line(b"GET /a\x01 HTTP/1.1"),
    "NUL in the target": line(b"GET /a\0 HTTP/1.1"),
    "delete in the target": line(b"GET /a\x7f HTTP/1.1"),
    "byte 80 in the target": line(b"GET /\x80 HTTP/1.1"),
    "byte ff in the target": line(b"GET /\xff HTTP/1.1"),
    "a raw 8-bit target": line(b"GET /\xc3\xa9 HTTP/1.1"),
    "a carriage return in the request line": line(b"GET /\rx HTTP/1.1"),
    "a target that is a word": line(b"GET index.html HTTP/1.1"),
    "userinfo": line(b"GET http://ann@example.org/ HTTP/1.1"),
    "userinfo with a password": line(b"GET http://ann:secret@example.org/ HTTP/1.1"),
    "an absolute target without a host": line(b"GET http:///x HTTP/1.1"),
    "an authority without CONNECT": line(b"GET example.org:80 HTTP/1.1"),
    "a star without OPTIONS": line(b"GET * HTTP/1.1"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/0.9 with a space": b"GET / \r\n\r\n",
    "HTTP/1.": line(b"GET / HTTP/1."),
    "http/1.1": line(b"GET / http/1.1"),
    "HTTP/01.1": line(b"GET / HTTP/01.1"),
    "HTTP/1.01": line(b"GET / HTTP/1.01"),
    "HTTP/1.10": line(b"GET / HTTP/1.10"),
    "HTTP/1.1 and a space": line(b"GET / HTTP/1.1 "),
    "HTTP/1.1 and a tab": line(b"GET / HTTP/1.1\t"),
    "HTTP/1,1": line(b"GET / HTTP/1,1"),
    "HTTP 1.1": line(b"GET / HTTP 1.1"),
    "HTTP/+1.1": line(b"GET / HTTP/+1.1"),
    "ICY": line(b"GET / ICY/1.1"),
    "lone line feeds": GOOD.replace(b"\r\n", b"\n"),
    "a lone carriage return": line(b"GET / HTTP/1.1\r"),
    "another protocol": b"\x00\x01\x02\x03\x04\x05\x06\x07",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}

OTHER_VERSIONS = {version: line(b"GET / " + version.encode())
                  for version in ("HTTP/2.0", "HTTP/9.9", "HTTP/3.0", "HTTP/0.9")}

# What goes on, and how the server sees it: (method, target, Host).
FORWARDED = {
    "one empty line in front": (b"\r\n" + GOOD, ("GET", "/", "example.org")),
    "a method in lower case": (line(b"get / HTTP/1.1"), ("get", "/", "example.org")),
    "a method of one letter": (line(b"X / HTTP/1.1"), ("X", "/", "example.org")),
    "a method of 32 letters": (line(b"M" * 32 + b" / HTTP/1.1"), ("M" * 32, "/", "example.org")),
    "a method of odd signs": (line(b"!#$%&'*+-.^_`|~ / HTTP/1.1"), ("!#$%&'*+-.^_`|~", "/", "example.org")),
    "HTTP/1.0": (line(b"GET / HTTP/1.0"), ("GET", "/", "example.org")),
    "HTTP/1.2": (line(b"GET / HTTP/1.2"), ("GET", "/", "example.org")),
    "HTTP/1.9": (line(b"GET / HTTP/1.9"), ("GET", "/", "example.org")),
    "OPTIONS of the server": (line(b"OPTIONS * HTTP/1.1"), ("OPTIONS", "*", "example.org")),
    "an absolute target": (line(b"GET http://example.org/x?y HTTP/1.1"), ("GET", "/x?y", "example.org")),
    "an absolute target for another host": (line(b"GET http://other.example:81/x HTTP/1.1"),
                                            ("GET", "/x", "other.example:81")),
    "an absolute target without a path": (line(b"GET http://other.example HTTP/1.1"), ("GET", "/", "other.example")),
    "an absolute target with a query alone": (line(b"GET http://other.example?x HTTP/1.1"),
                                              ("GET", "/?x", "other.example")),
    "an absolute target in capitals": (line(b"GET HTTP://other.example/ HTTP/1.1"), ("GET", "/", "other.example")),
    "OPTIONS of another server": (line(b"OPTIONS http://other.example HTTP/1.1"), ("OPTIONS", "*", "other.example")),
    "a path that climbs": (line(b"GET /../a/./b//c HTTP/1.1"), ("GET", "/../a/./b//c", "example.org")),
    "an encoded path": (line(b"GET /%2e%2e/%2f%00%5c HTTP/1.1"), ("GET", "/%2e%2e/%2f%00%5c", "example.org")),
    "an odd query": (line(b"GET /?a=[b]{c}|^\"<>`? HTTP/1.1"), ("GET", "/?a=[b]{c}|^\"<>`?", "example.org")),
    "a target of 8,000 bytes": (line(b"GET /" + b"a" * 7999 + b" HTTP/1.1"), ("GET", "/" + "a" * 7999, "example.org")),
}


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def proxy(http_proxy, home):
    return http_proxy([home], timeouts={"head": "1s"})


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_line_is_answered_400(proxy, home, name):
    assert_refused(proxy, home, BAD[name])


@pytest.mark.parametrize("name", OTHER_VERSIONS)
def test_another_version_is_refused(proxy, home, name):
    assert_refused(proxy, home, OTHER_VERSIONS[name], 505, 400)


@pytest.mark.parametrize("name", FORWARDED)
def test_what_can_be_read_in_one_way_goes_on(proxy, home, name):
    request, expected = FORWARDED[name]
    told = one_answer(proxy, request).json()
    hosts = [value for key, value in told["fields"] if key == "host"]
    assert (told["method"], told["target"], *hosts) == expected
    assert not home.new_complaints()


@pytest.mark.parametrize("length", [8300, 9000, 20000, 40000, 100000])
def test_a_target_that_is_too_long_is_answered_414(proxy, home, length):
    assert_refused(proxy, home, line(b"GET /" + b"a" * length + b" HTTP/1.1"), 414)


@pytest.mark.parametrize("request_line", [b"CONNECT example.org:443 HTTP/1.1", b"TRACE / HTTP/1.1"])
def test_connect_and_trace_are_not_allowed(proxy, home, request_line):
    before = len(home.requests)
    answer = one_answer(proxy, line(request_line), method="GET")
    assert answer.status == 405
    assert answer.get("allow") is not None  # RFC 9110 section 15.5.6
    assert len(home.requests) == before


@pytest.mark.parametrize("preface", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + bytes(100)])
def test_a_preface_of_http2_is_refused(proxy, home, preface):
    assert_refused(proxy, home, preface, 400, 505)


@pytest.mark.parametrize("name", ["two empty lines in front", "a vertical tab behind the method", "userinfo",
                                  "HTTP/1.1 and a space", "lone line feeds", "NUL in the target"])
def test_it_is_the_same_when_it_comes_byte_by_byte(proxy, home, name):
    before = len(home.requests)
    with HttpClient(proxy) as client:
        assert client.send_in_pieces(BAD[name]).answer().status == 400
        assert client.ending() == "fin"
    assert len(home.requests) == before


def test_a_request_may_come_byte_by_byte(proxy):
    with HttpClient(proxy) as client:
        assert client.send_in_pieces(GOOD * 2).answer().json()["turn"]
        assert client.answer().json()["complaints"] == []


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", GOOD[:-1]])
def test_a_head_that_takes_too_long_is_answered_408(proxy, home, begun):
    with HttpClient(proxy) as client:
        client.send(begun)
        before = time.monotonic()
        answer = client.answer()
        assert 0.8 < time.monotonic() - before < 3
        assert answer.status == 408 and answer.closes
        assert client.ending() == "fin"


def test_a_slow_head_is_answered_408_however_steadily_it_comes(proxy):
    """The deadline is for the whole of it."""
    with HttpClient(proxy) as client:
        client.send(b"GET / HTTP/1.1\r\nX-Slow: ")
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            client.send(b"x")
            time.sleep(0.05)
        assert client.answer().status == 408


def test_every_refusal_is_one_line_in_the_log(proxy, home):
    before = len(proxy.visits())
    for name in ("userinfo", "NUL in the target", "a control in the target", "a byte order mark in front"):
        assert_refused(proxy, home, BAD[name])
    visits = proxy.visits(before + 4)[before:]
    assert [visit["status"] for visit in visits] == [400] * 4
    assert {visit["reason"] for visit in visits} == {"bad_head"}
