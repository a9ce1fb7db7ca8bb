import os
import signal
import time

from support import proc
from support.client import ask
from support.proc import wait_until
from support.workers import python_worker


def _starts(file):
    return file.read_text().count("\n") if file.exists() else 0


def _crashing(file, slot="*", then="exit 7"):
    """Notes each start of the slot and dies; other slots hold a worker."""
    others = " ".join(python_worker())
    return ["/bin/sh", "-c", f"case $LIMPET_SLOT in {slot}) echo x >>{file}; {then};; esac; exec {others}"]


def test_the_pauses_grow_and_the_log_stays_short(workers, folder):
    """After 50 ms, then 100, 200, 400, ... up to five seconds."""
    starts = folder / "starts"
    proxy = workers(_crashing(starts), 1, ready=False, more={"contract": "limpet"})
    assert proxy.says("limpet: ready")
    time.sleep(3.3)
    print(_starts(starts), "starts")
    assert 5 <= _starts(starts) <= 8
    assert proxy.stderr.count("ended with status 7") == _starts(starts)
    assert proxy.stderr.count("\n") <= _starts(starts) + 5
    assert proxy.stderr.count("; a new one is started in a moment") >= _starts(starts) - 1
    assert proc.cpu_seconds(proxy.keeper) < 1


def test_one_that_dies_at_once_harms_no_other_slot(workers, folder):
    proxy = workers(_crashing(folder / "starts", slot="2"), 3, key="client", ready=False, more={"contract": "limpet"})
    assert wait_until(lambda: proxy.stderr.count("takes connections") == 2)
    served_by = {ask(proxy, "/1", {"X-Forwarded-For": f"203.0.113.{client}", "Connection": "close"}).text[0]
                 for client in range(40)}
    assert served_by == {"1", "3"}
    assert _starts(folder / "starts") < 10


def test_one_that_lived_a_second_is_started_again_at_once(workers):
    """However often it dies."""
    proxy = workers(python_worker(), 1, key="client")
    for _ in range(4):
        victim = proxy.workers["1"]
        time.sleep(1.1)
        begun = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        assert ask(proxy, "/1", {"Connection": "close"}).status == 200
        assert time.monotonic() - begun < 0.6


def test_when_it_is_repaired_it_serves_without_anybodys_help(workers, folder):
    repaired = folder / "repaired"
    proxy = workers(_crashing(folder / "starts", then=f"test -e {repaired} || exit 7"), 1, key="client", ready=False,
                    more={"contract": "limpet"})
    assert wait_until(lambda: _starts(folder / "starts") >= 3)
    repaired.touch()
    assert ask(proxy, "/1", {"Connection": "close"}).status == 200


def test_killed_at_once_again_and_again_they_are_not_started_without_a_pause(workers):
    proxy = workers(python_worker(), 1, key="client")
    seen = set()
    until = time.monotonic() + 2
    while time.monotonic() < until:
        for victim in proxy.workers.values():
            seen.add(victim)
            proc.kill(victim)
        time.sleep(0.005)
    assert len(seen) < 12
