import fcntl
import json
import os
import re
import select
import signal
import time
from pathlib import Path

import pytest

from support import wire
from support.client import Client, ask, who_answers
from support.proc import wait_until
from support.servers import tells_its_name_at_the_end

FIELDS = {"time", "client", "peer", "listener", "pool", "source", "key", "server", "why", "bytes_in", "bytes_out",
          "wait_ms", "connect_ms", "total_ms", "reason"}


def test_a_line_tells_who_where_why_and_how_much(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="header:X-User")
    request = wire.request(headers={"X-User": "ann", "X-Forwarded-For": "203.0.113.9"})
    with Client(proxy) as client:
        client.send(request).finish()
        client.read_to_end()
        own = client.socket.getsockname()
    visit = proxy.visit()
    assert FIELDS <= set(visit)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", visit["time"])
    assert visit["peer"] == f"127.0.0.1:{own[1]}"
    assert (visit["listener"], visit["pool"], visit["server"]) == (proxy.address, "app", "a")
    assert (visit["source"], visit["why"], visit["reason"]) == ("header:X-User", "home", "done")
    assert (visit["bytes_in"], visit["bytes_out"]) == (len(request), 2)
    assert re.fullmatch(r"[0-9a-f]{8}", visit["key"])
    assert "ann" not in json.dumps(visit)
    assert 0 <= visit["connect_ms"] <= visit["total_ms"] < 5000


def test_the_same_key_has_the_same_hash_and_another_seed_another(limpet, server):
    home = server()
    first, second, other = (limpet([home], key="header:X-User", **seed) for seed in ({}, {}, {"seed": "other"}))
    for proxy in (first, second, other):
        ask(proxy, headers={"X-User": "ann"})
    hashes = [proxy.visit()["key"] for proxy in (first, second, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_text_form_says_the_same_in_words(limpet, server):
    proxy = limpet([server("a")], key="header:X-User", log={"format": "text"})
    ask(proxy, headers={"X-User": "ann"})
    assert wait_until(lambda: proxy.access.read_text().endswith("\n"))
    line = proxy.access.read_text()
    assert line.count("\n") == 1
    for word in ("pool=app", "server=a", "why=home", "reason=done", "source=header:X-User"):
        assert word in line
    assert "ann" not in line


HOSTILE = [b'quote " and \\ backslash', b"\xff\xfe\x80", b"tab\tinside", "\u202e\u2028 gnu".encode(), b"a" * 4000, b"a" * 15000, b"\xff" * 15000, b'"' * 15000,
           b"\xc0\xaf overlong", b"\xed\xa0\x80 surrogate", b"\xe2\x82", b"{} [] ,:"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_hostile_keys_stay_within_their_line(limpet, server, form):
    proxy = limpet([server()], key="header:X-User", log={"format": form, "keys": "plain"}, threads=1)
    for value in HOSTILE:
        with Client(proxy) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: example.org\r\nX-User: " + value + b"\r\n\r\n")
            client.read_to_end()
    assert wait_until(lambda: proxy.access.read_bytes().count(b"\n") >= len(HOSTILE))
    lines = proxy.access.read_bytes().split(b"\n")
    assert len(lines) == len(HOSTILE) + 1 and lines[-1] == b""
    for line in lines:
        line.decode()
        assert not re.search(rb"[\x00-\x1f\x7f]", line)
    if form == "json":
        assert [json.loads(line)["source"] for line in lines[:-1]] == ["header:X-User"] * len(HOSTILE)
        assert json.loads(lines[0])["key_text"] == HOSTILE[0].decode()


def test_control_characters_in_raw_keys_are_escaped(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="bytes:0+12", log={"format": "json", "keys": "plain"})
    with Client(proxy) as client:
        client.send(b"\x1b[31m\r\nfoo\0\n").finish()
        client.read_to_end()
    assert wait_until(lambda: proxy.access.read_bytes().endswith(b"\n"))
    text = proxy.access.read_bytes()
    assert text.count(b"\n") == 1 and b"\x1b" not in text and b"\0" not in text
    assert "31m" in proxy.visit()["key_text"]


def _logging_limpet(limpet, server, folder, **more):
    logs = folder / "logs"
    logs.mkdir()
    logs.chmod(0o777)
    access, errors = logs / "access.log", logs / "errors.log"
    log = {"format": "json", "access": str(access), "errors": str(errors)}
    return limpet([server()], log=log, **more), access, errors


@pytest.mark.threads
def test_usr1_opens_the_files_again_after_they_were_renamed(limpet, server, folder):
    proxy, access, errors = _logging_limpet(limpet, server, folder)
    who_answers(proxy)
    assert wait_until(lambda: access.read_text().count("\n") == 1)
    old_access, old_errors = access.rename(access.with_suffix(".1")), errors.rename(errors.with_suffix(".1"))
    proxy.signal(signal.SIGUSR1)
    assert wait_until(lambda: access.exists() and errors.exists())
    time.sleep(0.2)
    who_answers(proxy)
    assert wait_until(lambda: access.read_text().count("\n") == 1)
    assert old_access.read_text().count("\n") == 1
    assert old_errors.exists()


def test_a_log_that_cannot_be_opened_is_named_at_the_start(limpet, server, folder):
    for log in ({"access": f"{folder}/nowhere/access.log"}, {"errors": f"{folder}/nowhere/errors.log"}):
        proxy = limpet([server()], log=log, ready=False)
        assert proxy.wait(10) == 1
        proxy.process.returncode = 0
        assert f"{folder}/nowhere/" in proxy.stderr


def test_a_fifo_that_nobody_reads_yet_holds_up_nobody(limpet, server, folder):
    fifo = folder / "access"
    os.mkfifo(fifo)
    proxy = limpet([server()], log={"access": str(fifo)})
    assert who_answers(proxy) == "server"
    time.sleep(0.1)
    proxy.signal(signal.SIGUSR1)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert select.select([reader], [], [], 5)[0]
        assert b" reason=done" in os.read(reader, 65536)
    finally:
        os.close(reader)
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(10) == 0


def test_a_log_that_cannot_be_opened_again_stays_as_it_is(limpet, server, folder):
    proxy, access, errors = _logging_limpet(limpet, server, folder)
    who_answers(proxy)
    access.parent.rename(folder / "moved")
    proxy.signal(signal.SIGUSR1)
    time.sleep(0.3)
    assert who_answers(proxy) == "server"
    moved = folder / "moved" / access.name
    assert wait_until(lambda: moved.read_text().count("\n") == 2)
    assert "the old log file is still written to" in (folder / "moved" / errors.name).read_text()
    (folder / "moved").rename(access.parent)


def test_a_log_that_nobody_reads_holds_no_client_up(limpet, server):
    reading, writing = os.pipe()
    proxy = limpet([server()], stdout=writing, log={"format": "json", "keys": "plain"}, key="header:X-User")
    os.close(writing)
    for _ in range(60):
        assert who_answers(proxy, headers={"X-User": "k" * 8000}) == "server"
    proxy.stop()
    os.close(reading)


def _read_lines(pipe, count):
    data = bytearray()
    while data.count(b"\n") < count and select.select([pipe], [], [], 5)[0] and (piece := os.read(pipe, 1 << 16)):
        data += piece
    return data.splitlines()


def test_a_pipe_that_does_not_block_loses_no_line_while_its_reader_is_slow(limpet, server):
    """Whoever made it non-blocking, the log waits for its reader as it would at any other pipe."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    proxy = limpet([server()], stdout=writing, log={"format": "json", "keys": "plain"}, key="header:X-User")
    os.close(writing)
    for number in range(40):
        who_answers(proxy, headers={"X-User": f"user{number}"})
    time.sleep(0.2)
    keys = [json.loads(line)["key_text"] for line in _read_lines(reading, 40)]
    assert sorted(keys) == sorted(f"user{number}" for number in range(40))
    assert "loses" not in proxy.stderr
    os.close(reading)


def test_messages_in_a_file_have_the_time_in_front(limpet, server, folder):
    """On standard error they have none, as the journal adds its own."""
    proxy, _, errors = _logging_limpet(limpet, server, folder)
    os.kill(proxy.engine, signal.SIGKILL)
    assert proxy.says("ready again")
    proxy.stop()
    stamped = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z limpet: ")
    lines = errors.read_text().splitlines()
    assert len(lines) >= 4 and all(stamped.match(line) for line in lines), lines


def test_a_log_whose_reader_has_left_does_no_harm(limpet, server):
    reading, writing = os.pipe()
    proxy = limpet([server()], stdout=writing)
    os.close(writing)
    os.close(reading)
    for _ in range(5):
        assert who_answers(proxy) == "server"


def test_a_full_disk_does_no_harm(limpet, server):
    with open("/dev/full", "wb") as full:
        proxy = limpet([server()], stdout=full)
        for _ in range(20):
            assert who_answers(proxy) == "server"
        assert proxy.says("loses lines")


def test_the_log_can_be_off(limpet, server):
    proxy = limpet([server()], log={"access": "off"})
    who_answers(proxy)
    proxy.stop()
    assert proxy.access.read_bytes() == b""


def test_lines_of_a_stopping_limpet_are_not_lost(limpet, server):
    proxy = limpet([server()])
    for _ in range(50):
        who_answers(proxy)
    proxy.stop()
    assert len(proxy.visits()) == 50
    assert Path(proxy.access).read_bytes().endswith(b"\n")
