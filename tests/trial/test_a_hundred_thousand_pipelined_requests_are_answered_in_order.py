"""All of them sent on one connection, by a client that reads as fast as it can."""

import json
import threading

from support.http_client import HttpClient
from support.http_servers import HonestProcess
from support.refusals import line

COUNT = 100_000


def test_they_are(http_proxy, lasting):
    proxy = http_proxy([lasting(HonestProcess())], log={"access": "off"})
    with HttpClient(proxy, timeout=30) as client:
        data = b"".join(line(b"GET /%d HTTP/1.1" % number) for number in range(COUNT))
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        for number in range(COUNT):
            assert json.loads(client.answer().body)["target"] == f"/{number}"
        sender.join()
