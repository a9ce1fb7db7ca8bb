"""RFC 9110 section 9.2.2, RFC 9112 section 9.3.1: when a server's connection ends before anything of the answer came, a
request that may be repeated is; any other is answered 502 and not."""

import threading
import time

import pytest

from support.http_client import HttpClient, one_answer
from support.http_servers import CLOSE, RESET, HonestServer, Scripted, answer
from support.ranking import Ranking
from support.refusals import chunks, field, line, post

GET = line(b"GET /x HTTP/1.1")
POST = post(b"Content-Length: 5", b"hello")


def _ends_every_connection_at(turn, how):
    return lambda request: [how] if request.turn == turn else [answer(b"%d" % request.turn)]


@pytest.mark.parametrize("how", [CLOSE, RESET])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"])
def test_a_request_that_may_be_repeated_is(http_proxy, lasting, method, how):
    server = lasting(Scripted("a", _ends_every_connection_at(2, how)))
    with HttpClient(http_proxy([server])) as client:
        for _ in range(6):
            assert client.ask(line(method + b" /x HTTP/1.1")).status == 200
    assert len(server.talks) > 3 and not server.complaints


@pytest.mark.parametrize("how", [CLOSE, RESET])
@pytest.mark.parametrize("request_", [POST, line(b"BREW /x HTTP/1.1"), chunks(b"5\r\nhello\r\n0\r\n\r\n")],
                         ids=["POST", "BREW", "chunks"])
def test_a_request_that_may_not_is_sent_once(http_proxy, lasting, request_, how):
    server = lasting(Scripted("a", _ends_every_connection_at(2, how)))
    with HttpClient(http_proxy([server])) as client:  # stays with one thread, and so with one pool of connections
        assert client.ask(GET).status == 200
        assert client.ask(request_).status == 502
    assert len([request for request in server.requests if request.method != "GET"]) == 1


def test_it_is_tried_again_only_once(http_proxy, lasting):
    server = lasting(Scripted("a", [CLOSE]))
    assert one_answer(http_proxy([server]), GET).status == 502
    assert 1 <= len(server.requests) <= 2


def test_what_has_begun_to_come_is_not_asked_for_again(http_proxy, lasting):
    server = lasting(Scripted("a", [b"H", CLOSE]))
    assert one_answer(http_proxy([server]), GET).status == 502
    assert len(server.requests) == 1


@pytest.mark.parametrize("request_", [GET, POST, post(b"Content-Length: 100000", bytes(100000))], ids=["GET", "POST", "big"])
def test_idle_connections_that_a_server_closes_are_not_used(http_proxy, lasting, request_):
    home = lasting(HonestServer())
    with HttpClient(http_proxy([home])) as client:
        for _ in range(5):
            assert client.ask(request_).status == 200
            home.close_idle()
            time.sleep(0.03)
    assert not home.new_complaints()


def test_idle_connections_that_a_restarted_server_reset_are_not_used(http_proxy, lasting):
    home = lasting(HonestServer())
    with HttpClient(http_proxy([home])) as client:
        for _ in range(5):
            assert client.ask(POST).json()["length"] == 5
            home.stop()
            home.start()
            time.sleep(0.03)


@pytest.mark.threads
def test_a_race_between_a_request_and_a_close_costs_no_get(http_proxy, lasting):
    """The server closes whatever has been idle for a moment, just when it is used again."""
    home = lasting(HonestServer())
    proxy = http_proxy([home])
    over = threading.Event()

    def close_all_the_time():
        while not over.is_set():
            home.close_idle()
            time.sleep(0.0007)

    closer = threading.Thread(target=close_all_the_time)
    closer.start()
    try:
        with HttpClient(proxy) as client:
            outcomes = [client.ask(GET).status for _ in range(300)]
    finally:
        over.set()
        closer.join()
    assert outcomes == [200] * 300


def test_the_next_ranked_serves_what_a_dead_server_did_not(http_proxy, lasting):
    homes = {name: lasting(HonestServer(name)) for name in "abc"}
    proxy = http_proxy(homes.values(), key="header:X-User")
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    users = [f"user{number}" for number in range(40)]
    with HttpClient(proxy) as client:
        def asked():
            return {user: client.ask(field(b"X-User: " + user.encode())).json()["name"] for user in users}

        assert asked() == {user: ranking.home_of_text(user) for user in users}
        homes["b"].stop()
        order = {user: [name for name in ranking.order_of_text(user) if name != "b"] for user in users}
        assert asked() == {user: order[user][0] for user in users}
        homes["b"].start()
        time.sleep(0.6)
        for _ in range(2):
            last = asked()
        assert last == {user: ranking.home_of_text(user) for user in users}


def test_a_body_that_was_not_sent_yet_may_go_to_the_next_ranked(http_proxy, lasting):
    homes = {name: lasting(HonestServer(name)) for name in "ab"}
    proxy = http_proxy(homes.values(), key="header:X-User")
    ranking = Ranking("tests", "app", dict.fromkeys("ab", 1))
    user = next(f"user{number}" for number in range(99) if ranking.home_of_text(f"user{number}") == "a")
    homes["a"].stop()
    for size in (5, 5000, 500000):
        told = one_answer(proxy, post(b"X-User: %s\r\nContent-Length: %d" % (user.encode(), size), bytes(size))).json()
        assert (told["name"], told["length"]) == ("b", size)
