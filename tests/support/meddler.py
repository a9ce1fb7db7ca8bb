"""Somebody between limpets and a real memcached who passes on what both say: as it is, late, never, or as a lie. A process of its
own, so that it is as quick as may be while a test is busy."""

import asyncio
import random
import re
import subprocess
import sys
from collections import deque
from pathlib import Path

from support.ports import free_port

LIES = ("another's", "flipped", "old", "nothing", "stored")


class Meddler:
    """`set("pass")`, `set("slow", seconds)`, `set("hole")` or `set("lie", share)`; then that holds for every reply that comes. Values
    are those of other keys, have a bit flipped, or are the first that the key ever had; or there is none at all, or memcached
    claims to have stored what it has not."""

    def __init__(self, memcached):
        self.address = f"127.0.0.1:{free_port()}"
        self.process = subprocess.Popen([sys.executable, "-B", "-m", "support.meddler", self.address, memcached.address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        cwd=Path(__file__).resolve().parents[1])
        assert self.process.stdout.readline() == b"ready\n"

    def set(self, manner, number=0):
        self.process.stdin.write(f"{manner} {number}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n"

    def stop(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()


class _Manner:
    def __init__(self, memcached):
        self.host, self.port = memcached.rsplit(":", 1)
        self.word, self.number = "pass", 0.0
        self.dice, self.seen, self.first = random.Random(), deque(maxlen=1000), {}

    async def serve(self, reader, writer):
        try:
            above, below = await asyncio.open_connection(self.host, int(self.port))
        except OSError:
            writer.close()
            return
        commands = deque()
        work = [asyncio.create_task(self._bring_commands(reader, below, commands)),
                asyncio.create_task(self._bring_replies(above, writer, commands))]
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            task.cancel()
        below.close()
        writer.close()

    async def _bring_commands(self, reader, below, commands):
        while line := await reader.readline():
            words = line.split()
            body = await reader.readexactly(int(words[2]) + 2) if words[0] == b"ms" else b""
            commands.append(words)
            below.write(line + body)

    async def _bring_replies(self, above, writer, commands):
        while line := await above.readline():
            body = (await above.readexactly(int(line.split()[1]) + 2))[:-2] if line.startswith(b"VA ") else None
            if self.word == "slow":
                await asyncio.sleep(self.number)
            words = commands.popleft()
            if self.word == "lie" and self.dice.random() < self.number:
                line, body = self._lie(words[1], line, body)
            elif body is not None:
                self.seen.append(body)
                self.first.setdefault(words[1], body)
            if self.word != "hole":
                writer.write(line if body is None else line + body + b"\r\n")

    def _lie(self, key, line, body):
        opaque = re.search(rb" O\d+", line)[0]
        if body is None:
            return b"HD" + opaque + b"\r\n", None
        lie = self.dice.choice(LIES)
        if lie == "nothing":
            return b"EN" + opaque + b"\r\n", None
        if lie == "another's" and self.seen:
            body = self.dice.choice(self.seen)
        elif lie == "flipped":
            at = self.dice.randrange(len(body))
            body = body[:at] + bytes([body[at] ^ 1 << self.dice.randrange(8)]) + body[at + 1:]
        elif lie == "old":
            body = self.first.get(key, body)
        return re.sub(rb"^VA \d+", b"VA %d" % len(body), line), body


async def _run(address, memcached):
    manner = _Manner(memcached)
    host, port = address.rsplit(":", 1)
    await asyncio.start_server(manner.serve, host, int(port), backlog=512)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        manner.word, manner.number = line.split()[0], float(line.split()[1])
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
