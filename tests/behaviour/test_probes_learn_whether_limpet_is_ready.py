"""/healthz and /readyz, for whoever starts limpet and sends it clients."""

import os
import signal

import pytest

from support import metrics
from support.client import Client
from support.metrics import probe
from support.ports import free_port
from support.proc import is_alive, wait_until
from support.servers import echoes
from support.strace import MAY_TRACE, Strace


@pytest.fixture
def at():
    return f"127.0.0.1:{free_port()}"


def test_all_is_well(limpet, server, folder, at):
    limpet([server("a")], metrics=at, admin=f"unix:{folder}/admin.sock")
    for address in (at, f"unix:{folder}/admin.sock"):
        assert probe(address, "/healthz") == (200, "ok")
        assert probe(address, "/readyz") == (200, "ready")


def test_who_drains_is_alive_but_not_ready(limpet, server, at):
    proxy = limpet([server("a", echoes)], metrics=at)
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        proxy.signal(signal.SIGTERM)
        assert proxy.says("draining")
        assert probe(at, "/readyz") == (503, "draining")
        assert probe(at, "/healthz") == (200, "ok")
        seen = metrics.read(at)
        assert (seen("limpet_draining"), seen("limpet_ready"), seen("limpet_connections")) == (1, 0, 1)
        assert client.send(b"still").read_exactly(5) == b"still"
    assert proxy.wait(10) == 0


def test_without_a_worker_that_takes_connections_nobody_is_welcome(limpet, at):
    proxy = limpet(config={"seed": "tests", "metrics": at, "listeners": [{"bind": f"127.0.0.1:{free_port()}", "pool": "app"}],
                           "pools": {"app": {"workers": {"command": ["sleep", "1000"], "count": 1}}}})
    assert probe(at, "/readyz") == (503, "no worker takes connections")
    assert probe(at, "/healthz") == (200, "ok")
    proxy.signal(signal.SIGTERM)


def test_servers_that_are_away_do_not_count(limpet, server, at):
    away = server("a")
    limpet([away], metrics=at)
    away.stop()
    assert probe(at, "/readyz") == (200, "ready")


@pytest.mark.plain
@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
def test_without_an_engine_limpet_does_not_live(limpet, server, keep, at):
    proxy = limpet([server("a")], metrics=at)
    fault = keep(Strace(proxy.keeper, "socketpair:error=EMFILE"))
    engine = proxy.engine
    os.kill(engine, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(engine))
    assert wait_until(lambda: probe(at, "/readyz") == (503, "no engine"))
    assert probe(at, "/healthz") == (503, "no engine")
    seen = metrics.read(at)
    assert (seen("limpet_engine_up"), seen("limpet_ready")) == (0, 0)
    fault.stop()
    assert wait_until(lambda: probe(at, "/readyz") == (200, "ready"), 15)
