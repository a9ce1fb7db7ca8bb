"""All of them sent on one connection, by a client that reads as fast as it can."""

import threading
from contextlib import suppress

import pytest

from support.http_client import HttpClient
from support.http_servers import HonestProcess
from support.refusals import line

COUNT = 100_000


def _send(client, data):
    """Whether anything stalls, the answers tell. The timeout of sendall() holds for all of it, however steadily it goes."""
    with client.socket.dup() as sending, suppress(ConnectionError):
        sending.settimeout(600)
        sending.sendall(data)


@pytest.mark.timeout(600)
def test_they_are(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestProcess())], log={"access": "off"})
    with HttpClient(proxy, timeout=30) as client:
        data = b"".join(line(b"GET /%d HTTP/1.1" % number) for number in range(COUNT))
        sender = threading.Thread(target=_send, args=(client, data))
        sender.start()
        for number in range(COUNT):
            assert client.answer().json()["target"] == f"/{number}"
        sender.join()
