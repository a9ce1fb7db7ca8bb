"""Servers that answer with their names and do nothing else, all in one process, so that there may be many visits.

`/give/ID` asks for a session: the answer sets the cookie sid to ID."""

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port


@dataclass
class Named:
    name: str
    address: str


class NamedServers:
    """`servers` have a name and an address."""

    def __init__(self, names):
        self.servers = [Named(name, f"127.0.0.1:{free_port()}") for name in names]
        words = [f"{server.name}={server.address}" for server in self.servers]
        self.process = subprocess.Popen([sys.executable, "-B", "-m", "support.names", *words], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[1])
        assert self.process.stdout.readline() == b"ready\n"

    def stop(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


class _Talk(asyncio.Protocol):
    def __init__(self, name):
        self.name, self.kept, self.transport = name.encode() + b"\n", b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.kept += data
        while b"\r\n\r\n" in self.kept:
            head, _, self.kept = self.kept.partition(b"\r\n\r\n")
            self._answer(head)

    def _answer(self, head):
        target = head.split(b" ", 2)[1]
        given = b"Set-Cookie: sid=%s; Path=/\r\n" % target[6:] if target.startswith(b"/give/") else b""
        self.transport.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (given, len(self.name), self.name))
        if b"\r\nconnection: close" in head.lower():
            self.transport.close()


async def _serve(servers):
    loop = asyncio.get_running_loop()
    for name, address in servers:
        host, port = address.rsplit(":", 1)
        await loop.create_server(lambda name=name: _Talk(name), host, int(port), backlog=1024)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve([word.split("=", 1) for word in sys.argv[1:]]))
