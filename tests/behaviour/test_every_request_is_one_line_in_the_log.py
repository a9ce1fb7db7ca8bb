"""In http mode a request is a visit, and its line tells of it what no connection's could."""

import json
import re

import pytest

from support import wire
from support.client import Client, ask
from support.proc import wait_until

REQUEST_FIELDS = ["method", "host", "path", "status", "server_ms", "request_id"]


@pytest.fixture
def http(limpet, server):
    """A limpet in http mode: `http(log={...})`."""
    def start(**options):
        return limpet([server("a")], listener={"mode": "http", "trust": "none"}, **options)
    return start


def ask_once(proxy, path="/", headers=(), **more):
    return ask(proxy, path, {"Connection": "close", **dict(headers)}, **more)


def test_a_line_tells_what_was_asked_and_answered(http):
    proxy = http()
    assert ask_once(proxy, "/a/b?secret=1", host="Shop.example.org").status == 200
    visit = proxy.visit()
    assert (visit["method"], visit["host"], visit["path"], visit["status"]) == ("GET", "Shop.example.org", "/a/b", 200)
    assert 0 <= visit["server_ms"] <= visit["total_ms"]
    assert re.fullmatch(r"[0-9a-f]{32}", visit["request_id"])
    assert (visit["server"], visit["why"], visit["reason"]) == ("a", "home", "done")
    assert "secret" not in json.dumps(visit) and "retried" not in visit


def test_each_request_of_a_connection_has_its_line(http):
    proxy = http()
    with Client(proxy) as client:
        for number in range(5):
            client.send(wire.request(f"/{number}"))
            assert client.read().startswith(b"HTTP/1.1 200")
    visits = proxy.visits(5)
    assert [visit["path"] for visit in visits] == [f"/{number}" for number in range(5)]
    assert len({visit["request_id"] for visit in visits}) == 5


def test_a_request_that_was_refused_has_a_status_and_no_time_of_a_server(http):
    proxy = http()
    with Client(proxy) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert client.read_to_end().startswith(b"HTTP/1.1 400")
    visit = proxy.visit()
    assert (visit["reason"], visit["server"]) == ("bad_head", "")
    assert (visit["status"], visit["server_ms"], visit["method"], visit["path"]) == (400, None, "", "")


def test_without_a_server_it_is_503(limpet, server):
    away = server("a")
    proxy = limpet([away], listener={"mode": "http", "trust": "none"})
    away.stop()
    assert ask_once(proxy, "/x").status == 503
    visit = proxy.visit()
    assert (visit["reason"], visit["status"], visit["server_ms"], visit["path"]) == ("no_server", 503, None, "/x")


@pytest.mark.parametrize("form", ["json", "text"])
def test_hostile_targets_stay_within_their_line(http, form):
    proxy = http(log={"format": form}, threads=1)
    targets = ['/"quoted"', "/%0d%0areason=done", "/'{}[]`|^~", "/" + "x" * 8000, "/" + '"' * 8000]
    for target in targets:
        assert ask_once(proxy, target).status in (200, 400)
    assert wait_until(lambda: proxy.access.read_bytes().count(b"\n") >= len(targets))
    lines = proxy.access.read_bytes().split(b"\n")
    assert len(lines) == len(targets) + 1
    assert not any(re.search(rb"[\x00-\x1f\x7f-\xff]", line) for line in lines)
    assert all(len(line) < 49152 for line in lines)
    if form == "json":
        for target, line in zip(targets, lines):
            if "path" in (visit := json.loads(line)):
                assert visit["path"] == target[:2048]


def test_the_text_form_says_the_same_in_words(http):
    proxy = http(log={"format": "text"})
    ask_once(proxy, "/a")
    assert wait_until(lambda: proxy.access.read_text().endswith("\n"))
    line = proxy.access.read_text()
    names = [word.split("=")[0] for word in line.split()]
    at = names.index("method")
    assert names[at:at + len(REQUEST_FIELDS)] == REQUEST_FIELDS
    assert " method=GET host=example.org path=/a status=200 " in line


def test_in_tcp_mode_nothing_of_a_request_is_told(limpet, server):
    proxy = limpet([server("a")])
    ask(proxy)
    assert not set(REQUEST_FIELDS) & set(proxy.visit())
