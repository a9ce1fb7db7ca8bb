"""A body has to come with 500 bytes per second, over ten seconds. Slower ones end with 408; faster ones go on."""

import threading
import time

import pytest

from support.http_client import HttpClient
from support.http_servers import HonestServer
from support.refusals import chunks, post


def _drip(proxy, request, piece, seconds, seen):
    """Sends a piece each tenth of a second, until there is an answer; notes how long that took, and its status."""
    with HttpClient(proxy, timeout=0.1) as client:
        client.send(request)
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            client.send(piece)
            status = client.outcome("POST", 0.1)
            if status != "stall":
                seen.append((time.monotonic() - began, status))
                return
        seen.append((seconds, "goes on"))


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_slow_bodies(http_proxy, lasting, framing):
    home = lasting(HonestServer())
    proxy = http_proxy([home])
    request = post(b"Content-Length: 1000000") if framing == "length" else chunks(b"fffff\r\n")
    slow, fast = [], []
    threads = [threading.Thread(target=_drip, args=(proxy, request, b"x" * size, 30, seen))
               for size, seen in ((5, slow), (25, slow), (200, fast))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for _, status in slow] == [408, 408]
    assert all(9 < took < 25 for took, _ in slow), slow
    assert fast == [(30, "goes on")]
    assert not home.requests
