"""RFC 9112 section 8: a server that ends, resets or stalls in the middle of an answer is passed on as exactly that."""

import pytest

from support.http1 import Cut
from support.http_client import HttpClient, one_answer
from support.http_servers import BODY, CLOSE, END, RESET, STALL, HonestServer, Scripted, answer, chunked_answer
from support.proc import wait_until
from support.refusals import chunks, field, line, post

GET = line(b"GET / HTTP/1.1")
PIECE = bytes(range(256)) * 4

CUT = {
    "a length": answer(PIECE * 100)[:-1],
    "a short one": answer(b"hello")[:-1],
    "all of it": answer(b"hello")[:-5],
    "chunks, before the last": chunked_answer(PIECE, PIECE)[:-5],
    "chunks, in the last": chunked_answer(PIECE, PIECE)[:-2],
    "chunks, in one": chunked_answer(PIECE, PIECE)[:-500],
    "chunks, in a size": chunked_answer(PIECE, PIECE)[:-7],
    "chunks, in the trailers": chunked_answer(PIECE, trailers=[b"X-Sum: 1"])[:-6],
}


@pytest.fixture(scope="module")
def scripts():
    return {}


@pytest.fixture(scope="module")
def proxy(http_proxy, lasting, scripts):
    server = lasting(Scripted("a", lambda request: scripts["now"]))
    return http_proxy([server], timeouts={"answer": "500ms", "idle": "500ms"})


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("how", [END, CLOSE, RESET, STALL], ids=["end", "close", "reset", "stall"])
@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_the_client_sees_the_cut(proxy, scripts, name, how, pause):
    scripts["now"] = [CUT[name][:40], pause, CUT[name][40:], pause, how]
    with HttpClient(proxy, timeout=3) as client:
        client.send(GET)
        try:
            status = client.answer().status
        except Cut as cut:
            assert cut.how in ("fin", "reset")
            return
    assert status in (502, 504), "it looks complete"


@pytest.mark.parametrize("request_", [GET, line(b"GET / HTTP/1.0")], ids=["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("size", [0, 5, 300000])
def test_an_answer_may_end_with_its_connection(proxy, scripts, request_, size):
    scripts["now"] = [b"HTTP/1.1 200 OK\r\n\r\n", bytes(size), CLOSE]
    with HttpClient(proxy) as client:
        answered = client.ask(request_)
        assert answered.status == 200 and len(answered.body) == size
        assert answered.framing == "chunked" or client.ending() == "fin"


def test_an_answer_that_ends_with_its_connection_is_not_complete_after_a_reset(proxy, scripts):
    scripts["now"] = [b"HTTP/1.1 200 OK\r\n\r\n" + PIECE, 0.05, RESET]
    with HttpClient(proxy) as client:
        try:
            status = client.ask(GET).status
        except Cut as cut:
            assert cut.how in ("fin", "reset")
            return
    assert status == 502


def test_http_1_0_gets_chunks_unpacked(proxy, scripts):
    scripts["now"] = [chunked_answer(b"hello ", b"there", trailers=[b"X-Sum: 1"])]
    answered = one_answer(proxy, line(b"GET / HTTP/1.0"))
    assert answered.body == b"hello there" and answered.framing == "end" and answered.closes


def test_a_cut_answer_to_http_1_0_is_told_by_a_reset(proxy, scripts):
    """There is no other way: it has neither a length nor chunks."""
    scripts["now"] = [chunked_answer(b"hello ", b"there")[:-5], 0.05, CLOSE]
    with HttpClient(proxy) as client:
        client.send(line(b"GET / HTTP/1.0"))
        assert client.outcome() in ("reset", 502)


# A server that does not wait for the end of the request


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("keeps", [True, False], ids=["keeps", "closes"])
def test_an_early_answer_ends_the_upload(http_proxy, lasting, framing, keeps):
    """An answer comes before the body: it goes on, and neither side is used for another request."""
    refusal = answer(b"too large", "413 Content Too Large", [] if keeps else [b"Connection: close"])
    server = lasting(Scripted("a", [refusal, STALL if keeps else END], early=True))
    with HttpClient(http_proxy([server])) as client:
        client.send(post(b"Content-Length: 1000000", b"begun") if framing == "length" else chunks(b"5\r\nbegun\r\n"))
        answered = client.answer("POST")
        assert (answered.status, answered.body) == (413, b"too large")
        assert answered.closes
        client.send(b"0" * 100 + field(b"X-Smuggled: 1"))
        assert client.ending() in ("fin", "reset")
    assert wait_until(lambda: server.talks[0].over.is_set())
    assert len(server.requests) == 1


def test_an_early_answer_while_much_is_being_sent_arrives(http_proxy, lasting):
    server = lasting(Scripted("a", [answer(b"enough", "403 Forbidden", [b"Connection: close"]), END], early=True))
    proxy = http_proxy([server])
    for _ in range(5):
        with HttpClient(proxy) as client:
            client.send(post(b"Content-Length: 3000000"))
            client.socket.settimeout(0.3)
            try:
                client.socket.sendall(bytes(3000000))
            except OSError:
                pass
            assert client.answer("POST", 5).status == 403


def test_the_body_after_an_early_answer_may_still_be_taken(http_proxy, lasting):
    """A server may answer first and read on."""
    server = lasting(Scripted("a", [answer(b"early"), BODY], early=True))
    with HttpClient(http_proxy([server])) as client:
        client.send(post(b"Content-Length: 10", b"first"))
        assert client.answer("POST").body == b"early"


def test_a_server_that_answers_instead_of_100_ends_the_exchange(http_proxy, lasting):
    """RFC 9110 section 10.1.1: a client that waits for 100 gets the answer, and its body is not waited for."""
    server = lasting(Scripted("a", [answer(b"no", "403 Forbidden")], early=True))
    with HttpClient(http_proxy([server], timeouts={"idle": "700ms"})) as client:
        answered = client.ask(post(b"Expect: 100-continue\r\nContent-Length: 1000"))
        if answered.interim:  # limpet says 100 by itself
            assert answered.status == 403
        else:
            assert answered.status == 403 and answered.closes
            assert client.ending() == "fin"


# Half-closed connections


def test_a_client_that_shuts_down_gets_its_answer(http_proxy, lasting):
    server = lasting(Scripted("a", [0.2, answer(b"late")]))
    with HttpClient(http_proxy([server])) as client:
        client.send(GET).finish()
        assert client.answer().body == b"late"
        assert client.ending() == "fin"


def test_a_server_that_ends_its_answers_by_closing_costs_the_client_nothing(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestServer())])
    with HttpClient(proxy) as client:
        answered = client.ask(field(b"X-Answer: close\r\nX-Padding: 100000"))
        assert len(answered.json()["padding"]) == 100000
        assert answered.closes or client.ask(GET).status == 200


def test_a_client_that_resets_frees_its_server(http_proxy, lasting):
    server = lasting(Scripted("a", [STALL]))
    client = HttpClient(http_proxy([server]))
    client.send(GET)
    assert wait_until(lambda: server.requests)
    client.reset()
    assert wait_until(lambda: server.talks[0].over.is_set(), 5)
