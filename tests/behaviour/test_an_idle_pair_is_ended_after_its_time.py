import socket
import time

import pytest

from support.client import Client
from support.proc import wait_until
from support.servers import echoes, sends


def test_an_idle_pair_is_ended_after_its_time(limpet, server):
    proxy = limpet([server("a", echoes)], timeouts={"idle": "400ms"})
    with Client(proxy) as client:
        start = time.monotonic()
        for _ in range(3):
            time.sleep(0.25)
            client.send(b"still here")
            assert client.read_exactly(10) == b"still here"
        assert client.read() == b""
        assert 1.1 < time.monotonic() - start < 2.5
    assert proxy.visit()["reason"] == "idle_timeout"


def test_bytes_in_one_direction_keep_the_pair(limpet, server):
    def ticks(talk, server):
        for _ in range(5):
            time.sleep(0.2)
            talk.send(b".")

    proxy = limpet([server("a", ticks)], timeouts={"idle": "500ms"})
    with Client(proxy) as client:
        assert client.read_to_end() == b"....."


def _with_small_buffer(proxy):
    """A client whose kernel takes little that he does not read."""
    client = Client(proxy)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    return client


def test_who_reads_slowly_but_steadily_is_not_idle(limpet, server):
    """Megabytes wait for him in the kernel, and until a good part of them is gone no byte moves in limpet."""
    proxy = limpet([server("a", sends(64 << 20))], timeouts={"idle": "800ms"})
    with _with_small_buffer(proxy) as client:
        client.send(b"x")
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            assert client.read(8192)
            time.sleep(0.05)
        assert not proxy.visits()


def test_who_does_not_read_any_more_is_ended_within_three_idle_times(limpet, server):
    proxy = limpet([server("a", sends(64 << 20))], timeouts={"idle": "400ms"})
    with _with_small_buffer(proxy) as client:
        client.send(b"x").read_exactly(100000)
        start = time.monotonic()
        assert wait_until(proxy.visits, 5)
        assert 0.3 < time.monotonic() - start < 3 * 0.4 + 1
        with pytest.raises(ConnectionResetError):  # an end would look as if that was all
            client.read_to_end()
    assert proxy.visit()["reason"] == "idle_timeout"
