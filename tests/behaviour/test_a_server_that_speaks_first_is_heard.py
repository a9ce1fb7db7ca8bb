import time

import pytest

from support.client import Client
from support.servers import greets_and_echoes


def test_a_key_that_needs_no_bytes_waits_for_none(limpet, server):
    proxy = limpet([server("a", greets_and_echoes)], key="client", listener={"trust": "none"})
    start = time.monotonic()
    with Client(proxy) as client:
        assert client.read_line() == b"220 a\r\n"
        assert time.monotonic() - start < 1
        client.finish()
    assert proxy.visit()["source"] == "client"


def test_a_trusted_peer_waits_out_the_first_bytes_deadline_and_no_more(limpet, server):
    proxy = limpet([server("a", greets_and_echoes)], key="header:X-User", timeouts={"first-bytes": "500ms"})
    start = time.monotonic()
    with Client(proxy) as client:
        assert client.read_line() == b"220 a\r\n"
        assert 0.4 < time.monotonic() - start < 2
        client.send(b"EHLO\r\n").finish()
        assert client.read_to_end() == b"EHLO\r\n"
    assert proxy.visit()["source"] == "spread"


def test_the_first_byte_that_cannot_be_http_settles_it(limpet, server):
    proxy = limpet([server("a", greets_and_echoes)], key="header:X-User", timeouts={"first-bytes": "20s"})
    start = time.monotonic()
    with Client(proxy) as client:
        client.send(b"\0")
        assert client.read_line() == b"220 a\r\n"
        assert time.monotonic() - start < 2


def test_a_head_that_never_ends_is_settled_at_the_deadline(limpet, server):
    home = server("a", greets_and_echoes)
    proxy = limpet([home], key="header:X-User", timeouts={"first-bytes": "500ms"})
    with Client(proxy) as client:
        client.send(b"GET / HTTP/1.1\r\nX-Us")
        assert client.read_line() == b"220 a\r\n"
        client.send(b"er: ann\r\n\r\n").finish()
        assert client.read_to_end() == b"GET / HTTP/1.1\r\nX-User: ann\r\n\r\n"
    assert proxy.visit()["source"] == "spread"


@pytest.mark.parametrize("client_from, least, most", [("x-forwarded-for", 0.4, 2), ("none", 0, 0.4)])
def test_without_a_field_that_names_the_client_a_trusted_peer_hears_it_at_once(limpet, server, client_from, least, most):
    proxy = limpet([server("a", greets_and_echoes)], key="client", timeouts={"first-bytes": "500ms"},
                   listener={"trust": "loopback", "client-from": client_from})
    start = time.monotonic()
    with Client(proxy) as client:
        assert client.read_line() == b"220 a\r\n"
        assert least < time.monotonic() - start < most
