"""/metrics in the format that Prometheus reads, on the admin socket and at an address of its own."""

import os
import re
import signal
import threading
import time

import pytest

from support import metrics, wire
from support.client import Client, ask, who_answers
from support.limpet import ROOT, run
from support.ports import free_port
from support.proc import wait_until
from support.servers import echoes
from support.workers import node_worker, python_worker


@pytest.fixture
def at():
    return f"127.0.0.1:{free_port()}"


def tables():
    """Names and helps of all counters, and the reasons, as the program's tables have them."""
    counters = (ROOT / "src/base/counter.h").read_text()
    reasons = (ROOT / "src/base/reason.h").read_text()
    rows = re.findall(r'X\([A-Z0-9_]+, "(\w+)",\s*(?:\\\s*)?"([^"]+)"', counters[counters.index("COUNTER_TABLE"):])
    return dict(rows), re.findall(r'X\([A-Z0-9_]+, "(\w+)",', reasons)


def test_every_counter_and_every_reason_is_there_with_its_help(limpet, server, at):
    limpet([server("a")], metrics=at)
    seen = metrics.read(at)
    counters, reasons = tables()
    assert len(counters) > 20 and len(reasons) > 20
    connections = counters.pop("connections")
    for name, text in counters.items():
        assert seen.kinds[f"limpet_{name}_total"] == "counter"
        assert seen.helps[f"limpet_{name}_total"] == text
        assert seen(f"limpet_{name}_total") == 0
    assert seen.helps["limpet_connections"] == connections
    assert {dict(labels)["reason"] for name, labels in seen.values if name == "limpet_visits_total"} == {*reasons} - {"none"}


def test_the_manual_names_each_of_them(limpet, server, at):
    limpet([server("a")], metrics=at)
    page = run("manual", "limpet.1").stdout.decode().replace(r"\-", "-")
    for name in metrics.read(at).kinds:
        assert re.search(rf"{name}\b", page), name


def test_they_grow_with_what_happens(limpet, server, at):
    proxy = limpet([server("a"), server("b")], metrics=at, threads=2)
    before = metrics.read(at)
    answers = [ask(proxy) for _ in range(20)]
    proxy.visits(20)
    after = metrics.read(at)
    home = answers[0].text
    assert after("limpet_connections_accepted_total") == after("limpet_connects_total") == 20
    assert after("limpet_visits_total", reason="done") == 20
    assert after("limpet_bytes_in_total") == sum(visit["bytes_in"] for visit in proxy.visits())
    assert after("limpet_bytes_out_total") == sum(visit["bytes_out"] for visit in proxy.visits())
    assert after("limpet_server_up", pool="app", server=home) == 1
    assert all(value >= before.values[key] for key, value in after.counters().items())


def test_what_is_open_is_counted_while_it_is(limpet, server, at):
    proxy = limpet([server("a", echoes)], metrics=at)
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        seen = metrics.read(at)
        assert seen("limpet_connections") == seen("limpet_server_live", pool="app", server="a") == 1
    assert wait_until(lambda: metrics.read(at)("limpet_connections") == 0)
    assert metrics.read(at)("limpet_server_live", pool="app", server="a") == 0


def test_a_server_that_is_away_is_not_up(limpet, server, at):
    away = server("a")
    proxy = limpet([away, server("b")], metrics=at)
    away.stop()
    for number in range(10):
        with Client(proxy, source=f"127.0.0.{number + 2}") as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n").read_to_end()
    seen = metrics.read(at)
    assert seen("limpet_server_up", pool="app", server="a") == 0
    assert seen("limpet_server_up", pool="app", server="b") == 1
    assert seen("limpet_connect_failures_total") >= 1 and seen("limpet_next_ranked_total") >= 1


def test_counters_do_not_fall_when_the_engine_dies(limpet, server, at):
    proxy = limpet([server("a")], metrics=at, threads=2)
    seen = [metrics.read(at)]
    for round_number in range(1, 4):
        for _ in range(10):
            assert who_answers(proxy) == "a"
        proxy.visits(10 * round_number)
        seen.append(metrics.read(at))
        os.kill(proxy.engine, signal.SIGKILL)
        assert wait_until(lambda: proxy.stderr.count("ready again") == round_number, 10)
        seen.append(metrics.read(at))
    for before, after in zip(seen, seen[1:]):
        assert all(after.values[key] >= value for key, value in before.counters().items())
    last = seen[-1]
    assert last("limpet_visits_total", reason="done") == last("limpet_connections_accepted_total") == 30
    assert last("limpet_engine_starts_total") == 4
    assert last("limpet_connections") == 0
    assert last("process_start_time_seconds") == seen[0]("process_start_time_seconds")
    assert abs(last("process_start_time_seconds") - time.time()) < 60


NAME = 'x"y\\z{le=1}'


def test_a_name_cannot_end_its_label(limpet, server, socket_folder, at):
    """A server without a name is called as its address, which may hold what no name may."""
    for kind in ("a", NAME):
        server(kind, address=f"unix:{socket_folder}/{kind}")
    limpet(config={"seed": "tests", "metrics": at, "listeners": [{"bind": f"127.0.0.1:{free_port()}", "pool": "app",
                                                                  "mode": "tcp", "trust": "none"}],
                   "pools": {"app": {"servers": [f"unix:{socket_folder}/a", f"unix:{socket_folder}/{NAME}"]}}})
    seen = metrics.read(at)
    assert seen("limpet_server_up", pool="app", server=f"unix:{socket_folder}/{NAME}") == 1


def test_workers_are_counted(workers, at):
    proxy = workers(python_worker(), 3, metrics=at, bind=f"127.0.0.1:{free_port()}")
    for _ in range(5):
        assert ask(proxy, headers={"Connection": "close"}).status == 200
    seen = metrics.read(at)
    assert seen("limpet_workers", pool="app", state="up") == 3
    assert seen("limpet_workers", pool="app", state="down") == 0
    assert sum(seen("limpet_server_handed_over_total", pool="app", server=str(slot)) for slot in (1, 2, 3)) == 5
    assert seen("limpet_handed_over_total") == seen("limpet_visits_total", reason="handed_over") == 5
    assert all(seen("limpet_server_starts_total", pool="app", server=str(slot)) == 1 for slot in (1, 2, 3))


def test_clients_of_a_node_worker_are_asked_of_the_kernel(workers, at):
    proxy = workers(node_worker(), 1, metrics=at, bind=f"127.0.0.1:{free_port()}")
    with Client(proxy) as client:
        assert client.send(wire.request()).read().startswith(b"HTTP/1.1 200")
        assert wait_until(lambda: metrics.read(at)("limpet_server_live", pool="app", server="1") == 1)
    assert wait_until(lambda: metrics.read(at)("limpet_server_live", pool="app", server="1") == 0)


def test_requests_are_counted_in_http_mode(limpet, server, at):
    proxy = limpet([server("a")], metrics=at, listener={"mode": "http", "trust": "none"})
    for _ in range(7):
        assert who_answers(proxy, headers={"Connection": "close"}) == "a"
    assert ask(proxy, "/\\").status == 400
    proxy.visits(8)
    seen = metrics.read(at)
    assert (seen("limpet_requests_total"), seen("limpet_requests_refused_total")) == (7, 1)
    assert (seen("limpet_answers_2xx_total"), seen("limpet_answers_4xx_total")) == (7, 1)
    assert seen("limpet_visits_total", reason="done") == 7
    assert seen("limpet_visits_total", reason="bad_head") == 1


def test_requests_that_are_under_way_are_counted_and_idle_connections_are_not(limpet, server, at):
    def answers_when_told(talk, server):
        talk.read_until(b"\r\n\r\n")
        server.told.wait(10)
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        talk.read_to_end()

    slow = server("a", answers_when_told)
    slow.told = threading.Event()
    proxy = limpet([slow], metrics=at, listener={"mode": "http", "trust": "none"})
    with Client(proxy) as client:
        client.send(wire.request())
        assert wait_until(lambda: metrics.read(at)("limpet_server_live", pool="app", server="a") == 1)
        slow.told.set()
        assert client.read().startswith(b"HTTP/1.1 200")
        assert wait_until(lambda: metrics.read(at)("limpet_server_live", pool="app", server="a") == 0)
        assert metrics.read(at)("limpet_connections") == 1
    assert wait_until(lambda: metrics.read(at)("limpet_connections") == 0)


def test_the_admin_socket_says_the_same(limpet, server, folder, at):
    proxy = limpet([server("a")], admin=f"unix:{folder}/admin.sock", metrics=at)
    who_answers(proxy)
    proxy.visits(1)
    assert metrics.read(at).values == metrics.read(f"unix:{folder}/admin.sock").values


def test_it_may_be_a_unix_socket(limpet, server, socket_folder):
    at = f"unix:{socket_folder}/metrics.sock"
    proxy = limpet([server("a")], metrics=at)
    assert metrics.read(at)("limpet_ready") == 1
    proxy.stop()
    assert not os.path.exists(f"{socket_folder}/metrics.sock")


def test_nothing_else_is_there(limpet, server, at):
    proxy = limpet([server("a")], metrics=at)
    home = who_answers(proxy)
    for path in ("/", "/v1/status", f"/v1/drain?server=app/{home}", "/v1/reload"):
        for method in ("GET", "POST"):
            assert ask(at, path, {"Connection": "close"}, method=method).status == 404
    assert ask(at, "/metrics", {"Connection": "close"}, method="POST").status == 405
    answer = ask(at, "/metrics", {"Connection": "close"}, method="HEAD")
    assert answer.status == 200 and answer.body == b"" and int(answer.headers["content-length"]) > 5000
    assert who_answers(proxy) == home


def test_an_address_that_is_taken_is_an_error(limpet, server):
    taken = server("other")
    proxy = limpet([server("a")], metrics=taken.address, ready=False)
    assert proxy.wait(10) == 1
    proxy.process.returncode = 0
    assert f"metrics: {taken.address}: cannot listen: port in use" in proxy.stderr


def test_who_is_slow_holds_up_neither_other_readers_nor_clients(limpet, server, at):
    proxy = limpet([server("a")], metrics=at)
    slow = [Client(at) for _ in range(15)]
    slow[0].send(b"GET /metr")
    began = time.monotonic()
    for _ in range(20):
        assert metrics.read(at)("limpet_ready") == 1
        assert who_answers(proxy) == "a"
    assert time.monotonic() - began < 4
    assert all(client.read(1) in (b"", b"H") for client in slow)
    assert 3 < time.monotonic() - began < 10
