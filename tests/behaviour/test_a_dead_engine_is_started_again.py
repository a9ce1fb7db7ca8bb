import os
import signal
import time

import pytest

from support import proc
from support.client import Client, who_answers
from support.load import Load, count
from support.ports import free_port
from support.servers import echoes
from support.strace import MAY_TRACE, Strace


def _new_engine(proxy, old):
    return proc.wait_until(lambda: proxy.engine not in (None, old), 5)


def _kill(pid):
    """When it began to die, and when it was dead: on a busy machine that is not the same."""
    begun = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    assert proc.wait_until(lambda: not proc.is_alive(pid), 5)
    return begun, time.monotonic()


def test_nobody_is_refused_while_a_new_engine_starts(limpet, server):
    """Who is carried when the engine dies is lost, and nobody else: newcomers wait in the queue."""
    proxy = limpet([server(name) for name in "abc"], key="client")
    load = Load(proxy, per_second=200)
    deaths = []
    for number in range(1, 3):
        time.sleep(0.7)
        deaths.append(_kill(proxy.engine))
        assert proc.wait_until(lambda: proxy.stderr.count("ready again") == number, 5)
    time.sleep(1)
    outcomes = load.stop()
    print(dict(count(outcomes)))
    lost = [outcome for outcome in outcomes if outcome.result not in ("a", "b", "c")]
    assert {outcome.result for outcome in lost} <= {"reset", "empty"}
    assert all(any(first - 1 < outcome.at < last + 0.05 for first, last in deaths) for outcome in lost)
    assert len(lost) < 60 < len(outcomes)
    assert proxy.process.poll() is None


def test_it_says_so(limpet, server):
    proxy = limpet([server()])
    engine = proxy.engine
    os.kill(engine, signal.SIGKILL)
    assert _new_engine(proxy, engine)
    assert proxy.says("engine")
    assert who_answers(proxy) == "server"


def test_those_whom_it_carried_are_told_at_once(limpet, server):
    proxy = limpet([server("a", echoes)])
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        os.kill(proxy.engine, signal.SIGKILL)
        assert client.is_dropped(2)
    assert proxy.says("ready again")


def test_an_engine_that_is_killed_while_it_drains_is_not_passed_over_in_silence(limpet, server):
    proxy = limpet([server("a", echoes)])
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        proxy.signal(signal.SIGTERM)
        assert proxy.says("draining")
        os.kill(proxy.engine, signal.SIGKILL)
        assert proxy.wait(5) == 1
    proxy.process.returncode = 0
    assert "was killed by signal 9 (Killed); whom it was still carrying is lost" in proxy.stderr


def test_a_new_engine_listens_on_unix_sockets_too(limpet, server, socket_folder):
    proxy = limpet([server()], bind=[f"unix:{socket_folder}/in", f"127.0.0.1:{free_port()}"])
    engine = proxy.engine
    os.kill(engine, signal.SIGKILL)
    assert _new_engine(proxy, engine)
    assert who_answers(f"unix:{socket_folder}/in") == "server"


def test_when_the_keeper_dies_the_engine_goes_too(limpet, server):
    proxy = limpet([server()], ready=True)
    family = proc.descendants(proxy.keeper)
    assert family
    os.kill(proxy.keeper, signal.SIGKILL)
    proxy.process.wait(5)
    proxy.process.returncode = 0
    assert proc.wait_until(lambda: not any(map(proc.is_alive, family)), 5), "the engine stays behind"


def test_an_engine_that_dies_at_once_again_and_again_is_not_started_without_a_pause(limpet, server):
    proxy = limpet([server()])
    seen = set()
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        engine = proxy.engine
        if engine and engine not in seen:
            seen.add(engine)
            os.kill(engine, signal.SIGKILL)
        time.sleep(0.005)
    assert len(seen) < 60
    assert proc.wait_until(lambda: proxy.engine and who_answers(proxy) == "server", 15)


def test_an_engine_that_lived_a_second_is_replaced_at_once_however_many_died_before(limpet, server):
    proxy = limpet([server()])
    for _ in range(7):
        time.sleep(1.1)
        os.kill(proxy.engine, signal.SIGKILL)
        start = time.monotonic()
        assert who_answers(proxy) == "server"
        assert time.monotonic() - start < 0.5


@pytest.mark.plain
@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
@pytest.mark.parametrize("message", [1, 2, 3, 4])
def test_an_engine_that_could_not_be_told_everything_is_replaced(limpet, server, keep, message):
    """There is never a second one beside it, and those who come meanwhile wait."""
    proxy = limpet([server()])
    keep(Strace(proxy.keeper, f"sendmsg:error=ENOBUFS:when={message}"))
    engine = proxy.engine
    os.kill(engine, signal.SIGKILL)
    assert proc.wait_until(lambda: not proc.is_alive(engine))
    assert who_answers(proxy) == "server"
    assert proxy.says("did not take its orders")
    assert "not by hand" not in proxy.stderr
    assert proxy.says("ready again")
    assert len(proc.children(proxy.keeper)) == 1
    assert who_answers(proxy) == "server"


@pytest.mark.plain
@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
@pytest.mark.parametrize("messages", ["1", "1..3", "2+2"])
def test_descriptors_of_others_that_fill_the_kernels_table_for_a_moment_are_waited_for(limpet, server, keep, messages):
    proxy = limpet([server()])
    keep(Strace(proxy.keeper, f"sendmsg:error=ETOOMANYREFS:when={messages}"))
    os.kill(proxy.engine, signal.SIGKILL)
    assert proxy.says("ready again")
    assert "did not take its orders" not in proxy.stderr
    assert who_answers(proxy) == "server"


@pytest.mark.plain
@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
@pytest.mark.parametrize("fault", ["socketpair:error=EMFILE", "clone,clone3,fork:error=EAGAIN"])
def test_while_no_engine_can_be_started_it_is_tried_ever_more_slowly(limpet, server, keep, fault):
    proxy = limpet([server()])
    time.sleep(1.1)
    fault = keep(Strace(proxy.keeper, fault))
    os.kill(proxy.engine, signal.SIGKILL)
    time.sleep(1)
    assert 2 <= proxy.stderr.count("the engine cannot be started") < 10
    fault.stop()
    assert who_answers(proxy) == "server"


@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
@pytest.mark.parametrize("call, error, message", [
    ("memfd_create", "EMFILE", "the configuration cannot be kept in memory: Too many open files"),
    ("signalfd4", "EMFILE", "signals cannot be watched: Too many open files"),
    ("socketpair", "EMFILE", "the engine cannot be started: Too many open files"),
    ("clone,clone3,fork", "EAGAIN", "the engine cannot be started: Resource temporarily unavailable"),
])
def test_a_start_that_fails_says_why(limpet, server, folder, call, error, message):
    """Only the keeper is traced, and only from its first words on."""
    proxy = limpet([server()], ready=False, env={"ASAN_OPTIONS": "detect_leaks=0"}, wrapper=[
        "strace", "-qq", "-o", str(folder / "trace"), "-e", f"trace={call}", "-e", f"inject={call}:error={error}"])
    assert proxy.wait(10) == 1
    proxy.process.returncode = 0
    assert message in proxy.stderr
