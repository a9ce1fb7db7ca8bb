"""What limpet answers by itself, `limpet why` foretells, in the words of the log: it asks the functions that the proxy asks."""

import json

import pytest

from behaviour import test_bodies_end_where_both_sides_say as bodies
from behaviour import test_fields_are_read_strictly as fields
from behaviour import test_request_lines_are_read_strictly as lines
from support.http_client import HttpClient
from support.http_servers import HonestServer
from support.limpet import run
from support.refusals import HOST, field, line, post

# What begins as a request, and is refused before anybody asks where it might go.
REFUSED = {
    **{f"line: {name}": data for name, data in {**lines.BAD, **lines.OTHER_VERSIONS}.items()},
    **{f"field: {name}": data for name, data in fields.BAD.items()},
    **{f"framing: {name}": post(framing, b"0\r\n\r\n") for name, framing in bodies.BAD_FRAMING.items()},
    "a target of 9,000 bytes": line(b"GET /" + b"a" * 9000 + b" HTTP/1.1"),
    "a line of 40,000 bytes": line(b"GET /" + b"a" * 40000 + b" HTTP/1.1"),
    "CONNECT": b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "TRACE": line(b"TRACE / HTTP/1.1"),
    "a head of 40,000 bytes": field(b"X: " + b"v" * 40000),
    "101 fields": fields.TOO_MUCH["101 fields"],
    "another expectation": field(b"Expect: a-miracle"),
    "another coding": post(b"Transfer-Encoding: gzip, chunked"),
    "a body that is too long": post(b"Content-Length: 1001"),
    "more hops than any path has": field(b"Via: " + b", ".join([b"1.1 x"] * 33)),
    "no route": line(b"GET /nowhere HTTP/1.1"),
    "no key": line(b"GET /key HTTP/1.1"),
    "the key twice": b"GET /key HTTP/1.1\r\n" + HOST + b"X-User: ann\r\nX-User: bob\r\n\r\n",
}

LISTENER = {"mode": "http", "trust": "none", "via": True,
            "routes": [{"host": ["example.org", "*.example.org"], "path": path, "pool": "app"} for path in ("/key", "/post")]}


@pytest.fixture(scope="module")
def proxy(http_proxy, lasting):
    return http_proxy([lasting(HonestServer())], listener=LISTENER, key="header:X-User", pool={"no-key": "end"},
                      limits={"body": "1000B"}, timeouts={"head": "1s", "idle": "1s"})


def foretold(proxy, data, *options):
    done = run("why", "-c", proxy.file, "--bytes", "-", "--json", *options, stdin=data)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def answered(proxy, data, method="GET"):
    """The status, and the line in the log."""
    before = len(proxy.visits())
    with HttpClient(proxy) as client:
        answer = client.send(data).answer(method)
        assert answer.closes
    return answer.status, proxy.visits(before + 1)[before]


@pytest.mark.parametrize("name", REFUSED)
def test_why_foretells_status_reason_and_detail(proxy, name):
    status, visit = answered(proxy, REFUSED[name])
    end = foretold(proxy, REFUSED[name])["end"]
    assert (end["status"], end["reason"], end["why"]) == (status, visit["reason"], visit["detail"])
    assert visit["status"] == status
    assert end["answer_400"] == (status == 400)
    assert end["meaning"]


def test_each_status_of_a_refusal_is_among_them(proxy):
    assert {foretold(proxy, data)["end"]["status"] for data in REFUSED.values()} == {
        400, 403, 404, 405, 413, 414, 417, 431, 501, 508}


def test_a_head_that_does_not_end_is_answered_408(proxy):
    begun = b"GET /key HTTP/1.1\r\nHost: example.org\r\n"
    status, visit = answered(proxy, begun)
    end = foretold(proxy, begun)["end"]
    assert (end["status"], end["reason"], end["why"]) == (status, visit["reason"], visit["detail"])
    assert status == 408 and not end["answer_400"]


def test_who_asks_nothing_is_answered_nothing(proxy):
    before = len(proxy.visits())
    with HttpClient(proxy) as client:
        assert client.ending() == "fin"
    assert len(proxy.visits()) == before
    end = foretold(proxy, b"")["end"]
    assert end["status"] is None and end["reason"] == "none" and end["meaning"] is None


BODIES = {"a body that is too long": b"3e9\r\n" + 1001 * b"x" + b"\r\n0\r\n\r\n",
          **{name: data for name, data in bodies.BAD_CHUNKS.items() if len(data) < 1000}}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_breaks_off_is_foretold(proxy, name):
    request = b"POST /post HTTP/1.1\r\n" + HOST + b"X-User: ann\r\nTransfer-Encoding: chunked\r\n\r\n" + BODIES[name]
    status, visit = answered(proxy, request, "POST")
    told = foretold(proxy, request)
    assert told["end"] is None and told["server"]
    assert (told["body"]["status"], told["body"]["reason"]) == (status, visit["reason"])
    assert told["body"]["why"] == visit.get("detail")
    text = run("why", "-c", proxy.file, "--bytes", "-", stdin=request).stdout.decode()
    assert f"breaks off in its body, answered {status}" in text


def test_what_is_far_behind_in_a_body_is_seen():
    request = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + 300 * (b"3e8\r\n" + 1000 * b"x" + b"\r\n")
    common = ["why", "-l", ":1", "--mode", "http", "127.0.0.1:2", "--json", "--bytes", "-"]
    assert json.loads(run(*common, stdin=request + b"0\r\n\r\n").stdout)["body"] is None
    assert json.loads(run(*common, stdin=request + b"x\r\n").stdout)["body"]["status"] == 400


def test_a_body_that_is_right_is_not_spoken_of(proxy):
    request = b"POST /post HTTP/1.1\r\n" + HOST + b"X-User: ann\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body in (b"", b"5\r\nhel", b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", b"0\r\n\r\nGET"):
        assert foretold(proxy, request + body)["body"] is None


def test_options_that_go_no_further_are_answered(proxy):
    last = b"OPTIONS /key HTTP/1.1\r\n" + HOST + b"Max-Forwards: 0\r\n\r\n"
    with HttpClient(proxy) as client:
        assert client.ask(last).status == 200
    told = foretold(proxy, last)
    assert told["answer"]["status"] == 200 and told["end"] is None and told["server"] is None
    text = run("why", "-c", proxy.file, "--method", "OPTIONS", "--header", "Max-Forwards: 0").stdout.decode()
    assert "limpet answers itself: 200" in text and "Max-Forwards" in text


def test_a_request_that_is_not_refused_goes_to_its_server(proxy):
    told = foretold(proxy, b"GET /key HTTP/1.1\r\n" + HOST + b"X-User: ann\r\n\r\n")
    assert told["end"] is None and told["server"]


def test_a_via_that_may_be_of_this_limpet_is_pointed_out(proxy):
    common = ["why", "-c", proxy.file, "--path", "/key", "--host", "example.org", "--header", "X-User: ann", "--header"]
    assert "508" in run(*common, "Via: 1.1 limpet-0badcafe").stdout.decode()
    assert "508" not in run(*common, "Via: 1.1 nginx").stdout.decode()
    assert json.loads(run(*common, "Via: 1.1 limpet-0badcafe", "--json").stdout)["may_be_a_loop"]
    assert not json.loads(run(*common, "Via: 1.1 nginx", "--json").stdout)["may_be_a_loop"]


def test_the_text_names_status_reason_and_what_the_reason_means(proxy):
    told = run("why", "-c", proxy.file, "--method", "CONNECT", "--path", "example.org:443").stdout.decode()
    assert "the request is refused, answered 405: CONNECT and TRACE are not passed on" in told
    assert "In the log it is status=405 reason=method_refused" in told
    told = run("why", "-c", proxy.file, "--path", "/" + 9000 * "a").stdout.decode()
    assert "answered 414" in told and "reason=target_too_long" in told


def test_what_a_proxy_claims_is_not_asked_of_a_request_that_is_refused(proxy):
    told = run("why", "-l", ":1", "--mode", "http", "127.0.0.1:2", "--method", "TRACE",
               "--header", "X-Forwarded-For: 203.0.113.9").stdout.decode()
    assert "127.0.0.1: it is trusted, but limpet answers before it asks whom it speaks for" in told


@pytest.mark.parametrize("mode", ["auto", "http"])
def test_a_trusted_peer_is_told_the_same_in_mode_auto(mode):
    common = ["why", "-l", ":1", "--mode", mode, "127.0.0.1:2", "--json"]
    end = json.loads(run(*common, "--header", "Content-Length: 5x").stdout)["end"]
    assert (end["status"], end["reason"]) == (400, "bad_head")


def test_a_connection_that_is_decided_once_is_answered_400_or_nothing():
    common = ["why", "-l", ":1", "--mode", "tcp", "127.0.0.1:2", "--json", "-k", "header:X", "--bytes", "-"]
    end = json.loads(run(*common, stdin=field(b"X: a\r\nX: b")).stdout)["end"]
    assert end["status"] == 400 and end["answer_400"]
