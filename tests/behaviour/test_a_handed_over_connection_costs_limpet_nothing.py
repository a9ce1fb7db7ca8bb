"""Once a worker has a connection, limpet is out of its way: no descriptor, no memory, no system call."""

import subprocess
import time

import pytest

from support import proc, wire
from support.client import Client, parse_answer
from support.strace import MAY_TRACE

CLIENTS = 150


def _ask(client):
    client.send(wire.request())
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.read()
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(parse_answer(data).headers["content-length"])
    while len(body) < length:
        body += client.read()
    return body


@pytest.fixture
def proxy(run):
    return run("http_app.js", count=2)


@pytest.fixture
def clients(proxy):
    opened = [Client(proxy, source=f"127.0.1.{i + 1}") for i in range(CLIENTS)]
    for client in opened:
        _ask(client)
    yield opened
    for client in opened:
        client.close()


def test_limpet_keeps_no_descriptor_of_it(proxy):
    before = proc.descriptors(proxy.engine), proc.descriptors(proxy.keeper)
    opened = [Client(proxy, source=f"127.0.1.{i + 1}") for i in range(CLIENTS)]
    for client in opened:
        _ask(client)
    assert proc.wait_until(lambda: (proc.descriptors(proxy.engine), proc.descriptors(proxy.keeper)) == before)
    assert sum(proc.sockets(pid) for pid in proxy.workers.values()) >= CLIENTS
    for client in opened:
        client.close()


@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
def test_limpet_makes_no_system_call_for_it(proxy, clients, folder):
    """What is left is the question to each worker, once a second, whether it is there: some ten calls each."""
    trace = folder / "trace"
    pids = [argument for pid in (proxy.engine, proxy.keeper) for argument in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", str(trace), *pids], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert proc.wait_until(trace.exists)
        time.sleep(0.5)
        for _ in range(5):
            for client in clients:
                _ask(client)
    finally:
        tracer.terminate()
        tracer.wait(10)
    calls = [line for line in trace.read_text().splitlines() if "(" in line]
    assert len(calls) < CLIENTS, "\n".join(calls[:40])
