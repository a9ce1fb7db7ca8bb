"""All of them sent on one connection, by a client that reads as fast as it can."""

import threading

import pytest

from support.http_client import HttpClient
from support.http_servers import HonestProcess
from support.refusals import line

COUNT = 100_000


@pytest.mark.timeout(600)
def test_they_are(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestProcess())], log={"access": "off"})
    with HttpClient(proxy, timeout=30) as client:
        data = b"".join(line(b"GET /%d HTTP/1.1" % number) for number in range(COUNT))
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        for number in range(COUNT):
            assert client.answer().json()["target"] == f"/{number}"
        sender.join()
