"""RFC 9110 section 7.6.1: what belongs to a connection is not sent on; but nothing that a client writes into Connection
takes away what routes, frames or identifies a request."""

import pytest

from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer, Scripted, answer
from support.refusals import HOST, assert_refused, field, line, post

PROTECTED = {"host": "example.org", "cookie": "a=b", "authorization": "Basic YTpi", "cache-control": "no-store",
             "content-length": "5"}

GONE = {
    "Keep-Alive": b"Keep-Alive: timeout=5",
    "Proxy-Connection": b"Proxy-Connection: keep-alive",
    "TE without Connection": b"TE: gzip",
    "HTTP2-Settings": b"Connection: HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Proxy": b"Proxy: http://evil.example",
    "X_Forwarded_For": b"X_Forwarded_For: 203.0.113.9",
    "x_forwarded-for": b"x_forwarded-for: 203.0.113.9",
    "X-Forwarded_Proto": b"X-Forwarded_Proto: https",
    "X_Forwarded_Host": b"X_Forwarded_Host: evil.example",
    "Content_Length": b"Content_Length: 5",
    "Transfer_Encoding": b"Transfer_Encoding: chunked",
    "X_Request_Id": b"X_Request_Id: 1",
    "a named one": b"Connection: X-Gone\r\nX-Gone: 1",
    "a named one in front": b"X-Gone: 1\r\nConnection: keep-alive, x-gONE",
    "two named ones": b"Connection: X-Gone ,, ,\tX-Also\r\nX-Gone: 1\r\nX-Also: 2\r\nX-Gone: 3",
    "named in two fields": b"Connection: X-Gone\r\nX-Gone: 1\r\nConnection: X-Also\r\nX-Also: 2",
}


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def proxy(http_proxy, home):
    return http_proxy([home])


@pytest.mark.parametrize("name", GONE)
def test_it_does_not_reach_the_server(proxy, home, name):
    told = one_answer(proxy, field(GONE[name] + b"\r\nX-Kept: 1")).json()
    names = {key for key, _ in told["fields"]}
    sent = {entry.partition(b":")[0].decode().lower() for entry in GONE[name].split(b"\r\n")} - {"connection"}
    assert not names & sent, told["fields"]
    assert "x-kept" in names
    assert not home.new_complaints()


@pytest.mark.parametrize("name", [*PROTECTED, "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id",
                                  "forwarded", "via", "transfer-encoding", "upgrade", "keep-alive", "close", "connection"])
def test_connection_takes_nothing_away_that_matters(proxy, home, name):
    """CVE-2022-45059, CVE-2024-45410. What limpet adds without that, it adds with it."""
    lines = "".join(f"{key}: {value}\r\n" for key, value in PROTECTED.items()).encode()

    def ask(connection):
        return one_answer(proxy, b"POST / HTTP/1.1\r\n" + connection + lines + b"\r\nhello").json()

    plain, named = ask(b""), ask(b"Connection: " + name.encode() + b"\r\n")
    assert {key: value for key, value in named["fields"] if key in PROTECTED} == PROTECTED
    assert {key for key, _ in named["fields"]} >= {key for key, _ in plain["fields"]}
    assert named["length"] == 5 and not home.new_complaints()


FIELDS_OF_A_SERVER = {
    "a named one": [b"Connection: keep-alive, X-Gone", b"X-Gone: 1"],
    "Keep-Alive": [b"Keep-Alive: timeout=7"],
    "Proxy-Connection": [b"Proxy-Connection: close"],
    "Upgrade": [b"Connection: upgrade", b"Upgrade: h2c"],
    "named framing": [b"Connection: Content-Length, Content-Type", b"Content-Type: text/plain"],
}


def test_fields_of_a_server_end_at_limpet_too(http_proxy, lasting):
    server = lasting(Scripted("a", lambda request: [
        answer(b"body", fields=[b"X-Kept: 1", *FIELDS_OF_A_SERVER[request.get("x")]])]))
    with HttpClient(http_proxy([server])) as client:
        for name in FIELDS_OF_A_SERVER:
            told = client.ask(field(b"X: " + name.encode()))
            assert told.body == b"body" and told.get("x-kept")
            assert not {"x-gone", "keep-alive", "proxy-connection", "upgrade"} & set(dict(told.fields)), name


def test_another_expectation_is_answered_417(proxy, home):
    assert_refused(proxy, home, field(b"Expect: 200-ok"), 417)
    assert_refused(proxy, home, post(b"Expect: 100-continue, x\r\nContent-Length: 5", b"hello"), 417, 400)


def test_options_that_may_be_forwarded_no_more_are_answered(proxy, home):
    """RFC 9110 section 7.6.2."""
    before = len(home.requests)
    last = one_answer(proxy, b"OPTIONS / HTTP/1.1\r\n" + HOST + b"Max-Forwards: 0\r\n\r\n", method="OPTIONS")
    assert last.status in (200, 204)
    assert len(home.requests) == before
    told = one_answer(proxy, b"OPTIONS / HTTP/1.1\r\n" + HOST + b"Max-Forwards: 7\r\n\r\n").json()
    assert dict(told["fields"])["max-forwards"] == "6"
    told = one_answer(proxy, field(b"Max-Forwards: 7")).json()
    assert dict(told["fields"])["max-forwards"] in ("6", "7")


def test_a_request_that_went_in_a_circle_is_answered_508(http_proxy, home):
    proxy = http_proxy([home], listener={"via": True})
    told = one_answer(proxy, field(b"Via: 1.1 other")).json()
    via = ", ".join(value for key, value in told["fields"] if key == "via")
    assert via.startswith("1.1 other") and via.count("1.1 ") == 2
    before = len(home.requests)
    assert one_answer(proxy, field(b"Via: " + via.encode())).status == 508
    assert one_answer(proxy, field(b"Via: 1.0 first\r\nVia: " + via.encode() + b", 1.1 last")).status == 508
    assert len(home.requests) == before


def test_what_a_stranger_claims_to_be_is_not_sent_on(proxy):
    """CVE-2024-45806, CVE-2023-27487: without trust the fields are limpet's own."""
    claims = (b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n"
              b"Forwarded: for=203.0.113.9;proto=https\r\nX-Forwarded-For: 203.0.113.8")
    told = one_answer(proxy, field(claims)).json()
    found = dict(told["fields"])
    assert len(found) == len(told["fields"]), "a field is there twice"
    assert found["x-forwarded-for"] == "127.0.0.1"
    assert found["x-forwarded-proto"] == "http"
    assert found["x-forwarded-host"] == "example.org"
    assert "203.0.113.9" not in str(told["fields"]) and "evil" not in str(told["fields"])


def test_a_list_of_any_length_is_continued(http_proxy, home):
    """CVE-2013-2175."""
    proxy = http_proxy([home], listener={"trust": ["loopback"]})
    for count in (1, 2, 3, 16, 100, 1024):
        given = ", ".join(f"192.0.2.{number % 256}" for number in range(count))
        told = one_answer(proxy, field(b"X-Forwarded-For: " + given.encode())).json()
        found = [value for key, value in told["fields"] if key == "x-forwarded-for"]
        assert ", ".join(found) == given + ", 127.0.0.1"


def test_servers_are_never_taken_from_a_request(proxy, home, server):
    """CVE-2021-40438."""
    other = server("other")
    for target in (f"http://{other.address}/", f"/unix:/x|http://{other.address}/", f"//{other.address}/"):
        assert one_answer(proxy, line(f"GET {target} HTTP/1.1".encode())).json()["name"] == home.name
    assert one_answer(proxy, b"GET / HTTP/1.1\r\nHost: " + other.address.encode() + b"\r\n\r\n").json()["name"] == home.name
    assert not other.talks
