"""New keys that are seen at two frontends, and by several threads of each, at the same moment."""

import asyncio

from support import wire
from support.alternation import homes_at

RACES_AT_ONCE = 8


class Races:
    """Each client comes for the first time with four requests at once, two to each frontend. `answers`: {client: [servers]}."""

    def __init__(self, frontends):
        self.frontends, self.answers = frontends, {}

    def run(self, clients):
        asyncio.run(self._run(list(clients)))
        return self

    def apart(self):
        """Those who met more than one server, or another one than at first when they came once more."""
        later = [homes_at(frontend, self.answers, self.frontends.mode) for frontend in self.frontends.both]
        return {client: (servers, [homes[client] for homes in later]) for client, servers in self.answers.items()
                if len({*servers, *(homes[client] for homes in later)}) != 1}

    async def _run(self, left):
        async def one_after_the_other():
            lines = []
            while left:
                client = left.pop()
                lines = lines or await self._connect()
                self.answers[client] = await self._race(client, lines)
                if self.frontends.mode == "tcp":
                    lines = self._drop(lines)
            self._drop(lines)

        await asyncio.gather(*(one_after_the_other() for _ in range(RACES_AT_ONCE)))

    async def _connect(self):
        addresses = [frontend.address.rsplit(":", 1) for frontend in self.frontends.both * 2]
        return [await asyncio.open_connection(host, int(port)) for host, port in addresses]

    @staticmethod
    def _drop(lines):
        for _, writer in lines:
            writer.close()
        return []

    async def _race(self, client, lines):
        if self.frontends.mode == "tcp":
            data = wire.proxy_v1(client) + wire.request()
        else:
            data = wire.request(headers={"X-Forwarded-For": client})
        for _, writer in lines:
            writer.write(data)
        return [await self._name(reader) for reader, _ in lines]

    @staticmethod
    async def _name(reader):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert head.startswith(b"HTTP/1.1 200"), head
        return (await reader.readline()).decode().strip()
