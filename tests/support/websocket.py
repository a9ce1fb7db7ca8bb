"""A WebSocket client (RFC 6455) for short texts, so that a test may hold many of them."""

import os

from support.client import Client
from support.wire import request


class WebSocket:
    def __init__(self, to, headers=(), timeout=15):
        self.client = Client(to, timeout=timeout)
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                   "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        self.client.send(request("/", {**dict(headers), **upgrade}))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.client.read_line()
            assert line, "no answer to the upgrade"
            head += line
        assert head.startswith(b"HTTP/1.1 101"), head

    def echo(self, text):
        """What the server makes of it."""
        self.send(text)
        return self.receive()

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.client.send(bytes([0x81, 0x80 | len(data)]) + mask + masked)

    def receive(self):
        """A text; None at the end."""
        head = self.client.read_exactly(2)
        if len(head) < 2 or head[0] != 0x81:
            return None
        return self.client.read_exactly(head[1]).decode()

    def has_ended(self, within):
        """True if the server's side ends within that time, without a message."""
        return self.client.is_dropped(within)

    def close(self):
        self.client.close()
