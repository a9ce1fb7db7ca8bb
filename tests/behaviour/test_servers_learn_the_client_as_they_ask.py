"""`send-proxy` and `send-prefix`: what limpet learnt is told in front of the stream."""

import socket

import pytest

from support import wire
from support.client import Client, who_answers
from support.servers import tells_its_name_at_the_end


def _arrives(limpet, server, pool, listener=None, data=b"hello", **more):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], pool=pool, listener=listener, **more)
    with Client(proxy) as client:
        client.send(data).finish()
        assert client.read_to_end() == b"a\n"
        own = client.socket.getsockname()
    return bytes(home.only_talk().received), proxy, own


def test_a_proxy_header_of_version_1(limpet, server):
    received, proxy, own = _arrives(limpet, server, {"send-proxy": "v1"})
    assert received == b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\nhello" % (own[1], proxy.port)


def test_a_proxy_header_of_version_2(limpet, server):
    received, proxy, own = _arrives(limpet, server, {"send-proxy": "v2"})
    assert received == wire.proxy_v2("127.0.0.1", "127.0.0.1", own[1], proxy.port) + b"hello"


def test_it_names_the_client_whom_a_proxy_in_front_named(limpet, server):
    listener = {"proxy-protocol": "require"}
    header = wire.proxy_v2("2001:db8::9", "2001:db8::1", 4711, 443)
    received, _, _ = _arrives(limpet, server, {"send-proxy": "v2"}, listener, header + b"hello")
    assert received == header + b"hello"


def test_it_says_nothing_of_a_client_on_a_unix_socket(limpet, server, socket_folder):
    home = server("a", tells_its_name_at_the_end)
    for version, header in (("v1", b"PROXY UNKNOWN\r\n"), ("v2", wire.proxy_v2())):
        proxy = limpet([home], pool={"send-proxy": version}, bind=f"unix:{socket_folder}/{version}")
        with Client(proxy) as client:
            client.send(b"hello").finish()
            client.read_to_end()
        assert home.talks[-1].received == header + b"hello"


def test_a_prefix_of_4_bytes(limpet, server):
    received, _, _ = _arrives(limpet, server, {"send-prefix": "ipv4"})
    assert received == b"\x7f\0\0\1hello"


def test_a_prefix_of_16_bytes(limpet, server):
    received, _, _ = _arrives(limpet, server, {"send-prefix": "ipv6"})
    assert received == socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1") + b"hello"


def test_the_unwrapped_prefix_again(limpet, server):
    pool, listener = {"send-prefix": "unwrapped"}, {"unwrap": 7}
    received, _, _ = _arrives(limpet, server, pool, listener, b"ann-007hello", key="unwrapped")
    assert received == b"ann-007hello"


def test_a_server_that_speaks_first_gets_the_header_before_the_client_says_a_word(limpet, server):
    def waits_for_the_header(talk, server):
        talk.read_until(b"\r\n")
        talk.send(b"220 ready\r\n")
        talk.read_to_end()

    proxy = limpet([server("a", waits_for_the_header)], pool={"send-proxy": "v1"})
    with Client(proxy) as client:
        assert client.read_line() == b"220 ready\r\n"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_address_survives_a_chain_of_two_limpets(limpet, server, version):
    home = server("a")
    inner = limpet([home], key="client", listener={"proxy-protocol": "require"})
    inner.name = "inner"
    outer = limpet([inner], pool={"send-proxy": version}, listener={"trust": ["127.0.0.1"]})
    assert who_answers(outer, source="127.9.8.7") == "a"
    assert inner.visit()["client"].startswith("127.9.8.7")
    assert inner.visit()["peer"].startswith("127.0.0.1")
    assert home.only_talk().received == wire.request()
