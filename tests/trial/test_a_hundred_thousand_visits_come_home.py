"""Affinity and integrity in bulk: nobody ever meets another server, nobody gets another's answer."""

import asyncio
import multiprocessing
import time

import pytest

from support import wire
from support.limpet import Limpet, configuration
from support.ports import free_port
from support.ranking import Ranking

VISITS, PROCESSES, AT_ONCE, CLIENTS = 100_000, 2, 64, 2000
NAMES = "abc"


class Backend:
    """Answers with its name and the visit's number, in a process of its own."""

    def __init__(self, name, port):
        self.name, self.address = name, f"127.0.0.1:{port}"
        self.process = multiprocessing.Process(target=lambda: asyncio.run(self._serve(port)), daemon=True)
        self.process.start()

    async def _serve(self, port):
        async def answer(reader, writer):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                number = head.split(b" ", 2)[1]
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + self.name.encode() + number)
                await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=4096)
        await server.serve_forever()

    def stop(self):
        self.process.kill()
        self.process.join()


def _ask_many(address, first, count, homes, wrong):
    async def visit(number):
        client = f"10.0.{number % CLIENTS // 250}.{number % CLIENTS % 250 + 1}"
        host, port = address.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(wire.request(f"/{number}", {"X-Forwarded-For": client}))
        data = await reader.read()
        writer.close()
        expected = f"{homes[client]}/{number}".encode()
        if data.partition(b"\r\n\r\n")[2] != expected:
            wrong.put((number, data))

    async def all_of_them():
        numbers = iter(range(first, first + count))

        async def one_after_the_other():
            for number in numbers:
                await visit(number)

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    asyncio.run(all_of_them())


@pytest.mark.timeout(900)
def test_a_hundred_thousand_visits_come_home(folder, keep):
    backends = [keep(Backend(name, free_port())) for name in NAMES]
    proxy = keep(Limpet(folder, configuration(backends, key="client", log={"access": "off"})))
    ranking = Ranking("tests", "app", dict.fromkeys(NAMES, 1))
    clients = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(CLIENTS)]
    homes = {client: ranking.home_of_address(client) for client in clients}
    wrong = multiprocessing.Queue()
    start = time.monotonic()
    share = VISITS // PROCESSES
    askers = [multiprocessing.Process(target=_ask_many, args=(proxy.address, number * share, share, homes, wrong))
              for number in range(PROCESSES)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
        assert asker.exitcode == 0
    print(f"{VISITS} visits in {time.monotonic() - start:.0f} s")
    assert wrong.empty(), wrong.get()
