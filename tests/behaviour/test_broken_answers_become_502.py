"""What a server answers is read as strictly as what a client asks. What is no answer is told to the client as 502, and the
server's connection is not used again."""

import time

import pytest

from support.http1 import Cut, Malformed
from support.http_client import HttpClient, one_answer
from support.http_servers import CLOSE, END, RESET, STALL, Scripted, answer, chunked, chunked_answer
from support.refusals import field, line, post

OK = b"HTTP/1.1 200 OK\r\n"
GOOD = answer(b"good")


def _answer(fields, body=b"hello"):
    return OK + fields + b"\r\n\r\n" + body


# Complete or not, no client may see anything of these but 502.
BROKEN = {
    "words": b"this is no HTTP\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "a greeting": b"220 mail.example ESMTP\r\n",
    "binary": bytes(range(256)) * 4,
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46" + bytes(10),
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/2": b"HTTP/2 200\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/0.9 by name": b"HTTP/0.9 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "lower case": b"http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "ICY": b"ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "a space in front": b" HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "status 99": b"HTTP/1.1 99 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status 099": b"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status 1000": b"HTTP/1.1 1000 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status 000": b"HTTP/1.1 000 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status -1": b"HTTP/1.1 -10 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status of letters": b"HTTP/1.1 2OO OK\r\nContent-Length: 5\r\n\r\nhello",
    "no status": b"HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    "two spaces": b"HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "NUL in the reason": b"HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nhello",
    "a carriage return in the reason": b"HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello",
    "a field without a colon": _answer(b"X-Bad\r\nContent-Length: 5"),
    "an empty name": _answer(b": x\r\nContent-Length: 5"),
    "a space before the colon": _answer(b"Content-Length : 5"),
    "a control in a name": _answer(b"X\x01: y\r\nContent-Length: 5"),
    "NUL in a value": _answer(b"X: a\0b\r\nContent-Length: 5"),
    "a carriage return in a value": _answer(b"X: a\rb\r\nContent-Length: 5"),
    "a folded field": _answer(b"X: a\r\n b\r\nContent-Length: 5"),
    "line feeds": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "two Content-Lengths": _answer(b"Content-Length: 5\r\nContent-Length: 6"),
    "Content-Length with a sign": _answer(b"Content-Length: +5"),
    "Content-Length below nought": _answer(b"Content-Length: -5"),
    "Content-Length of 2^64": _answer(b"Content-Length: 18446744073709551621"),
    "Content-Length of a word": _answer(b"Content-Length: five"),
    "an empty Content-Length": _answer(b"Content-Length:"),
    "a list of Content-Lengths": _answer(b"Content-Length: 5, 6"),
    "length and chunks": _answer(b"Content-Length: 5\r\nTransfer-Encoding: chunked", chunked(b"hello")),
    "chunks and length": _answer(b"Transfer-Encoding: chunked\r\nContent-Length: 5", chunked(b"hello")),
    "chunked twice": _answer(b"Transfer-Encoding: chunked, chunked", chunked(b"hello")),
    "chunked in two fields": _answer(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunked(b"hello")),
    "xchunked": _answer(b"Transfer-Encoding: xchunked", chunked(b"hello")),
    "chunked, then gzip": _answer(b"Transfer-Encoding: chunked, gzip", chunked(b"hello")),
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello"),
    "204 with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "204 with chunks": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello"),
    "100 with a length": b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello" + GOOD,
    "a storm of 100s": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + GOOD,
    "a storm of 103s": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 200 + GOOD,
    "100s without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    "101 unasked": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + GOOD,
    "40 KiB of fields": _answer(b"".join(b"X-%d: %s\r\n" % (number, b"v" * 900) for number in range(45))
                                + b"Content-Length: 5"),
    "a field without an end": OK + b"X: " + b"v" * 200000,
    "a thousand fields": _answer(b"X: y\r\n" * 1000 + b"Content-Length: 5"),
    "a reason without an end": b"HTTP/1.1 200 " + b"O" * 200000,
}

# A head that ends too early: the server is at fault, too.
SHORT = {"half a line": b"HTTP/1.1 20", "a line": OK, "half a head": OK + b"Content-Length: 5\r\n", "a byte": b"H"}

# Broken where the client may have the head already: whatever it got does not look complete.
BROKEN_BODIES = {
    "a bad size": b"5\r\nhello\r\nxyz\r\n",
    "an empty size": b"5\r\nhello\r\n\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with a space": b"5 \r\nhello\r\n0\r\n\r\n",
    "a size of 17 digits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "data too long": b"5\r\nhello!\r\n0\r\n\r\n",
    "line feeds": b"5\nhello\n0\n\n",
    "an extension without an end": b"5;" + b"a" * 100000,
    "a bad trailer": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
}

FINE = {
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
    "an 8-bit reason": b"HTTP/1.1 200 \xff\xe9\r\nContent-Length: 5\r\n\r\nhello",
    "a colon in the reason": b"HTTP/1.1 200 OK: fine\r\nContent-Length: 5\r\n\r\nhello",
    "a long reason": b"HTTP/1.1 200 " + b"O" * 8000 + b"\r\nContent-Length: 5\r\n\r\nhello",
    "status 299": b"HTTP/1.1 299 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "status 599": b"HTTP/1.1 599 Odd\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0 that keeps": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    "an empty value": _answer(b"X:\r\nContent-Length: 5"),
    "Set-Cookie and Set-Cookie2": _answer(b"Set-Cookie2: a=b\r\nSet-Cookie: ;\r\nSet-Cookie:\r\nSet-Cookie2:\r\n"
                                          b"Content-Length: 5"),
    "chunks": chunked_answer(b"he", b"llo", trailers=[b"X-Sum: 1"]),
    "chunks with extensions": _answer(b"Transfer-Encoding: chunked", b'5;a="b"\r\nhello\r\n0\r\n\r\n'),
    "a few 1xx": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"hello"),
}


@pytest.fixture(scope="module")
def scripts():
    """What the server sends on a request for a target."""
    return {"/good": [GOOD]}


@pytest.fixture(scope="module")
def server(lasting, scripts):
    return lasting(Scripted("a", lambda request: scripts[request.target]))


@pytest.fixture(scope="module")
def proxy(http_proxy, server):
    return http_proxy([server], timeouts={"answer": "700ms", "idle": "700ms"})


@pytest.fixture
def asked(proxy, server, scripts):
    """What a client gets when the server does these steps: an Answer. Then it asks for something good, and insists that
    this comes, and that what went wrong is not used again."""
    def ask(steps, request=line(b"GET /bad HTTP/1.1"), good_connection=False):
        scripts["/bad"] = scripts["/post"] = steps
        with HttpClient(proxy) as client:
            try:
                return client.ask(request)
            finally:
                bad = server.requests[-1].connection
                assert one_answer(proxy, line(b"GET /good HTTP/1.1")).body == b"good"
                assert good_connection or server.requests[-1].connection != bad, "the connection was used again"
                assert not server.complaints
    return ask


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("then", [END, CLOSE])
def test_it_is_answered_502(asked, name, then):
    answered = asked([BROKEN[name], then])
    assert answered.status == 502 and b"hello" not in answered.body
    assert {interim.status for interim in answered.interim} <= {100, 103}


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize("then", [END, CLOSE, RESET])
def test_a_head_that_ends_early_is_answered_502(asked, name, then):
    assert asked([SHORT[name], then]).status == 502


@pytest.mark.parametrize("then", [END, CLOSE, RESET])
def test_no_answer_at_all_is_502(asked, then):
    assert asked([then]).status == 502
    assert asked([then], post(b"Content-Length: 5", b"hello")).status == 502


@pytest.mark.parametrize("name", ["half a head", "half a line"])
def test_a_head_that_stalls_is_answered_504(asked, name):
    began = time.monotonic()
    assert asked([SHORT[name], STALL]).status in (502, 504)
    assert asked([STALL], post(b"Content-Length: 5", b"hello")).status == 504
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", BROKEN_BODIES)
@pytest.mark.parametrize("pause", [0, 0.05])
def test_a_broken_body_never_looks_complete(asked, name, pause):
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    steps = [head + BROKEN_BODIES[name], END] if not pause else [head, pause, BROKEN_BODIES[name], END]
    try:
        assert asked(steps).status == 502
    except Cut as cut:
        assert cut.how in ("fin", "reset")
    except Malformed as wrong:
        raise AssertionError("the broken chunk was sent on") from wrong


@pytest.mark.parametrize("name", FINE)
def test_what_is_odd_but_clear_goes_on(asked, name):
    answered = asked([FINE[name]], good_connection=True)
    assert answered.body == b"hello"


@pytest.mark.parametrize("size", [1, 100, 16384])
def test_an_answer_may_come_in_pieces(asked, size):
    data = OK + b"X: y\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello" * 30, b"more", trailers=[b"X-Sum: 1"])
    answered = asked([data[at:at + size] for at in range(0, len(data), size)], good_connection=True)
    assert answered.body == b"hello" * 30 + b"more"


EXTRA = [b"x", b"\r\n", GOOD.replace(b"good", b"evil"), OK + b"Content-Length: 1000\r\n\r\n"]


@pytest.mark.parametrize("extra", EXTRA, ids=["a byte", "an empty line", "an answer", "a head"])
@pytest.mark.parametrize("pause", [0, 0.03])
@pytest.mark.parametrize("first", [answer(b"first"), chunked_answer(b"first"), b"HTTP/1.1 204 No Content\r\n\r\n",
                                   b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
                         ids=["length", "chunked", "204", "304"])
def test_bytes_behind_an_answer_are_nobodys(proxy, server, scripts, first, pause, extra):
    scripts["/extra"] = [first, pause, extra] if pause else [first + extra]
    with HttpClient(proxy) as client:
        assert client.ask(line(b"GET /extra HTTP/1.1")).status in (200, 204, 304)
        time.sleep(pause * 2)
        for _ in range(3):
            assert client.ask(line(b"GET /good HTTP/1.1")).body == b"good"
    assert server.requests[-1].connection != server.requests[-4].connection


def test_a_body_for_head_is_nobodys(proxy, scripts):
    scripts["/head"] = [answer(b"body where none is")]
    for _ in range(3):
        with HttpClient(proxy) as client:
            assert client.ask(line(b"HEAD /head HTTP/1.1")).get("content-length") == "18"
            assert client.ask(line(b"GET /good HTTP/1.1")).body == b"good"


@pytest.mark.parametrize("request_", [line(b"GET /bad HTTP/1.0"), field(b"Connection: close").replace(b"/", b"/bad", 1)],
                         ids=["HTTP/1.0", "close"])
def test_a_client_of_any_kind_gets_its_502(asked, request_):
    answered = asked([BROKEN["words"], END], request_)
    assert answered.status == 502 and answered.closes
