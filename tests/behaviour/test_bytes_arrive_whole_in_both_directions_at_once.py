import hashlib
import threading

import pytest

from support.client import Client
from support.servers import echoes

PIECE = hashlib.shake_256(b"limpet").digest(1 << 20)


def _digest_of(pieces):
    digest = hashlib.sha256()
    for number in range(pieces):
        digest.update(_piece(number))
    return digest.hexdigest()


def _piece(number):
    """No two pieces are alike, so that none can take another's place."""
    return number.to_bytes(8, "big") + PIECE[8:]


@pytest.mark.threads
def test_bytes_arrive_whole_in_both_directions_at_once(limpet, server):
    pieces = 64
    proxy = limpet([server("a", echoes)])
    with Client(proxy) as client:
        def talk():
            for number in range(pieces):
                client.send(_piece(number))
            client.finish()

        talking = threading.Thread(target=talk)
        talking.start()
        digest = hashlib.sha256()
        while data := client.read(1 << 20):
            digest.update(data)
        talking.join()
    assert digest.hexdigest() == _digest_of(pieces)
    visit = proxy.visit()
    assert (visit["bytes_in"], visit["bytes_out"]) == (pieces << 20, pieces << 20)


def test_messages_of_every_size_around_the_buffers_come_back(limpet, server):
    proxy = limpet([server("a", echoes)])
    with Client(proxy) as client:
        for power in range(0, 19):
            for size in {max(1, (1 << power) - 1), 1 << power, (1 << power) + 1}:
                client.send(PIECE[:size])
                assert client.read_exactly(size) == PIECE[:size]
