"""The keeper is killed, and nobody is left to look after the others: workers finish what is under way and end, the engine
ends, and after the drain deadline nothing of it is left."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import proc
from support.client import Client, ask, parse_answer
from support.proc import wait_until
from support.websocket import WebSocket
from support.wire import request
from support.workers import node_worker, python_worker

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])


def _kill_keeper(proxy):
    """Returns those who are left behind."""
    family = proc.descendants(proxy.keeper)
    assert len(family) >= 3
    proxy.signal(signal.SIGKILL)
    proxy.process.wait(5)
    proxy.process.returncode = 0
    return family


def _all_end(family, within):
    return wait_until(lambda: not any(map(proc.is_alive, family)), within)


@BOTH
def test_idle_workers_and_the_engine_end_at_once(workers, command):
    proxy = workers(command, 2, key="client", timeouts={"drain": "10s"})
    family = _kill_keeper(proxy)
    assert _all_end(family, 5), [proc.arguments(pid) for pid in family if proc.is_alive(pid)]


@BOTH
def test_requests_under_way_are_finished(workers, command):
    proxy = workers(command, 2, key="client", timeouts={"drain": "10s"})
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, proxy, f"/wait/1500/{number}", {"X-Forwarded-For": f"203.0.113.{number}",
                                                                   "Connection": "close"}) for number in range(20)]
        time.sleep(0.7)
        family = _kill_keeper(proxy)
        answers = [one.result() for one in asked]
    assert {answer.status for answer in answers} == {200}
    assert {answer.text.split()[0] for answer in answers} == {"1", "2"}
    assert _all_end(family, 5), [proc.arguments(pid) for pid in family if proc.is_alive(pid)]


@BOTH
def test_idle_kept_connections_are_ended_in_order(workers, command):
    proxy = workers(command, 2, key="client", timeouts={"drain": "10s"})
    with Client(proxy) as client:
        assert parse_answer(client.send(request("/1")).read()).status == 200
        family = _kill_keeper(proxy)
        client.socket.settimeout(5)
        assert client.read() == b""
    assert _all_end(family, 5)


def _same_user():
    """The engine can end only processes of its own user; as root it would be somebody else."""
    return {"user": "root"} if os.geteuid() == 0 else {}


def test_websockets_do_not_keep_node_alive_for_ever(workers):
    proxy = workers(node_worker(), 2, key="client", timeouts={"drain": "2s"}, **_same_user())
    socket = WebSocket(proxy)
    assert socket.echo("hello").endswith("hello")
    family = _kill_keeper(proxy)
    assert _all_end(family, 6), [proc.arguments(pid) for pid in family if proc.is_alive(pid)]
    socket.close()


def test_a_worker_that_does_not_care_for_the_end_of_its_channel_is_ended_too(workers):
    proxy = workers(python_worker("1:never_reads"), 2, key="client", timeouts={"drain": "1s"}, **_same_user())
    family = _kill_keeper(proxy)
    try:
        assert _all_end(family, 6), [proc.arguments(pid) for pid in family if proc.is_alive(pid)]
    finally:
        for pid in filter(proc.is_alive, family):
            os.kill(pid, signal.SIGKILL)


@BOTH
def test_the_port_is_free_again(workers, limpet, command):
    """Another limpet takes its place."""
    proxy = workers(command, 2, key="client", timeouts={"drain": "2s"})
    family = _kill_keeper(proxy)
    assert _all_end(family, 5)
    again = workers(command, 2, key="client", bind=proxy.address)
    assert ask(again, "/1", {"Connection": "close"}).status == 200
