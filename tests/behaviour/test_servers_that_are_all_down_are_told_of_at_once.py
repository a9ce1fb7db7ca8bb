"""503 with Retry-After, within 50 ms, without a queue; and the first request that finds a server up again is served."""

import time

import pytest

from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer, Scripted
from support.proc import wait_until
from support.refusals import field, line, post
from support.servers import BlackHole, RefusingAddress

GET = line(b"GET / HTTP/1.1")


@pytest.fixture(scope="module")
def proxy(http_proxy, lasting):
    return http_proxy([lasting(RefusingAddress(name)) for name in "abc"])


@pytest.mark.parametrize("request_", [GET, line(b"GET / HTTP/1.0"), line(b"HEAD / HTTP/1.1"),
                                      post(b"Content-Length: 5", b"hello"),
                                      field(b"Connection: upgrade\r\nUpgrade: websocket")],
                         ids=["GET", "HTTP/1.0", "HEAD", "POST", "upgrade"])
def test_the_answer_is_503_with_retry_after(proxy, request_):
    answer = one_answer(proxy, request_)
    assert answer.status == 503
    assert answer.get("retry-after").isdigit()


def test_it_comes_within_50_ms(proxy):
    took = []
    for _ in range(30):
        began = time.monotonic()
        assert one_answer(proxy, GET).status == 503
        took.append(time.monotonic() - began)
    assert sorted(took)[25] < 0.05, took


def test_a_connection_is_kept_for_better_times(http_proxy, lasting):
    home = lasting(HonestServer())
    home.stop()
    with HttpClient(http_proxy([home])) as client:
        assert [client.ask(GET).status for _ in range(5)] == [503] * 5
        home.start()
        assert wait_until(lambda: client.ask(GET).status == 200, 3)


def test_a_crowd_is_told_as_fast(proxy):
    clients = [HttpClient(proxy) for _ in range(200)]
    began = time.monotonic()
    for client in clients:
        client.send(GET)
    assert {client.answer().status for client in clients} == {503}
    assert time.monotonic() - began < 3
    for client in clients:
        client.close()


def test_a_server_that_cannot_be_connected_to_is_504_after_its_deadline(http_proxy, lasting):
    proxy = http_proxy([lasting(BlackHole("a"))], timeouts={"connect": "300ms"})
    began = time.monotonic()
    assert one_answer(proxy, GET).status in (503, 504)
    assert 0.25 < time.monotonic() - began < 2


def test_a_black_hole_costs_a_deadline_and_then_nothing(http_proxy, lasting):
    hole, home = lasting(BlackHole("a")), lasting(HonestServer("b"))
    proxy = http_proxy([hole, home], key="header:X-User", timeouts={"connect": "300ms"})
    took = []
    for number in range(30):
        began = time.monotonic()
        assert one_answer(proxy, field(b"X-User: user%d" % number)).json()["name"] == "b"
        took.append(time.monotonic() - began)
    assert sum(one > 0.2 for one in took) <= 4 and max(took) < 1


def test_a_server_that_flaps_serves_whenever_it_is_up(http_proxy, lasting):
    home = lasting(HonestServer())
    proxy = http_proxy([home])
    statuses = []
    for _ in range(4):
        home.stop()
        statuses += [one_answer(proxy, GET).status for _ in range(20)]
        home.start()
        assert wait_until(lambda: one_answer(proxy, GET).status == 200, 2)
        statuses += [one_answer(proxy, GET).status for _ in range(20)]
        assert statuses[-10:] == [200] * 10
    assert set(statuses) <= {200, 502, 503}


def test_a_server_that_accepts_and_says_nothing_is_504(http_proxy, lasting):
    server = lasting(Scripted("a", [30.0]))
    began = time.monotonic()
    assert one_answer(http_proxy([server], timeouts={"answer": "300ms"}), GET).status == 504
    assert 0.25 < time.monotonic() - began < 2
