import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from support import proc
from support.client import Client, ask, parse_answer
from support.proc import wait_until
from support.websocket import WebSocket
from support.wire import request
from support.workers import node_worker, python_worker

BOTH = pytest.mark.parametrize("command", [node_worker(), python_worker()], ids=["node", "limpet"])


def _noting_its_end(command, folder):
    """The same command, whose exit codes are listed in a file."""
    return ["/bin/sh", "-c", f'{" ".join(command)}; echo $? >>{folder}/ends']


def _ask_slowly(pool, proxy, wait=1200, count=20):
    """Returns when all of them are with their workers."""
    before = len(proxy.visits())
    asked = [pool.submit(ask, proxy, f"/wait/{wait}/{number}", {"X-Forwarded-For": f"203.0.113.{number}",
                                                               "Connection": "close"}) for number in range(count)]
    proxy.visits(before + count)
    return asked


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_finished_and_all_end_well(workers, folder, command, number):
    """Soon after the last answer, long before the deadline."""
    proxy = workers(_noting_its_end(command, folder), 2, key="client", timeouts={"drain": "20s"})
    with ThreadPoolExecutor(20) as pool, Client(proxy) as idle:
        assert parse_answer(idle.send(request("/1")).read()).status == 200 and proxy.visit()
        asked = _ask_slowly(pool, proxy)
        begun = time.monotonic()
        proxy.signal(number)
        idle.socket.settimeout(10)
        assert idle.read() == b"" and time.monotonic() - begun < 1, "an idle connection is not ended at once"
        assert {one.result().status for one in asked} == {200}
        assert proxy.wait(5) == 0
    assert time.monotonic() - begun < 3
    assert (folder / "ends").read_text() == "0\n0\n"
    assert "has not finished in time" not in proxy.stderr


@BOTH
def test_control_c_reaches_the_workers_as_a_drain_only(workers, command):
    """The terminal sends it to all of a process group, and workers have groups of their own."""
    proxy = workers(command, 2, key="client", timeouts={"drain": "20s"})
    assert all(os.getpgid(pid) == pid for pid in proxy.workers.values())
    with ThreadPoolExecutor(20) as pool:
        asked = _ask_slowly(pool, proxy)
        os.killpg(proxy.process.pid, signal.SIGINT)
        assert {one.result().status for one in asked} == {200}
        assert proxy.wait(5) == 0


@BOTH
def test_a_second_signal_stops_at_once(workers, command):
    proxy = workers(command, 2, key="client", timeouts={"drain": "20s"})
    family = proc.descendants(proxy.keeper)
    with ThreadPoolExecutor(20) as pool:
        asked = _ask_slowly(pool, proxy, wait=10000)
        proxy.signal(signal.SIGTERM)
        time.sleep(0.7)
        assert proxy.process.poll() is None
        begun = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert proxy.wait(5) == 0
        assert time.monotonic() - begun < 2
        assert all(one.exception() or one.result().status == 0 for one in asked)
    assert not any(map(proc.is_alive, family))


def test_websockets_end_at_the_deadline(workers):
    proxy = workers(node_worker(), 2, key="client", timeouts={"drain": "2s"})
    with ExitStack() as stack:
        sockets = [WebSocket(proxy, {"X-Forwarded-For": f"203.0.113.{number}"}) for number in range(10)]
        for socket in sockets:
            stack.callback(socket.close)
        begun = time.monotonic()
        proxy.signal(signal.SIGTERM)
        while time.monotonic() < begun + 1.5:
            assert all(socket.echo("still").endswith(" still") for socket in sockets)
            time.sleep(0.1)
        assert proxy.wait(5) == 0
        assert 1.9 < time.monotonic() - begun < 4
        assert all(socket.has_ended(1) for socket in sockets)


@pytest.mark.parametrize("habit", ["never_reads", "never_ends"])
def test_one_that_does_not_end_by_itself_is_ended(workers, habit):
    """By SIGTERM when the time is over, and by SIGKILL five seconds after that."""
    proxy = workers(python_worker(f"1:{habit}"), 2, timeouts={"drain": "1s"})
    begun = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(12) == 0
    took = time.monotonic() - begun
    assert proxy.stderr.count("has not finished in time: it is ended") == 1
    assert (5.5 < took < 9 and "does not end: it is killed" in proxy.stderr) if habit == "never_ends" else took < 4


def test_a_stopped_one_is_ended_too(workers):
    proxy = workers(node_worker(), 2, timeouts={"drain": "1s"})
    os.kill(proxy.workers["1"], signal.SIGSTOP)
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(8) == 0


def test_what_workers_have_started_is_ended_with_them(workers):
    """A shell passes no signal on to its children, so the whole group hears it."""
    proxy = workers(["/bin/sh", "-c", "sleep 1000 & " + " ".join(python_worker())], 2, timeouts={"drain": "1s"})
    family = proc.descendants(proxy.keeper)
    assert len(family) >= 7
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(5) == 0
    assert wait_until(lambda: not any(map(proc.is_alive, family)), 2)
