import os
import pty
import signal
import subprocess
import time

import pytest

from support import proc, wire
from support.client import Client, parse_answer, who_answers
from support.limpet import PROGRAM, environment
from support.ports import free_port
from support.servers import echoes


def _talking(proxy):
    client = Client(proxy)
    assert client.send(b"hello").read_exactly(5) == b"hello"
    return client


def _is_refused(proxy):
    try:
        with Client(proxy, timeout=0.3) as client:
            return client.send(b"x").read(1) == b""
    except (ConnectionError, TimeoutError):
        return True


@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_open_connections_go_on_and_new_ones_are_refused(limpet, server, number):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy) as client:
        proxy.signal(number)
        assert proc.wait_until(lambda: _is_refused(proxy), 3)
        assert client.send(b"still here").read_exactly(10) == b"still here"
        assert proxy.process.poll() is None
        client.finish()
        assert client.read() == b""
        start = time.monotonic()
        assert proxy.wait() == 0
        assert time.monotonic() - start < 3
    assert proxy.visits(1)[0]["reason"] == "done"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_to_all_its_processes_is_one_signal(limpet, server, number):
    """A keyboard sends INT to the whole group, systemd sends TERM to the whole unit."""
    proxy = limpet([server("a", echoes)])
    with _talking(proxy) as client:
        os.killpg(proxy.process.pid, number)
        assert proc.wait_until(lambda: _is_refused(proxy), 3)
        assert client.send(b"still here").read_exactly(10) == b"still here"


def test_without_connections_it_stops_at_once(limpet, server):
    proxy = limpet([server()])
    who_answers(proxy)
    start = time.monotonic()
    proxy.stop()
    assert time.monotonic() - start < 2


def test_connections_that_do_not_end_are_ended_at_the_deadline(limpet, server):
    proxy = limpet([server("a", echoes)], timeouts={"drain": "700ms"})
    with _talking(proxy):
        start = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert proxy.wait() == 0
        assert 0.6 < time.monotonic() - start < 3
    assert proxy.visit()["reason"] == "stopped"


def test_a_second_signal_stops_now(limpet, server):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy):
        proxy.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert proxy.process.poll() is None
        start = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert proxy.wait() in (0, 1)
        assert time.monotonic() - start < 2
    assert proxy.visit()["reason"] == "stopped"


def test_a_connection_that_has_said_nothing_yet_may_still_speak(limpet, server):
    proxy = limpet([server()], key="header:X-User")
    with Client(proxy) as client:
        time.sleep(0.1)
        proxy.signal(signal.SIGTERM)
        time.sleep(0.2)
        client.send(wire.request(headers={"X-User": "ann"}))
        assert parse_answer(client.read_to_end()).text == "server"
    assert proxy.wait(5) == 0


def test_a_connection_that_says_nothing_holds_it_up_no_longer_than_the_deadline(limpet, server):
    proxy = limpet([server()], key="header:X-User", timeouts={"drain": "600ms"})
    with Client(proxy) as client:
        time.sleep(0.1)
        start = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert proxy.wait() == 0
        assert 0.5 < time.monotonic() - start < 3
        assert client.is_dropped()
    assert proxy.visit()["reason"] == "stopped"


def test_an_engine_that_dies_while_it_drains_is_not_started_again(limpet, server):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy):
        proxy.signal(signal.SIGTERM)
        assert proxy.says("draining")
        os.kill(proxy.engine, signal.SIGKILL)
        proxy.wait(3)
        proxy.process.returncode = 0


def test_an_engine_that_hangs_cannot_hold_it_up(limpet, server):
    proxy = limpet([server("a", echoes)])
    engine = proxy.engine
    with _talking(proxy):
        os.kill(engine, signal.SIGSTOP)
        proxy.signal(signal.SIGTERM)
        assert proxy.says("draining")
        proxy.signal(signal.SIGTERM)
        try:
            proxy.wait(8)
            assert proc.wait_until(lambda: not proc.is_alive(engine), 2)
        finally:
            proxy.kill()
            proc.wait_until(lambda: not proc.is_alive(engine) or os.kill(engine, signal.SIGKILL), 2)
        proxy.process.returncode = 0


@pytest.mark.parametrize("wait", [0, 0.002, 0.01, 0.03])
def test_a_stop_during_the_start_is_a_stop(limpet, server, wait):
    proxy = limpet([server()], ready=False)
    proc.wait_until(lambda: proxy.says("listening", 0) or proxy.process.poll() is not None, 5, every=0.001)
    time.sleep(wait)
    proxy.process.terminate()
    assert proxy.wait(5) in (0, 1)
    proxy.process.returncode = 0


def test_hup_says_that_there_is_no_reload_yet_and_serves_on(limpet, server):
    proxy = limpet([server()])
    engine = proxy.engine
    proxy.signal(signal.SIGHUP)
    assert proxy.says("reload")
    assert who_answers(proxy) == "server"
    assert proxy.engine == engine


def test_hup_on_a_terminal_ends_it(server):
    """As for every program whose terminal is closed."""
    terminal, end = pty.openpty()
    home, address = server(), f"127.0.0.1:{free_port()}"
    process = subprocess.Popen([PROGRAM, "serve", "-l", address, home.address], stdin=end, stderr=end,
                               stdout=subprocess.DEVNULL, env=environment())
    os.close(end)
    said = b""
    while b"limpet: ready" not in said:
        said += os.read(terminal, 1000)
    process.send_signal(signal.SIGHUP)
    assert process.wait(10) == 0
    os.close(terminal)


def test_signals_without_a_meaning_are_survived(limpet, server):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy) as client:
        for number in (signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGURG):
            proxy.signal(number)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            proxy.signal(number)
            time.sleep(0.1)
        assert client.send(b"hello").read_exactly(5) == b"hello"


def test_a_stop_and_continue_of_the_engine_loses_nothing(limpet, server):
    proxy = limpet([server("a", echoes)])
    with _talking(proxy) as client:
        os.kill(proxy.engine, signal.SIGSTOP)
        time.sleep(0.3)
        client.send(b"are you there?")
        os.kill(proxy.engine, signal.SIGCONT)
        assert client.read_exactly(14) == b"are you there?"


def test_what_is_cut_short_does_not_look_complete(limpet, server):
    def pours(talk, server):
        while True:
            talk.send(b"more " * 100)
            time.sleep(0.01)

    proxy = limpet([server("a", pours)], timeouts={"drain": "300ms"})
    with Client(proxy) as client:
        client.send(b"x").read_exactly(1000)
        proxy.signal(signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            client.read_to_end()
    assert proxy.wait() == 0
