"""RFC 9110 section 5 and RFC 9112 section 5, in mode http: fields that a server might read in another way are answered 400
and end the connection; what is too long or too much, 431."""

import time

import pytest

from support import proc
from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer
from support.refusals import HOST, assert_refused, field, fields, line

BAD = {
    "no Host": fields(b"X: y"),
    "no field at all": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": fields(b"Host: a.example\r\nHost: b.example"),
    "two Hosts alike": fields(b"Host: a.example\r\nHost: a.example"),
    "two Hosts apart": fields(b"Host: a.example\r\nX: y\r\nhOST: a.example"),
    "Host with an at": fields(b"Host: ann@example.org"),
    "Host with a comma": fields(b"Host: a.example, b.example"),
    "Host with a control": fields(b"Host: exa\x01mple.org"),
    "Host with a tab": fields(b"Host: exa\tmple.org"),
    "Host with a space": fields(b"Host: example org"),
    "Host with a slash": fields(b"Host: example.org/x"),
    "Host with a question mark": fields(b"Host: example.org?x"),
    "Host with a fragment": fields(b"Host: example.org#x"),
    "Host with a backslash": fields(b"Host: example.org\\x"),
    "Host with letters for a port": fields(b"Host: example.org:http"),
    "Host with two ports": fields(b"Host: example.org:80:81"),
    "Host with an open bracket": fields(b"Host: [::1"),
    "Host of 8-bit bytes": fields(b"Host: ex\xe4mple.org"),
    "Host behind an absolute target, twice": line(b"GET http://example.org/ HTTP/1.1")[:-2] + HOST + b"\r\n",
    "a space before the colon": field(b"X-User : ann"),
    "a tab before the colon": field(b"X-User\t: ann"),
    "a space before the colon of Content-Length": field(b"Content-Length : 5") + b"hello",
    "no colon": field(b"X-User ann"),
    "no colon in the last line": field(b"X: y\r\nX-User"),
    "an empty name": field(b": ann"),
    "a colon alone": field(b":"),
    "a name with a space": field(b"X User: ann"),
    "a name with a control": field(b"X\x01: ann"),
    "a name with NUL": field(b"X\0User: ann"),
    "an 8-bit name": field(b"X-\xe9: ann"),
    "a name with a parenthesis": field(b"X(1): ann"),
    "a name with a slash": field(b"X/1: ann"),
    "a name in quotes": field(b'"X": ann'),
    "a folded field": field(b"X-User: ann\r\n bob"),
    "a field folded with a tab": field(b"X-User: ann\r\n\tbob"),
    "a folded framing": field(b"Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n",
    "a space before the first field": fields(b" Host: example.org"),
    "a line of spaces": field(b"X: y\r\n  "),
    "NUL in a value": field(b"X-User: a\0nn"),
    "a carriage return in a value": field(b"X-User: a\rnn"),
    "a carriage return at the end of a value": field(b"X-User: ann\r"),
    "a line feed in a value": field(b"X-User: a\nnn"),
    "a bell in a value": field(b"X-User: a\x07nn"),
    "escape in a value": field(b"X-User: \x1b[31m"),
    "delete in a value": field(b"X-User: a\x7fnn"),
    "a vertical tab in a value": field(b"X-User: a\x0bnn"),
    "line feeds end the lines": b"GET / HTTP/1.1\nHost: example.org\n\n",
    "a line feed ends a field": fields(b"Host: example.org\nX-User: ann"),
    "a line feed ends the head": b"GET / HTTP/1.1\r\nHost: example.org\r\n\n",
    "two X-Request-Ids": field(b"X-Request-Id: 1\r\nX-Request-Id: 2"),
}

TOO_MUCH = {
    "a name of 64 KiB": field(b"N" * 65536 + b": y"),
    "a name without an end": b"GET / HTTP/1.1\r\n" + b"N" * 200000,
    "a value of 33 KiB": field(b"X: " + b"v" * 33 * 1024),
    "a megabyte": field(b"X: " + b"v" * (1 << 20)),
    "33 KiB in all": field(b"\r\n".join(b"X-%d: " % number + b"v" * 680 for number in range(49))),
    "101 fields": field(b"\r\n".join(b"X-%d: y" % number for number in range(100))),
    "10,000 fields": field(b"\r\n".join(b"a:" for number in range(10000))),
}

# Fields that a server gets as they were sent.
KEPT = {
    "a tab in a value": [("x-user", "a\tnn")],
    "8-bit values": [("x-user", "\xe9\xff\x80")],
    "an empty value": [("x-user", "")],
    "a name of 300 bytes": [("n" * 300, "y")],
    "a name of 255 bytes": [("n" * 255, "y")],
    "a name of 256 bytes": [("n" * 256, "y")],
    "a name of 257 bytes": [("n" * 257, "y")],
    "a name of 20,000 bytes": [("n" * 20000, "y")],
    "a value of 20,000 bytes": [("x", "v" * 20000)],
    "a field twice": [("x", "1"), ("x", "2")],
    "two Content-Types": [("content-type", "a/b"), ("content-type", "c/d")],
    "two Authorizations": [("authorization", "Basic YTpi"), ("authorization", "Basic Yzpk")],
    "99 fields and Host": [(f"x-{number}", "y") for number in range(99)],
    "names with underscores": [("x_user", "ann"), ("_", "bob")],
    "Set-Cookie2 of a client": [("set-cookie2", "a=b")],
    "a range": [("range", "bytes=-9223372036854775608")],
    "a range beyond all numbers": [("range", "bytes=0-18446744073709551616,5-99999999999999999999")],
    "a thousand ranges": [("range", "bytes=" + ",".join(f"{number}-" for number in range(1000)))],
}

ODD_COOKIES = [";", "=", ";;a", ",", ":", ";" * 10000, "=;" * 5000, "limpet=;limpet;limpet==;=limpet", "a=b;" * 4000,
               "limpet=" + "A" * 8000]


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def proxy(http_proxy, home):
    return http_proxy([home])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_field_is_answered_400(proxy, home, name):
    assert_refused(proxy, home, BAD[name])


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_answered_431(proxy, home, name):
    assert_refused(proxy, home, TOO_MUCH[name], 431)


@pytest.mark.parametrize("name", KEPT)
def test_what_is_in_order_arrives_unchanged(proxy, home, name):
    expected = KEPT[name]
    told = one_answer(proxy, field("\r\n".join(f"{key}: {value}" for key, value in expected).encode("latin-1"))).json()
    wanted = {key for key, _ in expected}
    assert [tuple(pair) for pair in told["fields"] if pair[0] in wanted] == expected
    assert not home.new_complaints()


def test_white_space_around_a_value_is_no_part_of_it(proxy):
    told = one_answer(proxy, field(b"X-A:ann\r\nX-B: \t ann \t \r\nX-C:\t")).json()
    assert [pair for pair in told["fields"] if pair[0].startswith("x-") and len(pair[0]) == 3] == [
        ["x-a", "ann"], ["x-b", "ann"], ["x-c", ""]]


def test_a_request_of_http_1_0_needs_no_host(proxy, home):
    told = one_answer(proxy, b"GET /old HTTP/1.0\r\nX-User: ann\r\n\r\n").json()
    assert told["target"] == "/old" and not home.new_complaints()


@pytest.mark.parametrize("cookie", ODD_COOKIES, ids=lambda cookie: f"{cookie[:12]}... {len(cookie)}")
def test_odd_cookies_cost_nothing(proxy, cookie):
    """CVE-2019-14241: they once cost a loop without an end."""
    request = field(b"Cookie: " + cookie.encode()) * 20
    with HttpClient(proxy) as client:
        before = proc.cpu_seconds(proxy.engine)
        client.send(request)
        assert [client.answer().status for _ in range(20)] == [200] * 20
        assert proc.cpu_seconds(proxy.engine) - before < 20 * 0.005


def test_a_request_knows_nothing_of_the_one_before(proxy):
    """CVE-2019-20637."""
    with HttpClient(proxy) as client:
        own = b"X-Secret: 1\r\nCookie: a=b\r\nAuthorization: Basic YTpi\r\nX-Long: " + b"y" * 5000
        first = client.ask(field(own)).json()
        second = client.ask(field(b"X-Own: 2")).json()
    assert "x-secret" in dict(first["fields"])
    assert not {"x-secret", "cookie", "authorization", "x-long"} & set(dict(second["fields"]))


def test_a_bad_head_is_refused_wherever_it_is_split(proxy, home):
    before = len(home.requests)
    head = BAD["a folded field"]
    for at in range(1, len(head), 3):
        with HttpClient(proxy) as client:
            client.send(head[:at])
            time.sleep(0.002)
            assert client.send(head[at:]).answer().status == 400
    assert len(home.requests) == before


def test_a_head_is_measured_even_if_it_comes_in_one_piece(http_proxy, home):
    strict = http_proxy([home], limits={"head": "1KiB"})
    room = 1024 - len(field(b"X: "))
    assert one_answer(strict, field(b"X: " + b"y" * room)).status == 200
    assert_refused(strict, home, field(b"X: " + b"y" * (room + 1)), 431)
    assert_refused(strict, home, field(b"X: " + b"y" * 9000), 431)
    assert_refused(strict, home, b"GET /" + b"y" * 1100 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414)


def test_a_listener_may_take_shorter_heads(http_proxy, home):
    proxy = http_proxy([home], limits={"head": "4KiB"})
    assert one_answer(proxy, field(b"X: " + b"v" * 3900)).status == 200
    for length in (4096, 8000, 20000):
        assert_refused(proxy, home, field(b"X: " + b"v" * length), 431)
