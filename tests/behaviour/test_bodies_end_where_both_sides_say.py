"""RFC 9112 sections 6 and 7, in mode http: a body whose end could be seen in two places never reaches a server whole."""

import time

import pytest

from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer, chunked
from support.proc import wait_until
from support.refusals import HOST, assert_refused, chunks, field, post

LIMIT = 1 << 20

BAD_LENGTHS = [b"+5", b"-1", b"-0", b" 5 5", b"5 5", b"5,5", b"5, 5", b"5, 6", b"0x5", b"5_0", b"", b"5.0", b"5;", b'"5"',
               b"5e0", b",5", b"5,", b"\xb2", b"9223372036854775808", b"18446744073709551616", b"18446744073709551621",
               b"9" * 1000, b"five"]

BAD_FRAMING = {
    "Content-Length twice": b"Content-Length: 5\r\nContent-Length: 5",
    "two Content-Lengths": b"Content-Length: 5\r\nContent-Length: 6",
    "Content-Length twice, apart": b"Content-Length: 5\r\nX: y\r\ncontent-length: 5",
    "Content-Length of nought twice": b"Content-Length: 0\r\nContent-Length: 0",
    "Content-Length, then chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "chunked, then Content-Length": b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    "chunked and no length": b"Transfer-Encoding: chunked\r\nContent-Length:",
    "chunked twice in one line": b"Transfer-Encoding: chunked, chunked",
    "chunked in two lines": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "identity in a line of its own": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "identity": b"Transfer-Encoding: identity",
    "chunked, but not last": b"Transfer-Encoding: chunked, gzip",
    "xchunked": b"Transfer-Encoding: xchunked",
    "chunkedx": b"Transfer-Encoding: chunkedx",
    "foobar": b"Transfer-Encoding: foobar",
    "chunked with a parameter": b"Transfer-Encoding: chunked;q=1",
    "an empty entry in front": b"Transfer-Encoding: ,chunked",
    "an empty entry behind": b"Transfer-Encoding: chunked,",
    "empty": b"Transfer-Encoding:",
    "in quotes": b'Transfer-Encoding: "chunked"',
    "a vertical tab in front": b"Transfer-Encoding: \x0bchunked",
    "a form feed behind": b"Transfer-Encoding: chunked\x0c",
    "byte a0 in front": b"Transfer-Encoding: \xa0chunked",
    "a carriage return in it": b"Transfer-Encoding: chun\rked",
    "a carriage return behind": b"Transfer-Encoding: chunked\r",
    "NUL behind": b"Transfer-Encoding: chunked\0",
    "two words": b"Transfer-Encoding: chunked chunked",
}

NOT_DONE = {
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked",
    "deflate, gzip, chunked": b"Transfer-Encoding: deflate, gzip, chunked",
}

# Chunks behind one that is in order, "5\r\nhello\r\n".
BAD_CHUNKS = {
    "an empty size": b"\r\n\r\n",
    "a size with 0x": b"0x1\r\nx\r\n0\r\n\r\n",
    "a size with a plus": b"+1\r\nx\r\n0\r\n\r\n",
    "a size with a minus": b"-1\r\nx\r\n0\r\n\r\n",
    "a size behind a space": b" 1\r\nx\r\n0\r\n\r\n",
    "a size before a space": b"1 \r\nx\r\n0\r\n\r\n",
    "a size behind a tab": b"\t1\r\nx\r\n0\r\n\r\n",
    "a size with an underscore": b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
    "a size with a letter": b"1g\r\nx\r\n0\r\n\r\n",
    "a size of 16 digits": b"0000000000000001\r\nx\r\n0\r\n\r\n",
    "a size of 17 digits": b"10000000000000001\r\nx\r\n0\r\n\r\n",
    "a size of 16 digits, 7fff...": b"7fffffffffffffff\r\nx\r\n0\r\n\r\n",
    "a size of 16 digits, 8000...": b"8000000000000000\r\nx\r\n0\r\n\r\n",
    "a size of 16 digits, ffff...": b"ffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "ten thousand noughts": b"0" * 10000 + b"1\r\nx\r\n0\r\n\r\n",
    "a million noughts": b"0" * 1000000,
    "a line feed behind the size": b"1\nx\r\n0\r\n\r\n",
    "a carriage return behind the size": b"1\rx\r\n0\r\n\r\n",
    "data longer than the size": b"1\r\nxy\r\n0\r\n\r\n",
    "no line end behind the data": b"1\r\nx0\r\n\r\n",
    "ZZ behind the data": b"1\r\nxZZ0\r\n\r\n",
    "a line feed behind the data": b"1\r\nx\n0\r\n\r\n",
    "a carriage return behind the data": b"1\r\nx\r0\r\n\r\n",
    "an empty line behind the data": b"1\r\nx\r\n\r\n0\r\n\r\n",
    "a carriage return in an extension": b"1;a=b\rc\r\nx\r\n0\r\n\r\n",
    "a line feed in an extension": b"1;a=b\nx\r\n0\r\n\r\n",
    "an extension without a name": b"1;=b\r\nx\r\n0\r\n\r\n",
    "an open quote in an extension": b'1;a="b\r\nx\r\n0\r\n\r\n',
    "NUL in an extension": b"1;a=\0\r\nx\r\n0\r\n\r\n",
    "an extension of 2 KiB": b"1;a=" + b"b" * 2048 + b"\r\nx\r\n0\r\n\r\n",
    "an extension without an end": b"1;a=" + b"b" * 100000,
    "20 KiB of extensions": (b"1;a=" + b"b" * 1000 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n",
    "a bad last chunk": b"00x\r\n\r\n",
    "a trailer without a colon": b"0\r\nX-Sum\r\n\r\n",
    "a trailer with a space before the colon": b"0\r\nX-Sum : 1\r\n\r\n",
    "a folded trailer": b"0\r\nX-Sum: 1\r\n 2\r\n\r\n",
    "a trailer that ends with a line feed": b"0\r\nX-Sum: 1\n\r\n",
    "NUL in a trailer": b"0\r\nX-Sum: \0\r\n\r\n",
    "an end with line feeds": b"0\n\n",
}

GOOD_CHUNKS = {
    "no data": b"0\r\n\r\n",
    "data": b"5\r\nhello\r\n0\r\n\r\n",
    "a size in capitals": b"A\r\n0123456789\r\n0\r\n\r\n",
    "noughts in front": b"005\r\nhello\r\n000\r\n\r\n",
    "an extension": b"5;a\r\nhello\r\n0\r\n\r\n",
    "an extension with a value": b"5;a=b;c=d\r\nhello\r\n0;e\r\n\r\n",
    "an extension in quotes": b'5;a="b;\\" \\\\ c"\r\nhello\r\n0\r\n\r\n',
    "a kilobyte of extensions": b"5;a=" + b"b" * 900 + b"\r\nhello\r\n0\r\n\r\n",
}

NO_TRAILERS = [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil.example", b"Authorization: Basic YTpi",
               b"Cookie: a=b", b"X-Forwarded-For: 203.0.113.9", b"Connection: close", b"Upgrade: h2c",
                b"Expect: 100-continue",
               b"X-Request-Id: 1", b"Via: 1.1 x", b"Forwarded: for=x", b"TE: trailers", b"X_Forwarded_For: 203.0.113.9"]


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def proxy(http_proxy, home):
    return http_proxy([home], limits={"body": "1MiB"})


@pytest.mark.parametrize("length", BAD_LENGTHS, ids=lambda length: repr(length[:24]))
def test_a_length_that_is_no_plain_number_is_answered_400(proxy, home, length):
    assert_refused(proxy, home, post(b"Content-Length: " + length, b"hello"))


@pytest.mark.parametrize("name", BAD_FRAMING)
def test_framing_that_leaves_a_doubt_is_answered_400(proxy, home, name):
    assert_refused(proxy, home, post(BAD_FRAMING[name], b"5\r\nhello\r\n0\r\n\r\n"))


@pytest.mark.parametrize("name", NOT_DONE)
def test_other_codings_are_answered_501(proxy, home, name):
    assert_refused(proxy, home, post(NOT_DONE[name], b"5\r\nhello\r\n0\r\n\r\n"), 501)


def test_transfer_encoding_in_http_1_0_is_answered_400(proxy, home):
    """CVE-2026-2835."""
    request = chunks(b"5\r\nhello\r\n0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert_refused(proxy, home, request)
    assert_refused(proxy, home, request.replace(b"\r\nTransfer", b"\r\nConnection: keep-alive\r\nTransfer"))


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"CHUNKED", b"chunked \t", b"\tchunked"])
def test_chunked_may_be_written_so(proxy, home, coding):
    told = one_answer(proxy, post(b"Transfer-Encoding: " + coding, b"5\r\nhello\r\n0\r\n\r\n")).json()
    assert (told["length"], told["framing"]) == (5, "chunked")
    assert not home.new_complaints()


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_is_answered_400_and_no_server_sees_it(proxy, home, name):
    assert_refused(proxy, home, chunks(b"5\r\nhello\r\n" + BAD_CHUNKS[name]), 400, 431, method="POST")
    assert wait_until(lambda: not home.waits())


@pytest.mark.parametrize("size", [b"7fffffff", b"80000000", b"ffffffff", b"100000000", b"7ffffffffffffff",
                                  b"fffffffffffffff"])
def test_a_huge_chunk_is_answered_413(proxy, home, size):
    """CVE-2013-2028, CVE-2017-12425."""
    assert_refused(proxy, home, chunks(size + b"\r\n" + b"x" * 5000), 413, method="POST")


def test_a_body_of_chunks_that_is_too_long_reaches_no_server_whole(http_proxy, home):
    """Not even when all of it, with its end, came in one piece."""
    strict = http_proxy([home], limits={"body": "1KiB"})
    before = len(home.requests)
    assert_refused(strict, home, chunks(b"500\r\n" + b"x" * 0x500 + b"\r\n0\r\n\r\n"), 413, method="POST")
    assert_refused(strict, home, chunks(b"100\r\n" + b"x" * 256 + b"\r\n" + b"301\r\n" + b"y" * 0x301 + b"\r\n0\r\n\r\n"),
                   413, method="POST")
    assert one_answer(strict, chunks(b"400\r\n" + b"x" * 0x400 + b"\r\n0\r\n\r\n")).json()["length"] == 0x400
    assert len(home.requests) == before + 1


@pytest.mark.parametrize("name", GOOD_CHUNKS)
def test_chunks_in_order_arrive_without_their_extensions(proxy, home, name):
    told = one_answer(proxy, chunks(GOOD_CHUNKS[name])).json()
    assert told["length"] == {"no data": 0, "a size in capitals": 10}.get(name, 5)
    assert not home.new_complaints()


def test_trailers_arrive(proxy, home):
    told = one_answer(proxy, chunks(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n")).json()
    assert told["trailers"] == [["x-sum", "1"], ["x-more", "2"]]
    assert not home.new_complaints()


@pytest.mark.parametrize("trailer", NO_TRAILERS)
def test_what_must_stand_in_a_head_is_no_trailer(proxy, home, trailer):
    answer = one_answer(proxy, chunks(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n" + trailer + b"\r\n\r\n"))
    assert answer.status == 400 or answer.json()["trailers"] == [["x-sum", "1"]]
    assert not home.new_complaints()


@pytest.mark.parametrize("trailers", [b"X: " + b"y" * 40000, b"".join(b"X-%d: y\r\n" % number for number in range(200))])
def test_too_many_trailers_are_refused(proxy, home, trailers):
    assert_refused(proxy, home, chunks(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n\r\n"), 400, 431, method="POST")


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"BREW"])
@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\nhello",
                                     b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"])
def test_a_body_is_framed_the_same_whatever_the_method(proxy, home, method, framing):
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(method + b" / HTTP/1.1\r\n" + HOST + framing + field(b"X: y"))
        assert client.answer(method.decode()).status == 200
        assert client.answer().json()["length"] == 0
    seen = [(request.method, request.body) for request in home.requests[before:]]
    assert seen == [(method.decode(), b"hello"), ("GET", b"")]


@pytest.mark.parametrize("framing", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
def test_an_end_before_the_end_of_the_body_ends_the_request(proxy, home, framing):
    before, cut = len(home.requests), home.cut
    with HttpClient(proxy) as client:
        client.send(post(framing, b"5\r\nhello\r\n")).finish()
        assert client.outcome("POST") in (400, 408, "fin", "reset")
    assert wait_until(lambda: home.cut == cut + 1), "the server still waits for the body"
    assert len(home.requests) == before


@pytest.mark.parametrize("size", [100, 60000])
def test_a_body_behind_an_error_is_no_request(proxy, home, size):
    """CVE-2022-23959, CVE-2025-30346, CVE-2019-20372."""
    inside = field(b"X-Smuggled: 1")
    assert_refused(proxy, home, post(b"Content-Length: %d\r\nX : y" % size, inside * (size // len(inside))))
    assert_refused(proxy, home, post(b"Content-Length: 5\r\nContent-Length: 5", inside * (size // len(inside))))


def test_an_endless_body_behind_an_error_is_not_listened_to(proxy, home):
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(post(b"Content-Length: 100000000\r\nX : y"))
        assert client.answer().status == 400
        began = time.monotonic()
        client.socket.settimeout(4)
        sent = _send_until_it_ends(client)
        assert time.monotonic() - began < 4 and sent < 30 << 20
    assert len(home.requests) == before


@pytest.mark.parametrize("head", [post(b"Content-Length: 60000\r\nX : y"),
                                  chunks(b"")[:-2] + b"Content-Length: 60000\r\n\r\n",
                                  post(b"Content-Length: 60000\r\nExpect: x"), post(b"Content-Length: 2000000")],
                         ids=["400", "400 of the framing", "417", "413"])
def test_a_body_that_is_still_coming_does_not_cost_the_answer(proxy, home, head):
    """It is listened to for a while, so that the end of the connection is no reset."""
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(head)
        for _ in range(4):
            time.sleep(0.02)
            client.send(bytes(15000))
        answer = client.answer("POST")
        assert answer.status in (400, 413, 417) and answer.closes
        assert client.ending() == "fin"
    assert len(home.requests) == before


def _send_until_it_ends(client):
    sent = 0
    try:
        while True:
            sent += client.socket.send(bytes(65536))
    except OSError:
        return sent


@pytest.mark.parametrize("request_", [post(b"Content-Length: %d" % (LIMIT + 1)),
                                      post(b"Content-Length: %d" % (LIMIT + 1), bytes(LIMIT + 1)),
                                      post(b"Content-Length: 9223372036854775807", bytes(100)),
                                      post(b"Expect: 100-continue\r\nContent-Length: 99999999")],
                         ids=["told", "sent", "huge", "expected"])
def test_a_body_beyond_the_limit_is_answered_413(proxy, home, request_):
    assert_refused(proxy, home, request_, 413, method="POST")


def test_a_body_in_chunks_beyond_the_limit_is_answered_413(proxy, home):
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(chunks(chunked(bytes(60000))[:-5] * 20))
        assert client.answer("POST").status == 413
        assert client.ending() in ("fin", "reset")  # it may still be sending
    assert len(home.requests) == before


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_short_body_beyond_a_short_limit_is_answered_413(http_proxy, home, pieces):
    """Though all of it has come with its head."""
    before = len(home.requests)
    proxy = http_proxy([home], limits={"body": "1KiB"})
    for request in (chunks(chunked(*[bytes(1025 // pieces + 1)] * pieces)), post(b"Content-Length: 1025", bytes(1025))):
        assert one_answer(proxy, request).status == 413
    for request in (chunks(chunked(*[bytes(1024 // pieces)] * pieces)), post(b"Content-Length: 1024", bytes(1024))):
        assert one_answer(proxy, request).status == 200
    assert len(home.requests) == before + 2


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_of_just_the_limit_arrives(proxy, framing):
    body = bytes(LIMIT)
    request = post(b"Content-Length: %d" % LIMIT, body) if framing == "length" else chunks(chunked(*[body[:65536]] * 16))
    assert one_answer(proxy, request).json()["length"] == LIMIT


def test_a_body_may_wait_for_100(proxy):
    with HttpClient(proxy) as client:
        client.send(post(b"Expect: 100-continue\r\nContent-Length: 5"))
        assert client.read(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.ask(b"hello", method="POST").json()["length"] == 5


def test_a_body_need_not_wait_for_100(proxy, home):
    with HttpClient(proxy) as client:
        for _ in range(2):
            answer = client.ask(post(b"Expect: 100-continue\r\nContent-Length: 5", b"hello"))
            assert answer.json()["length"] == 5
            assert {interim.status for interim in answer.interim} <= {100}
    assert not home.new_complaints()


def test_http_1_0_gets_no_100(proxy):
    request = post(b"Expect: 100-continue\r\nContent-Length: 5", b"hello").replace(b"HTTP/1.1", b"HTTP/1.0")
    answer = one_answer(proxy, request)
    assert answer.json()["length"] == 5 and not answer.interim
