"""The prefix peek of mode tcp: odd beginnings, and every byte arrives exactly once."""

import time

import pytest

from support import proc, wire
from support.client import Client
from support.servers import echoes, tells_its_name_at_the_end

LIMIT = 16384


def _head_of(size, **headers):
    empty = wire.request("/", {**headers, "X-Filler": ""})
    return wire.request("/", {**headers, "X-Filler": "f" * (size - len(empty))})


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_head_up_to_the_limit_gives_the_key(limpet, server, size):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User")
    head = _head_of(size, **{"X-User": "ann"})
    assert len(head) == size
    with Client(proxy) as client:
        client.send(head).finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == head
    assert proxy.visit()["source"] == "header:X-User"


def test_a_cookie_beyond_the_limit_is_absent(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="cookie:sid", timeouts={"first-bytes": "20s"})
    data = wire.request(headers={"X-Filler": "f" * LIMIT, "Cookie": "sid=1"})
    start = time.monotonic()
    with Client(proxy) as client:
        client.send(data).finish()
        assert client.read_to_end() == b"a\n"
    assert time.monotonic() - start < 5
    assert home.only_talk().received == data
    visit = proxy.visit()
    assert visit["source"] == "spread"
    assert visit["detail"] == "the request head is longer than 16 KiB, so nothing in it counts"


def test_a_head_beyond_the_limit_names_no_client_and_the_log_says_so(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="client")
    with Client(proxy) as client:
        client.send(wire.request(headers={"X-Forwarded-For": "203.0.113.9", "X-Filler": "f" * LIMIT})).finish()
        assert client.read_to_end() == b"a\n"
    visit = proxy.visit()
    assert visit["client"].startswith("127.0.0.1:")
    assert "longer than 16 KiB" in visit["detail"]


def test_a_flood_without_a_decision_is_cut_at_the_limit(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="field:X-None", timeouts={"first-bytes": "20s"})
    data = b"no line end " * 100000
    with Client(proxy) as client:
        client.send(data).finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == data


TWO_HOSTS = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
FORWARDED = wire.request(headers={"X-Forwarded-For": "203.0.113.9"})


@pytest.mark.parametrize("data", [TWO_HOSTS, FORWARDED], ids=["two-hosts", "forwarded"])
def test_whatever_the_pieces_the_outcome_is_the_same(limpet, server, data):
    """The key needs no head, so nothing depends on one."""
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="bytes:0+4")
    for cut in (len(data), len(data) - 1, 10):
        with Client(proxy) as client:
            client.send(data[:cut])
            time.sleep(0.1)
            client.send(data[cut:]).finish()
            assert client.read_to_end() == b"a\n"
    for visit in proxy.visits(3):
        assert (visit["reason"], visit["client"].split(":")[0]) == ("done", "127.0.0.1")


def test_who_is_ended_without_a_key_is_named(limpet, server):
    proxy = limpet([server()], key="query:x", pool={"no-key": "end"})
    with Client(proxy) as client:
        client.send(FORWARDED)
        assert client.is_dropped()
    visit = proxy.visit()
    assert (visit["reason"], visit["client"]) == ("no_key", "203.0.113.9")


def test_a_head_that_came_too_late_is_told(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="client", timeouts={"first-bytes": "300ms"})
    with Client(proxy) as client:
        client.send(FORWARDED[:-2])
        time.sleep(0.6)
        client.send(FORWARDED[-2:]).finish()
        assert client.read_to_end() == b"a\n"
    assert proxy.visit()["detail"] == "the request head did not end in time, so nothing in it counts"


def test_a_head_that_pauses_costs_nothing_until_it_goes_on(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="header:X-User", threads=1,
                   timeouts={"first-bytes": "20s"})
    head = wire.request(headers={"X-Filler": "f" * 4000, "X-User": "ann"})
    with Client(proxy) as client:
        for start in range(0, 2000, 100):
            client.send(head[start:start + 100])
            time.sleep(0.002)
        time.sleep(0.5)
        before = proc.switches(proxy.engine)
        time.sleep(0.5)
        assert proc.switches(proxy.engine) - before <= 3
        client.send_byte_by_byte(head[2000:])
        client.finish()
        assert client.read_to_end() == b"a\n"
    assert proxy.visit()["source"] == "header:X-User"


@pytest.mark.parametrize("data", [b"", b"G", b"\0", b"\x16", b"\r", b"P", b"GET / HTTP/1.1\r\nX-Us",
                                  b"\x16\x03\x01\x02\x00\x01"], ids=repr)
def test_an_early_end_is_an_absent_key(limpet, server, data):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key=["header:X-User", "sni"], timeouts={"first-bytes": "20s"})
    start = time.monotonic()
    with Client(proxy) as client:
        client.send(data).finish()
        assert client.read_to_end() == b"a\n"
    assert time.monotonic() - start < 2
    assert home.only_talk().received == data
    assert proxy.visit()["source"] == "spread"


def test_a_reset_while_peeking_reaches_no_server(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User")
    for _ in range(30):
        Client(proxy).send(b"GET / HT").reset()
    assert {visit["reason"] for visit in proxy.visits(30)} <= {"client_gone", "client_reset"}
    assert not home.talks


def test_a_second_request_goes_where_the_first_one_went(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home, server("b", tells_its_name_at_the_end)], key="header:X-User")
    both = b"".join(wire.request(headers={"X-User": f"user{number}"}) for number in range(10))
    with Client(proxy) as client:
        client.send(both).finish()
        name = client.read_to_end()
    assert proxy.visit()["server"] == name.decode().strip()


def test_a_request_waits_for_its_whole_head_even_if_the_key_stands_first(limpet, server):
    """A head that turns out to be bad must not have reached a server."""
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User")
    with Client(proxy) as client:
        client.send(b"GET / HTTP/1.1\r\nX-User: ann\r\n")
        time.sleep(0.2)
        assert not home.talks
        client.send(b"Host: a\r\nHost: b\r\n\r\n")
        assert b" 400 " in client.read_to_end()
    assert not home.talks


def test_raw_bytes_are_a_key_as_soon_as_they_are_there(limpet, server):
    home = server("a", echoes)
    proxy = limpet([home], key="bytes:2+3", log={"format": "json", "keys": "plain"}, timeouts={"first-bytes": "20s"})
    with Client(proxy) as client:
        client.send_byte_by_byte(b"\1\2abc")
        assert client.read_exactly(5) == b"\1\2abc"
    assert proxy.visit()["key_text"] == "abc"


def test_many_clients_that_say_nothing_hold_nobody_up(limpet, server):
    proxy = limpet([server("a", echoes)], key="header:X-User", timeouts={"first-bytes": "1s"})
    silent = [Client(proxy) for _ in range(200)]
    start = time.monotonic()
    with Client(proxy) as client:
        assert client.send(b"\0hello").read_exactly(6) == b"\0hello"
    assert time.monotonic() - start < 1
    for client in silent:
        client.finish()
    for client in silent:
        assert client.read() == b""
        client.close()
    assert len(proxy.visits(201)) == 201
