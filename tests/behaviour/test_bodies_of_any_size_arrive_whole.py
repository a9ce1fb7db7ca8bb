"""Around the sizes of buffers, in chunks of every size, and however slowly the other side takes them: what arrives is what
was sent, and limpet keeps little of it."""

import hashlib
import threading
import time

import pytest

from support import proc
from support.http_client import HttpClient, one_answer
from support.http_servers import BODY, END, HonestServer, Scripted, answer, chunked, chunked_answer
from support.limpet import room_for_growth
from support.refusals import chunks, line, post

GET = line(b"GET / HTTP/1.1")
AROUND = [size + off for size in (1024, 4096, 8192, 16384, 32768, 65536, 131072, 1 << 20) for off in (-1, 0, 1)]
SIZES = [0, 1, 2, *AROUND, 3_000_001]


def _body(size):
    return (b"%07d\n" % size + bytes(range(256))) * (size // 264 + 1)


def _framed(body, how):
    """A request with this body; `how` is how long its chunks are, or 0 for a length."""
    if how == 0:
        return post(b"Content-Length: %d" % len(body), body)
    return chunks(chunked(*(body[at:at + how] for at in range(0, len(body), how))))


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def proxy(http_proxy, home):
    return http_proxy([home], log={"access": "off"})


@pytest.mark.parametrize("how", [0, 1 << 30, 1000, 4096])
def test_requests(proxy, home, how):
    with HttpClient(proxy) as client:
        for size in SIZES:
            body = _body(size)[:size]
            sender = threading.Thread(target=client.send, args=(_framed(body, how),))
            sender.start()
            told = client.answer("POST").json()
            sender.join()
            assert (told["length"], told["body"]) == (size, hashlib.sha256(body).hexdigest())
    assert not home.new_complaints()


@pytest.mark.parametrize("how", ["length", "chunked", "end"])
def test_answers(http_proxy, lasting, how):
    def script(request):
        body = _body(int(request.target[1:]))[:int(request.target[1:])]
        if how == "length":
            yield answer(body)
        elif how == "chunked":
            yield chunked_answer(*(body[at:at + 5000] for at in range(0, len(body), 5000)))
        else:
            yield from (b"HTTP/1.1 200 OK\r\n\r\n" + body, END)

    proxy = http_proxy([lasting(Scripted("a", script))], log={"access": "off"})
    client = HttpClient(proxy)
    for size in SIZES:
        answered = client.ask(line(b"GET /%d HTTP/1.1" % size))
        assert answered.body == _body(size)[:size]
        if answered.closes:
            client.close()
            client = HttpClient(proxy)
    client.close()


@pytest.mark.plain
def test_chunks_of_one_byte_cost_no_memory(http_proxy, lasting):
    """CVE-2020-8659."""
    server = lasting(Scripted("a", lambda request: [chunked_answer(*[b"y"] * 100_000)]))
    proxy = http_proxy([server], log={"access": "off"})
    before = proc.memory(proxy.engine)
    with HttpClient(proxy) as client:
        sender = threading.Thread(target=client.send, args=(chunks(chunked(*[b"x"] * 200_000)),))
        sender.start()
        answered = client.answer("POST", 20)
        sender.join()
    assert answered.body == b"y" * 100_000
    assert server.requests[0].body == b"x" * 200_000
    assert proc.memory(proxy.engine) - before < room_for_growth()


def test_extensions_of_every_chunk_do_not_add_up_to_much(proxy, home):
    """CVE-2023-39326: 16 KiB of them in all, and no more."""
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(chunks(b"1;a=bbbb\r\nx\r\n" * 3000))
        assert client.answer("POST").status == 400
    assert len(home.requests) == before


@pytest.mark.plain
@pytest.mark.parametrize("how", [0, 50000])
def test_a_server_that_reads_slowly_holds_the_client_up(http_proxy, lasting, how):
    def script(request):
        yield 1.0
        yield BODY
        yield answer(hashlib.sha256(request.body).hexdigest().encode())

    body = _body(15_000_000)[:15_000_000]
    proxy = http_proxy([lasting(Scripted("a", script, early=True))])
    before = proc.memory(proxy.engine)
    with HttpClient(proxy, timeout=20) as client:
        sender = threading.Thread(target=client.send, args=(_framed(body, how),))
        sender.start()
        time.sleep(0.7)
        assert proc.memory(proxy.engine) - before < room_for_growth()
        assert client.answer("POST").body == hashlib.sha256(body).hexdigest().encode()
        sender.join()


@pytest.mark.plain
@pytest.mark.parametrize("how", ["length", "chunked"])
def test_a_client_that_reads_slowly_holds_the_server_up(http_proxy, lasting, how):
    body = _body(15_000_000)[:15_000_000]
    data = answer(body) if how == "length" else chunked_answer(*(body[at:at + 9999] for at in range(0, len(body), 9999)))
    proxy = http_proxy([lasting(Scripted("a", [data]))])
    before = proc.memory(proxy.engine)
    with HttpClient(proxy, timeout=20, prepare=lambda opened: opened.setsockopt(1, 8, 65536)) as client:  # SO_RCVBUF
        client.send(GET)
        time.sleep(0.7)
        assert proc.memory(proxy.engine) - before < room_for_growth()
        assert client.answer().body == body


def test_a_client_that_reads_slowly_but_steadily_gets_everything(http_proxy, lasting):
    """What waits in the kernel's buffers is on its way, too: nobody is idle."""
    body = _body(5_000_000)
    proxy = http_proxy([lasting(Scripted("a", [answer(body)]))], timeouts={"idle": "300ms"})
    with HttpClient(proxy, prepare=lambda opened: opened.setsockopt(1, 8, 65536)) as client:  # SO_RCVBUF
        client.send(GET)
        received = bytearray()
        while not received.endswith(body[-100:]):
            data = client.read(100_000)
            assert data, f"cut behind {len(received)} bytes"
            received += data
            time.sleep(len(data) / 3e6)
    assert received.endswith(body)


def test_a_head_and_a_body_in_one_piece_or_in_two(proxy):
    for size in (1, 1000, 4095, 4096, 4097, 5000, 8192, 12000, 16384, 20000, 40000):
        request = post(b"Content-Length: %d" % size, bytes(size))
        at = request.index(b"\r\n\r\n") + 4
        for first in (len(request), at, at - 1, at + 1, at + size // 2):
            with HttpClient(proxy) as client:
                client.send(request[:first])
                time.sleep(0.001)
                client.send(request[first:])
                assert client.answer("POST").json()["length"] == size


def test_no_foreign_bytes_are_ever_in_an_answer(proxy):
    """CVE-2015-3281: each request fills the buffers with a byte of its own."""
    with HttpClient(proxy) as client:
        for number in range(40):
            own = bytes([97 + number % 26])
            size = (number * 977) % 30000
            told = client.ask(post(b"X-Own: %s\r\nContent-Length: %d" % (own * 2000, size), own * size)).json()
            assert told["body"] == hashlib.sha256(own * size).hexdigest()
            assert dict(told["fields"])["x-own"] == own.decode() * 2000


def test_refusals_and_answers_at_once_are_not_mixed_up(proxy):
    """Half of them are refused; nobody gets what is another's."""
    clients = [HttpClient(proxy) for _ in range(60)]
    for number, client in enumerate(clients):
        bad = b"X : y\r\n" if number % 2 else b""
        client.send(b"GET /%d HTTP/1.1\r\nHost: example.org\r\n%s\r\n" % (number, bad))
    for number, client in enumerate(clients):
        with client:
            answered = client.answer()
            assert answered.status == 400 if number % 2 else answered.json()["target"] == f"/{number}"
    assert one_answer(proxy, GET).status == 200
