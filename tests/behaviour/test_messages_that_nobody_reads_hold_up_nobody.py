"""Standard error may be a pipe whose reader hangs: a stuck logger, a blocked container. limpet does without its words."""

import os
import signal
import time

import pytest

from support import proc
from support.client import Client, who_answers


@pytest.fixture
def unread(folder, keep):
    """The path of a pipe that is full."""
    path = folder / "unread"
    os.mkfifo(path)
    path.chmod(0o666)

    class Pipe:
        reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)

        def stop(self):
            os.close(self.reader)

    pipe = keep(Pipe())
    for size in (65536, 1):
        try:
            while True:
                os.write(pipe.reader, bytes(size))
        except BlockingIOError:
            pass
    return path


def _serving(limpet, home, unread, **more):
    proxy = limpet([home], wrapper=["sh", "-c", f'exec "$@" 2>"{unread}"', "sh"], ready=False, **more)
    assert proc.wait_until(lambda: _answers(proxy), 10)
    return proxy


def _answers(proxy):
    try:
        return who_answers(proxy) == "server"
    except ConnectionError:
        return False


def test_it_starts_and_stops(limpet, server, unread):
    proxy = _serving(limpet, server(), unread)
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(5) == 0


def test_a_second_signal_stops_at_once(limpet, server, unread):
    proxy = _serving(limpet, server(), unread)
    with Client(proxy) as client:
        client.send(b"GET / HTTP/1.1\r\n")  # and does not end
        proxy.signal(signal.SIGTERM)
        proxy.signal(signal.SIGINT)
        assert proxy.wait(5) == 0


def test_a_dead_engine_is_started_again(limpet, server, unread):
    proxy = _serving(limpet, server(), unread)
    old = proxy.engine
    os.kill(old, signal.SIGKILL)
    assert proc.wait_until(lambda: proxy.engine not in (None, old), 5)
    assert proc.wait_until(lambda: _answers(proxy), 5)


def test_an_engine_that_hangs_is_ended_though_many_orders_wait_for_it(limpet, server, folder):
    logs = {"access": str(folder / "access.log"), "errors": str(folder / "errors.log")}
    folder.chmod(0o777)
    proxy = limpet([server()], log=logs, timeouts={"drain": "300ms"})
    os.kill(proxy.engine, signal.SIGSTOP)
    for _ in range(400):
        proxy.signal(signal.SIGUSR1)
        time.sleep(0.001)
        if "did not take" in proxy.stderr:
            break
    else:
        raise AssertionError("the engine takes whatever is sent")
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(10) == 1
    proxy.process.returncode = 0
