"""Connections that clients keep: until their time is up, until limpet stops. An answer that has begun is ended."""

import signal
import threading
import time

import pytest

from support.http_client import HttpClient
from support.http_servers import HonestServer, Scripted, answer
from support.proc import wait_until
from support.refusals import line, post

GET = line(b"GET / HTTP/1.1")


def test_an_idle_connection_is_closed_after_its_time(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestServer())], timeouts={"idle": "500ms"})
    for asked in (0, 2):
        with HttpClient(proxy) as client:
            for _ in range(asked):
                assert client.ask(GET).status == 200
            assert client.ending(0.3) == "open"
            assert client.ending(2) == "fin"


def test_it_lasts_as_long_as_it_is_used(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestServer())], timeouts={"idle": "500ms", "head": "500ms"})
    with HttpClient(proxy) as client:
        for _ in range(8):
            assert client.ask(GET).status == 200
            time.sleep(0.2)


def test_a_body_may_take_longer_than_any_pause_in_it(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestServer())], timeouts={"idle": "500ms", "head": "500ms", "answer": "500ms"})
    with HttpClient(proxy) as client:
        client.send(post(b"Content-Length: 8000"))
        for _ in range(8):
            time.sleep(0.2)
            client.send(bytes(1000))
        assert client.answer("POST").json()["length"] == 8000


def test_an_answer_may_take_longer_than_any_pause_in_it(http_proxy, lasting):
    def script(request):
        del request
        data = answer(bytes(8000))
        for at in range(0, len(data), 1000):
            yield data[at:at + 1000]
            yield 0.2

    proxy = http_proxy([lasting(Scripted("a", script))], timeouts={"idle": "500ms", "answer": "500ms"})
    with HttpClient(proxy) as client:
        assert len(client.ask(GET).body) == 8000


@pytest.fixture
def stopping(limpet, keep):
    """A limpet whose server answers slowly, and what tells it to stop."""
    server = keep(Scripted("a", lambda request: [0.0 if request.target == "/" else 0.8, answer(b"whole")]))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"}, timeouts={"drain": "20s"})
    return proxy, lambda: proxy.signal(signal.SIGTERM)


def test_idle_connections_do_not_hold_up_a_stop(stopping):
    proxy, stop = stopping
    clients = [HttpClient(proxy) for _ in range(20)]
    for client in clients[:15]:
        assert client.ask(GET).body == b"whole"
    began = time.monotonic()
    stop()
    assert {client.ending(10) for client in clients} == {"fin"}
    assert proxy.wait(10) == 0
    assert time.monotonic() - began < 8
    for client in clients:
        client.close()


def test_answers_under_way_are_ended_and_say_so(stopping):
    proxy, stop = stopping
    clients = [HttpClient(proxy) for _ in range(10)]
    for client in clients:
        client.send(line(b"GET /slow HTTP/1.1"))
    time.sleep(0.3)
    began = time.monotonic()
    stop()
    for client in clients:
        answered = client.answer()
        assert answered.body == b"whole" and answered.closes
        assert client.ending(5) == "fin"
        client.close()
    assert proxy.wait(10) == 0
    assert time.monotonic() - began < 8


def test_answers_that_had_begun_before_a_stop_are_ended(limpet, keep):
    """Their heads said nothing of an end, which comes all the same behind them."""
    data = answer(bytes(3000))
    server = keep(Scripted("a", [data[:1000], 0.8, data[1000:]]))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"}, timeouts={"drain": "20s"})
    with HttpClient(proxy) as client:
        client.send(GET)
        time.sleep(0.3)
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert len(client.answer().body) == 3000
        assert client.ending(8) == "fin"
    assert proxy.wait(10) == 0
    assert time.monotonic() - began < 8


@pytest.mark.threads
def test_a_client_that_asks_all_the_time_is_told_of_the_end(stopping):
    """No request gets no answer: the last one says that there will be no other."""
    proxy, stop = stopping
    outcomes = []

    def ask_on():
        closes = False
        with HttpClient(proxy) as client:
            while not closes:
                answered = client.ask(GET)
                closes = answered.closes
                outcomes.append((answered.status, closes))

    threads = [threading.Thread(target=ask_on) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: len(outcomes) > 200)
    stop()
    for thread in threads:
        thread.join()
    assert proxy.wait(10) == 0
    assert {status for status, _ in outcomes} == {200}
    assert sum(closes for _, closes in outcomes) == 8
