"""Conversations thrown by dice: sizes, pauses, splits and ends; each byte is checked on both sides."""

import hashlib
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import wire
from support.client import Client

SEED = 20260131


def _pieces(dice):
    """What one side says: from nothing to a megabyte, in pieces from a byte to 200 KiB."""
    total, limit = bytearray(), dice.choice([0, 1, 100, 5000, 70000, 1 << 20])
    pieces = []
    while len(total) < limit:
        piece = dice.randbytes(min(dice.choice([1, 7, 1000, 16384, 65536, 200000]), limit - len(total)))
        pieces.append(piece)
        total += piece
    return pieces


def _beginning(dice):
    user = f"user{dice.randrange(1000)}"
    return dice.choice([
        b"\0", wire.request(headers={"X-User": user}), wire.client_hello(f"{user}.example.org"),
        wire.proxy_v1("203.0.113.9") + wire.request(headers={"X-User": user}), wire.proxy_v2("2001:db8::9") + b"\1"])


def _without_header(data):
    """A PROXY header is limpet's to take off."""
    if data.startswith(b"PROXY "):
        return data[data.index(b"\r\n") + 2:]
    if data.startswith(wire.PROXY_V2_SIGNATURE):
        return data[16 + int.from_bytes(data[14:16], "big"):]
    return data


def _answers_with_dice(talk, server):
    """Says as much as it likes while it listens, and at the end what it has heard."""
    dice = random.Random(talk.peer[1])
    said = hashlib.sha256()
    for piece in _pieces(dice):
        talk.send(piece)
        said.update(piece)
        if dice.random() < 0.3:
            talk.read(dice.choice([1, 1000, 65536]))
    talk.read_to_end()
    talk.send(said.digest() + hashlib.sha256(talk.received).digest())
    talk.finish()


def _converse(proxy, seed):
    dice = random.Random(seed)
    beginning = _beginning(dice)
    pieces = [beginning, *_pieces(dice)]
    with Client(proxy, timeout=40) as client, ThreadPoolExecutor(1) as listener:
        heard = listener.submit(client.read_to_end)
        for piece in pieces:
            cut = dice.randrange(len(piece)) if dice.random() < 0.3 else 0
            client.send(piece[:cut])
            if dice.random() < 0.1:
                time.sleep(dice.random() / 100)
            client.send(piece[cut:])
        client.finish()
        heard = heard.result()
    said = _without_header(b"".join(pieces))
    assert heard[-32:] == hashlib.sha256(said).digest(), f"seed {seed}: the server heard something else"
    assert heard[-64:-32] == hashlib.sha256(heard[:-64]).digest(), f"seed {seed}: the client heard something else"


@pytest.mark.threads
@pytest.mark.parametrize("pool", [{}, {"send-proxy": "v1"}], ids=["plain", "with-greeting"])
def test_random_conversations_arrive_whole(limpet, server, pool):
    def behaviour(talk, server):
        if pool:
            talk.read_until(b"\r\n")
            del talk.received[:talk.received.index(b"\r\n") + 2]
        _answers_with_dice(talk, server)

    homes = [server(name, behaviour) for name in "abc"]
    proxy = limpet(homes, key=["header:X-User", "sni"], listener={"proxy-protocol": "accept"}, pool=pool)
    with ThreadPoolExecutor(8) as talkers:
        for one in [talkers.submit(_converse, proxy, SEED + number) for number in range(300)]:
            one.result()
    assert {visit["reason"] for visit in proxy.visits(300)} == {"done"}
