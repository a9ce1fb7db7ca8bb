"""A server may answer in full and close while its client still speaks. Its kernel answers those bytes with a reset; the
answer was complete before, and is delivered."""

import fcntl
import socket
import struct
import termios
import threading
import time
from contextlib import suppress

import pytest

from support import proc
from support.client import Client
from support.proc import wait_until

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
    with suppress(ConnectionError):
        while more := client.read():
            answer += more
    return answer


def test_every_upload_that_is_refused_at_once_is_told_so(limpet, server):
    home = server("a", refuses_at_once)
    proxy = limpet([home], threads=1)
    for _ in range(100):
        with Client(proxy) as client:
            with suppress(ConnectionError):
                client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
                client.send(bytes(3000000))
            assert heard(client) == REFUSAL


def until_taken(connection):
    """The other side's kernel has everything; so it is not this one's fault if something is lost."""
    def unsent():
        return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]
    assert wait_until(lambda: unsent() == 0)


def small_window(socket_):
    socket_.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)


def test_a_slow_reader_who_speaks_on_has_all_the_time_he_needs(limpet, server):
    def answers_and_leaves_in_order(talk, server):
        talk.read()
        talk.send(ANSWER[:900000])
        talk.finish()
        until_taken(talk.socket)

    proxy = limpet([server("a", answers_and_leaves_in_order)], threads=1)
    with Client(proxy, prepare=small_window) as client:
        client.send(b"hello")
        answer = b""
        while more := client.read(10000):
            answer += more
            with suppress(ConnectionError):  # once all is in his kernel
                client.send(bytes(1000))
            time.sleep(0.03)
    assert answer == ANSWER[:900000]


def test_a_slow_server_hears_all_of_a_client_that_left(limpet, server):
    """Though it speaks to him all the time."""
    heard, go = bytearray(), threading.Event()

    def speaks_and_listens(talk, server):
        small_window(talk.socket)
        talk.send(b"welcome")
        assert go.wait(10)
        while more := talk.socket.recv(10000):
            heard.extend(more)
            talk.send(b"and?")
            time.sleep(0.02)

    home = server("a", speaks_and_listens)
    proxy = limpet([home], threads=1)
    client = Client(proxy)
    client.send(ANSWER[:500000]).finish()
    until_taken(client.socket)
    client.close()
    go.set()
    home.only_talk(within=30)
    assert heard == ANSWER[:500000]


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
