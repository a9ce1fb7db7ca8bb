"""A worker that speaks limpet's own contract, with nothing but Python. Answers each request with "SLOT PID
LAST-PART-OF-PATH"; /wait/MS/N after so many milliseconds; to whom speaks no HTTP it returns what he says.

usage: worker.py [SLOT:HABIT]...: in that slot it has a habit of support/worker_programs/habits.py instead.
The environment: SERVED, a file to which each request that is served adds its line.
"""

import asyncio
import os
import socket
import struct
import sys

import habits

CHANNEL = socket.socket(fileno=int(os.environ["LIMPET_FD"]))
SLOT = os.environ["LIMPET_SLOT"]
SERVED = os.open(os.environ["SERVED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666) if "SERVED" in os.environ else -1


async def answer(target, writer, last):
    parts = target.decode().split("/")
    line = f"{SLOT} {os.getpid()} {parts[-1]}\n".encode()
    if SERVED >= 0:
        os.write(SERVED, line)
    if parts[1] == "wait":
        await asyncio.sleep(int(parts[2]) / 1000)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s"
                 % (len(line), b"Connection: close\r\n" if last else b"", line))


class Worker:
    def __init__(self):
        self.under_way = set()
        self.draining = asyncio.Event()

    async def run(self):
        CHANNEL.setblocking(False)
        asyncio.get_running_loop().add_reader(CHANNEL, self.receive)
        CHANNEL.send(struct.pack("=IB3x", 0, habits.READY))
        await self.draining.wait()
        while self.under_way:
            await asyncio.wait(self.under_way)

    def receive(self):
        data, descriptors, _, _ = socket.recv_fds(CHANNEL, 256, 4)
        if not data:
            asyncio.get_running_loop().remove_reader(CHANNEL)
            self.draining.set()
            return
        word, number = data[1], struct.unpack_from("=I", data, 4)[0]
        if word == habits.PING:
            CHANNEL.send(struct.pack("=IB3x", number, habits.PONG))
        elif word == habits.CONNECTION and not descriptors:  # none was free for it
            CHANNEL.send(struct.pack("=IB3x", number, habits.REFUSED))
        elif word == habits.CONNECTION:
            CHANNEL.send(struct.pack("=IB3x", number, habits.TAKEN))
            task = asyncio.create_task(self.serve(socket.socket(fileno=descriptors[0])))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    async def serve(self, connection):
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            while await self.serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def serve_one(self, reader, writer):
        """One request; when the worker is to finish, it is the last."""
        wait = asyncio.create_task(reader.readuntil(b"\n"))
        drain = asyncio.create_task(self.draining.wait())
        await asyncio.wait([wait, drain], return_when=asyncio.FIRST_COMPLETED)
        drain.cancel()
        if not wait.done():
            wait.cancel()
            return False
        first = await wait
        if not first.endswith(b" HTTP/1.1\r\n"):
            writer.write(first)
            return True
        fields = first
        while not fields.endswith(b"\r\n\r\n"):
            fields += await reader.readuntil(b"\n")
        last = self.draining.is_set() or b"\r\nConnection: close\r\n" in fields
        await answer(first.split(b" ")[1], writer, last)
        return not last


def main(*chosen):
    habit = dict(word.split(":", 1) for word in chosen).get(SLOT)
    if habit:
        getattr(habits, habit)(CHANNEL)
    else:
        asyncio.run(Worker().run())


main(*sys.argv[1:])
