"""In a container limpet is process 1, and whatever loses its parent becomes its child."""

import os
import signal
import subprocess

import pytest

from support import proc
from support.client import ask
from support.proc import wait_until
from support.workers import python_worker

_OWN = [["unshare", "--pid", "--fork", "--mount-proc"],
        ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]]
_WRAPPER = next((wrapper for wrapper in _OWN if subprocess.run([*wrapper, "true"], capture_output=True,
                                                               check=False).returncode == 0), None)

pytestmark = pytest.mark.skipif(_WRAPPER is None, reason="no process namespace may be made here")


def _leaving_orphans(count, seconds=0.5):
    """A worker that leaves so many behind at its start, which live that long."""
    orphans = f"i=0; while [ $i -lt {count} ]; do (sleep {seconds} &); i=$((i + 1)); done"
    return ["/bin/sh", "-c", f"{orphans}; exec {' '.join(python_worker())}"]


def _start(workers, *orphans):
    """An ordinary user is root in there, but may become nobody else."""
    user = {} if os.geteuid() == 0 else {"user": "root"}
    return workers(_leaving_orphans(*orphans), 2, key="client", wrapper=_WRAPPER, more={"contract": "limpet"}, **user)


def test_orphans_leave_no_zombies(workers):
    proxy = _start(workers, 12, 1000)
    keeper = proxy.keeper
    orphans = [pid for pid in proc.children(keeper) if proc.program(pid) == "sleep"]
    assert len(orphans) == 24, "they are not its children"
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: len(proc.children(keeper, zombies=True)) == 3)
    assert ask(proxy, "/1", {"Connection": "close"}).status == 200


def test_it_ends_in_order_and_with_it_everything(workers):
    proxy = _start(workers, 3)
    family = proc.descendants(proxy.process.pid)
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(10) == 0
    assert not any(map(proc.is_alive, family))


def test_a_killed_worker_is_replaced_and_a_killed_engine_too(workers):
    proxy = _start(workers, 1)
    victim = proxy.workers["1"]
    os.kill(victim, signal.SIGKILL)
    assert wait_until(lambda: proxy.workers.get("1", victim) != victim)
    os.kill(proxy.engine, signal.SIGKILL)
    assert proxy.says("ready again")
    assert ask(proxy, "/1", {"Connection": "close"}).status == 200
    assert wait_until(lambda: len(proc.children(proxy.keeper, zombies=True)) == 3)
