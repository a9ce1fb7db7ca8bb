"""A server may answer in full and close while its client still speaks. Its kernel answers those bytes with a reset; the
answer was complete before, and is delivered."""

import time

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
