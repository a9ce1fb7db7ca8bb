"""A server may answer in full and close while its client still speaks. Its kernel answers those bytes with a reset; the
answer was complete before, and is delivered."""

import threading
import time

import pytest

from support import proc
from support.client import Client

ANSWER = bytes(range(250)) * 6000


# What the server's kernel still holds when it must answer with a reset is lost on every path: limpet has taken all by then.
TAKEN = 0.3


def answers_and_leaves(talk, server):
    talk.read()
    talk.send(ANSWER)


def test_a_client_that_says_one_byte_more_gets_the_whole_answer(limpet, server):
    home = server("a", answers_and_leaves)
    proxy = limpet([home], threads=1)
    with Client(proxy) as client:
        client.send(b"hello")
        home.only_talk()
        time.sleep(TAKEN)
        client.send(b"x")
        time.sleep(0.1)
        assert client.read_to_end() == ANSWER
    assert proxy.visit()["bytes_out"] == len(ANSWER)


def test_a_client_that_goes_on_speaking_gets_the_whole_answer(limpet, server):
    home = server("a", answers_and_leaves)
    proxy = limpet([home], threads=1)
    with Client(proxy) as client:
        client.send(b"hello")
        home.only_talk()
        time.sleep(TAKEN)
        for byte in (b"x", b"y"):
            client.send(byte)
            time.sleep(0.1)
        assert client.read_to_end() == ANSWER


def test_a_client_that_ends_gets_the_whole_answer(limpet, server):
    home = server("a", answers_and_leaves)
    proxy = limpet([home], threads=1)
    with Client(proxy) as client:
        client.send(b"hello")
        home.only_talk()
        client.finish()
        time.sleep(0.1)
        assert client.read_to_end() == ANSWER
    assert proxy.visit()["reason"] == "done"


REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000


def refuses_at_once(talk, server):
    talk.read_until(b"\r\n\r\n")
    talk.send(REFUSAL)
    talk.finish()


def heard(client):
    """All that came; uploading on to somebody who left ends in a reset sooner or later."""
    answer = b""
    try:
        while more := client.read():
            answer += more
    except ConnectionError:
        pass
    return answer


def test_every_upload_that_is_refused_at_once_is_told_so(limpet, server):
    home = server("a", refuses_at_once)
    proxy = limpet([home], threads=1)
    for _ in range(100):
        with Client(proxy) as client:
            try:
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
                client.send(bytes(3000000))
            except ConnectionError:
                pass
            assert heard(client) == REFUSAL


@pytest.mark.parametrize("first", ["client", "server"])
def test_it_does_not_matter_whose_news_come_first(limpet, server, first):
    """Both wait in the kernel while the engine stands still."""
    here, go, gone = threading.Event(), threading.Event(), threading.Event()

    def answers_when_told(talk, server):
        here.set()
        go.wait(20)
        talk.send(ANSWER[:60000])
        talk.finish()
        time.sleep(0.05)
        talk.socket.close()
        gone.set()

    home = server("a", answers_when_told)
    proxy = limpet([home], threads=1)
    with Client(proxy) as client:
        client.send(b"hello")
        assert here.wait(5)
        with proc.paused(proxy.engine):
            if first == "client":
                client.send(b"x")
            go.set()
            assert gone.wait(5)
            if first == "server":
                client.send(b"x")
        assert client.read_to_end() == ANSWER[:60000]
