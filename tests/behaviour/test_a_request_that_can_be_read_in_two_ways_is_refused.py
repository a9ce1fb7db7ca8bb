"""RFC 9112 sections 2 to 5, as far as one decision per connection judges a head. What is bad never reaches a server."""

import pytest

from support import wire
from support.client import Client, parse_answer
from support.servers import tells_its_name_at_the_end


def _line(line):
    return line + b"\r\nHost: example.org\r\n\r\n"


def _fields(fields):
    return b"GET / HTTP/1.1\r\n" + fields + b"\r\n\r\n"


def _field(field):
    return _fields(b"Host: example.org\r\n" + field)


# Began as HTTP: answered 400, then closed.
BAD = {
    "space in the target": _line(b"GET /a b HTTP/1.1"),
    "two spaces before the target": _line(b"GET  / HTTP/1.1"),
    "two spaces behind the target": _line(b"GET /  HTTP/1.1"),
    "tab in the request line": _line(b"GET\t/ HTTP/1.1"),
    "empty target": _line(b"GET HTTP/1.1"),
    "fragment": _line(b"GET /a#b HTTP/1.1"),
    "backslash": _line(b"GET /a\\b HTTP/1.1"),
    "control in the target": _line(b"GET /a\x01 HTTP/1.1"),
    "NUL in the target": _line(b"GET /a\0 HTTP/1.1"),
    "delete in the target": _line(b"GET /a\x7f HTTP/1.1"),
    "raw 8-bit target": _line(b"GET /\xc3\xa9 HTTP/1.1"),
    "carriage return in the request line": _line(b"GET /\rx HTTP/1.1"),
    "vertical tab behind the method": _line(b"GET\x0b / HTTP/1.1"),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0": _line(b"GET / HTTP/2.0"),
    "HTTP/9.9": _line(b"GET / HTTP/9.9"),
    "HTTP/1.": _line(b"GET / HTTP/1."),
    "http/1.1": _line(b"GET / http/1.1"),
    "HTTP/01.1": _line(b"GET / HTTP/01.1"),
    "HTTP/1.1 and a space": _line(b"GET / HTTP/1.1 "),
    "HTTP/1.10": _line(b"GET / HTTP/1.10"),
    "userinfo in an absolute target": _line(b"GET http://ann@example.org/ HTTP/1.1"),
    "authority without CONNECT": _line(b"GET example.org:80 HTTP/1.1"),
    "star without OPTIONS": _line(b"GET * HTTP/1.1"),
    "absolute target for another host": _line(b"GET http://other.example.org/ HTTP/1.1"),
    "no host": b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
    "two hosts": _fields(b"Host: a.example.org\r\nHost: b.example.org"),
    "two hosts alike": _fields(b"Host: a.example.org\r\nHost: a.example.org"),
    "host with an at": _fields(b"Host: ann@example.org"),
    "host with a comma": _fields(b"Host: a.example.org, b.example.org"),
    "host with a control": _fields(b"Host: exa\x01mple.org"),
    "host with a space": _fields(b"Host: example org"),
    "host with a slash": _fields(b"Host: example.org/x"),
    "host with letters for a port": _fields(b"Host: example.org:http"),
    "space before the colon": _field(b"X-User : ann"),
    "no colon": _field(b"X-User ann"),
    "empty name": _field(b": ann"),
    "name with a space": _field(b"X User: ann"),
    "name with a control": _field(b"X\x01: ann"),
    "8-bit name": _field(b"X-\xe9: ann"),
    "name with a parenthesis": _field(b"X(1): ann"),
    "folded field": _field(b"X-User: ann\r\n bob"),
    "folded with a tab": _field(b"X-User: ann\r\n\tbob"),
    "space before the first field": b"GET / HTTP/1.1\r\n Host: example.org\r\n\r\n",
    "NUL in a value": _field(b"X-User: a\0nn"),
    "carriage return in a value": _field(b"X-User: a\rnn"),
    "line feed ends a line": b"GET / HTTP/1.1\nHost: example.org\n\n",
    "line feed ends a field": _fields(b"Host: example.org\nX-User: ann"),
    "bell in a value": _field(b"X-User: a\x07nn"),
    "delete in a value": _field(b"X-User: a\x7fnn"),
    "the key twice": _field(b"X-User: ann\r\nX-User: bob"),
    "over a hundred fields": _field(b"\r\n".join(b"X-%d: y" % number for number in range(101))),
}

# Fine, or another server's affair: goes on unchanged.
GOOD = {
    "as plain as can be": _field(b"X-User: ann"),
    "one empty line in front": b"\r\n" + _field(b"X-User: ann"),
    "HTTP/1.0": _line(b"GET / HTTP/1.0"),
    "HTTP/1.0 without a host": b"GET / HTTP/1.0\r\nX-User: ann\r\n\r\n",
    "HTTP/1.2": _line(b"GET / HTTP/1.2"),
    "unknown method": _line(b"BREW /pot HTTP/1.1"),
    "method in lower case": _line(b"get / HTTP/1.1"),
    "method of one character": _line(b"X / HTTP/1.1"),
    "method of 40 characters": _line(b"M" * 40 + b" / HTTP/1.1"),
    "CONNECT": _fields(b"Host: example.org:443").replace(b"GET /", b"CONNECT example.org:443", 1),
    "OPTIONS of the server": _line(b"OPTIONS * HTTP/1.1"),
    "absolute target": _line(b"GET http://example.org/x HTTP/1.1"),
    "tab in a value": _field(b"X-User: a\tnn"),
    "8-bit value": _field(b"X-User: \xe9"),
    "no space behind the colon": _field(b"X-User:ann"),
    "a hundred fields": _field(b"\r\n".join(b"X-%d: y" % number for number in range(99))),
    "name of 300 bytes": _field(b"N" * 300 + b": y"),
    "name of 8 KiB": _field(b"N" * 8192 + b": y"),
    "odd cookies": _field(b"Cookie: ;\r\nCookie: =\r\nCookie: ;;a\r\nCookie: ,\r\nCookie: " + b";" * 5000),
    "hop-by-hop names": _field(b"Connection: X-User, host, cookie"),
    "bytes that are no request": b"\x00\x01\x02\x03",
    "UTF-8 byte order mark": b"\xef\xbb\xbf" + _field(b"X-User: ann"),
    "starts with a space": b" " + _field(b"X-User: ann"),
    "starts with a tab": b"\t" + _field(b"X-User: ann"),
    "starts with NUL": b"\0" + _field(b"X-User: ann"),
}


@pytest.fixture
def home(server):
    return server("a", tells_its_name_at_the_end)


def test_a_bad_head_is_answered_400_and_closed(limpet, home):
    proxy = limpet([home], key="header:X-User")
    answers = {}
    for name, head in BAD.items():
        with Client(proxy) as client:
            client.send(head)
            answers[name] = parse_answer(client.read_to_end())
    assert {name: answer.status for name, answer in answers.items() if answer.status != 400} == {}
    assert all(answer.headers.get("connection") == "close" for answer in answers.values())
    assert {visit["reason"] for visit in proxy.visits(len(BAD))} == {"bad_head"}
    assert not home.talks


def test_a_bad_head_is_refused_when_it_comes_byte_by_byte_too(limpet, home):
    proxy = limpet([home], key="header:X-User")
    for name in ("space before the colon", "two hosts", "folded field", "line feed ends a line"):
        with Client(proxy) as client:
            for byte in BAD[name]:
                try:
                    client.send(bytes([byte]))
                except ConnectionError:
                    break
            assert parse_answer(client.read_to_end()).status == 400, name
    assert not home.talks


def test_what_follows_a_bad_head_is_never_read_as_a_request(limpet, home):
    proxy = limpet([home], key="header:X-User")
    with Client(proxy) as client:
        client.send(BAD["two hosts"] + GOOD["as plain as can be"] * 3)
        assert client.read_to_end().count(b"HTTP/1.1 ") == 1
    assert not home.talks


@pytest.mark.parametrize("name", GOOD)
def test_a_good_head_goes_on_unchanged(limpet, home, name):
    proxy = limpet([home], key="header:X-User")
    with Client(proxy) as client:
        client.send(GOOD[name]).finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == GOOD[name]


def test_a_head_beyond_the_limit_is_spread(limpet, home):
    """A key that has not come within 16 KiB is absent."""
    proxy = limpet([home], key="header:X-User")
    head = wire.request(headers={"X-Filler": "f" * 17000, "X-User": "ann"})
    with Client(proxy) as client:
        client.send(head).finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == head
    assert proxy.visit()["source"] == "spread"


def test_a_listener_whose_keys_need_no_head_judges_none(limpet, home):
    proxy = limpet([home], key="client", listener={"trust": "none"})
    with Client(proxy) as client:
        client.send(BAD["two hosts"]).finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == BAD["two hosts"]


def test_a_broken_http2_preface_is_refused(limpet, home):
    proxy = limpet([home], key="header:X-User")
    with Client(proxy) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")
        assert parse_answer(client.read_to_end()).status in (0, 400)
    assert proxy.visit()["reason"] == "bad_head"
    assert not home.talks
