"""Descriptors are reckoned beforehand, so that who is accepted also finds one for his server. Where that fails all the
same, because the limit was lowered under a running engine, the listener pauses instead of spinning."""

import re
import signal
import time

import pytest

from support import proc
from support.client import Client, who_answers
from support.proc import wait_until
from support.servers import echoes


def _served(clients):
    inside = []
    for client in clients:
        client.socket.settimeout(0.02)
        try:
            if client.send(b"x").read(1) == b"x":
                inside.append(client)
        except (TimeoutError, ConnectionError):
            pass
    return inside


def _all_talk(clients):
    for client in clients:
        client.socket.settimeout(10)
        assert client.send(b"hello").read_exactly(5) == b"hello"


@pytest.fixture
def crowd():
    clients = []
    yield clients
    for client in clients:
        client.close()


@pytest.fixture(params=["reckoned", "lowered"])
def crowded(limpet, server, crowd, request):
    """A limpet with few descriptors and more clients than fit."""
    few = ["prlimit", "--nofile=200:200"] if request.param == "reckoned" else []
    proxy = limpet([server("a", echoes)], wrapper=few, threads=1)
    if request.param == "lowered":
        proc.lower_descriptor_limit(proxy.engine, proc.descriptors(proxy.engine) + 40)
    crowd.extend(Client(proxy) for _ in range(60))
    return proxy


@pytest.mark.plain
def test_the_loop_does_not_spin(crowded, crowd):
    _served(crowd)
    before = proc.cpu_seconds(crowded.engine)
    time.sleep(1)
    used = proc.cpu_seconds(crowded.engine) - before
    print(f"CPU while out of descriptors: {used * 100:.2f} %")
    assert used < 0.05


def test_open_connections_go_on_and_newcomers_are_served_when_there_is_room(crowded, crowd):
    inside = _served(crowd)
    assert 5 < len(inside) < 60
    _all_talk(inside)
    for client in crowd:
        client.close()
    start = time.monotonic()
    with Client(crowded) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
    assert time.monotonic() - start < 1


def test_it_says_that_it_pauses_and_does_not_flood_its_log(crowded, crowd):
    _served(crowd)
    assert crowded.says("pause")
    time.sleep(1)
    assert crowded.stderr.count("pause") < 10


def test_whoever_is_accepted_is_served(limpet, server, crowd):
    proxy = limpet([server("a", echoes)], wrapper=["prlimit", "--nofile=200:200"], threads=1)
    crowd.extend(Client(proxy) for _ in range(60))
    _served(crowd)
    for client in crowd:
        client.close()
    assert wait_until(lambda: len(proxy.visits()) >= 60)
    assert not {visit["reason"] for visit in proxy.visits()} & {"no_memory", "no_server", "internal_error"}


def test_the_limit_of_descriptors_is_raised_as_far_as_it_may_be(limpet, server):
    proxy = limpet([server()], wrapper=["prlimit", "--nofile=100:3000"])
    assert proc.descriptor_limits(proxy.engine) == (3000, 3000)
    assert who_answers(proxy) == "server"


def test_too_few_descriptors_for_a_single_connection_are_refused_at_the_start(limpet, server):
    proxy = limpet([server()], wrapper=["prlimit", "--nofile=64:64"], ready=False)
    assert proxy.wait(10) == 1
    proxy.process.returncode = 0
    assert "only 64 open files" in proxy.stderr and "ulimit" in proxy.stderr
    enough = int(re.search(r"needs (\d+) for one connection", proxy.stderr)[1])
    limpet([server()], wrapper=["prlimit", f"--nofile={enough}:{enough}"])


def test_reopened_logs_that_find_no_descriptor_do_not_end_the_engine(limpet, server, folder):
    logs = folder / "logs"
    logs.mkdir()
    logs.chmod(0o777)
    log = {"format": "json", "access": str(logs / "access"), "errors": str(logs / "errors")}
    proxy = limpet([server("a", echoes)], log=log)
    engine = proxy.engine
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        with proc.without_new_descriptors(engine):
            proxy.signal(signal.SIGUSR1)
            assert proxy.says("was lost")
            assert client.send(b"hello").read_exactly(5) == b"hello"
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
    assert proxy.engine == engine
    assert wait_until(lambda: (logs / "access").read_text().count("\n") == 2)
