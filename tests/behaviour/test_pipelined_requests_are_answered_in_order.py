"""RFC 9112 section 9.3.2: however many requests a client sends at once, they are answered one after the other, and cost no
more memory than one."""

import threading
import time

import pytest

from support import proc
from support.http1 import Cut
from support.http_client import HttpClient
from support.http_servers import HonestServer, Scripted, answer
from support.limpet import room_for_growth
from support.refusals import chunks, field, line, post


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def proxy(http_proxy, home):
    return http_proxy([home], log={"access": "off"})


def _get(target):
    return line(b"GET /%d HTTP/1.1" % target)


@pytest.mark.parametrize("count", [2, 10, 100, 2000])
def test_all_are_answered_in_order(proxy, home, count):
    with HttpClient(proxy) as client:
        sender = threading.Thread(target=client.send, args=(b"".join(map(_get, range(count))),))
        sender.start()
        targets = [client.answer().json()["target"] for _ in range(count)]
        sender.join()
    assert targets == [f"/{number}" for number in range(count)]
    assert not home.new_complaints()


def test_requests_of_every_kind_may_follow_each_other(proxy, home):
    kinds = [("GET", line(b"GET / HTTP/1.1"), 0), ("HEAD", line(b"HEAD / HTTP/1.1"), 0),
             ("POST", post(b"Content-Length: 5", b"hello"), 5), ("POST", chunks(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), 7),
             ("POST", chunks(b"0\r\nX-Sum: 1\r\n\r\n"), 0), ("POST", post(b"Content-Length: 0"), 0),
             ("DELETE", b"\r\n" + line(b"DELETE / HTTP/1.1"), 0),
             ("POST", post(b"Content-Length: 70000", bytes(70000)), 70000)]
    with HttpClient(proxy) as client:
        client.send(b"".join(data for _, data, _ in kinds * 3))
        for method, _, length in kinds * 3:
            told = client.answer(method)
            assert told.status == 200
            assert method == "HEAD" or (told.json()["method"], told.json()["length"]) == (method, length)
    assert not home.new_complaints()


def test_pipelined_requests_may_be_split_anywhere(proxy):
    requests = _get(1) + post(b"Content-Length: 5", b"hello") + chunks(b"3\r\nabc\r\n0\r\n\r\n") + _get(2)
    for at in range(1, len(requests), 5):
        with HttpClient(proxy) as client:
            client.send(requests[:at])
            time.sleep(0.001)
            client.send(requests[at:])
            assert [client.answer().json()["length"] for _ in range(4)] == [0, 5, 3, 0]


def test_one_at_a_time_is_with_the_server(http_proxy, lasting):
    def script(request):
        yield 0.02
        yield answer(b"alone" if len(server.requests) == int(request.target[1:]) else b"not alone")

    server = lasting(Scripted("a", script))
    with HttpClient(http_proxy([server])) as client:
        client.send(b"".join(map(_get, range(1, 11))))
        assert [client.answer().body for _ in range(10)] == [b"alone"] * 10


@pytest.mark.parametrize("ending", [field(b"Connection: close"), field(b"Connection: X, ClOsE"),
                                    line(b"GET / HTTP/1.0"), b"GET / HTTP/1.0\r\n\r\n"])
def test_what_follows_a_close_is_not_read(proxy, home, ending):
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(_get(1) + ending + _get(2) * 50)
        assert not client.answer().closes
        assert client.answer().closes
        assert client.ending() == "fin"
    assert len(home.requests) == before + 2


def test_http_1_0_may_ask_to_keep_its_connection(proxy):
    with HttpClient(proxy) as client:
        for _ in range(3):
            answered = client.ask(line(b"GET / HTTP/1.0")[:-2] + b"Connection: keep-alive\r\n\r\n")
            assert answered.lists("connection", "keep-alive")


@pytest.mark.parametrize("bad", [field(b"X : y"), post(b"Content-Length: 5\r\nContent-Length: 6", b"hello"),
                                 line(b"GET /a b HTTP/1.1"), chunks(b"5\r\nhelloZZ")])
def test_what_follows_an_error_is_not_read(proxy, home, bad):
    before = len(home.requests)
    with HttpClient(proxy) as client:
        client.send(_get(1) + _get(2) + bad + _get(3) * 50)
        assert [client.answer().status for _ in range(3)] == [200, 200, 400]
        assert client.ending() == "fin"
    assert len(home.requests) == before + 2


def test_a_client_that_says_that_it_is_done_gets_all_its_answers(proxy):
    with HttpClient(proxy) as client:
        client.send(b"".join(map(_get, range(20)))).finish()
        assert [client.answer().json()["target"] for _ in range(20)] == [f"/{number}" for number in range(20)]
        assert client.ending() == "fin"


def _send_for(client, data, seconds):
    """How many bytes are taken within that time."""
    client.socket.setblocking(False)
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            sent += client.socket.send(data)
        except BlockingIOError:
            time.sleep(0.01)
    client.socket.settimeout(5)
    return sent


@pytest.mark.plain
def test_requests_are_not_gathered_while_one_is_with_the_server(http_proxy, lasting):
    server = lasting(Scripted("a", [1.5, answer(b"late")]))
    proxy = http_proxy([server])
    memory = proc.memory(proxy.engine)
    with HttpClient(proxy) as client:
        sent = _send_for(client, _get(1) * 1000, 1)
        assert sent < 16 << 20, "limpet takes in more than the kernel's buffers hold"
        assert proc.memory(proxy.engine) - memory < room_for_growth()
        assert client.answer().body == b"late"
        client.reset()


@pytest.mark.plain
def test_answers_that_nobody_reads_hold_the_server_up(http_proxy, lasting):
    """CVE-2020-8661."""
    server = lasting(Scripted("a", [answer(bytes(100000))]))
    proxy = http_proxy([server], log={"access": "off"})
    memory = proc.memory(proxy.engine)
    with HttpClient(proxy, prepare=lambda opened: opened.setsockopt(1, 8, 4096)) as client:  # SO_RCVBUF
        _send_for(client, _get(1) * 1000, 1)
        assert len(server.requests) < 200
        assert proc.memory(proxy.engine) - memory < room_for_growth()
        client.reset()


def test_a_client_that_leaves_in_the_middle_harms_nobody(proxy, home):
    for number in range(40):
        client = HttpClient(proxy)
        client.send(b"".join(map(_get, range(30))))
        for _ in range(number % 7):
            client.answer()
        (client.reset if number % 2 else client.close)()
    with HttpClient(proxy) as client:
        try:
            assert client.ask(_get(77)).json()["target"] == "/77"
        except Cut as cut:
            raise AssertionError("a later client gets no answer") from cut
    assert not home.new_complaints()
