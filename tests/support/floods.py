"""Ever new keys from one range of addresses, as many as may be."""

import asyncio
import ipaddress
import threading
import time
from itertools import islice

from support import wire

AT_ONCE = 32  # requests that are under way on each of the lines
LINES = 4


class Flood:
    """So many keys, each of which comes once, in the background."""

    def __init__(self, address, count, first="10.128.0.0"):
        self.host, port = address.rsplit(":", 1)
        self.port, self.count, self.first = int(port), count, int(ipaddress.ip_address(first))
        self.sent, self.wrong = 0, []
        self.began, self.took = time.monotonic(), None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()

    @property
    def goes_on(self):
        return self.thread.is_alive()

    async def _run(self):
        numbers = iter(range(self.count))
        await asyncio.gather(*(self._line(numbers) for _ in range(LINES)))
        self.took = time.monotonic() - self.began

    async def _line(self, numbers):
        reader, writer = await asyncio.open_connection(self.host, self.port)
        while batch := list(islice(numbers, AT_ONCE)):
            writer.write(b"".join(wire.request(headers={"X-Forwarded-For": self._client(number)}) for number in batch))
            for _ in batch:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readline()
                if not head.startswith(b"HTTP/1.1 200"):
                    self.wrong.append(head)
            self.sent += len(batch)
        writer.close()

    def _client(self, number):
        return str(ipaddress.ip_address(self.first + number))
