"""Whatever limpet looks at may arrive in segments of one byte, and arrives at the server exactly once."""

import pytest

from support import wire
from support.client import Client, parse_answer
from support.servers import tells_its_name_at_the_end

LONG_HEAD = wire.request("/", {"X-Filler": "f" * 8000, "X-More": "m" * 7900, "X-User": "ann"})


def _received_of(home, proxy, data):
    with Client(proxy) as client:
        client.send_byte_by_byte(data)
        client.finish()
        assert client.read_to_end() == b"a\n"
    return home.only_talk().received


def test_a_request_head_of_16_kib(limpet, server):
    assert 15900 < len(LONG_HEAD) <= 16384
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User")
    assert _received_of(home, proxy, LONG_HEAD) == LONG_HEAD
    assert proxy.visit()["source"] == "header:X-User"


@pytest.mark.parametrize("header", [wire.proxy_v1("203.0.113.9"), wire.proxy_v2("203.0.113.9"),
                                    wire.proxy_v2("2001:db8::9", tlvs=wire.tlv(0x04, bytes(500)))],
                         ids=["v1", "v2", "v2-with-tlvs"])
def test_a_proxy_header_and_a_request_behind_it(limpet, server, header):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User", listener={"proxy-protocol": "require"})
    request = wire.request(headers={"X-User": "ann"})
    assert _received_of(home, proxy, header + request) == request
    visit = proxy.visit()
    assert visit["source"] == "header:X-User"
    assert visit["client"].startswith(("203.0.113.9", "[2001:db8::9]"))


def test_a_wrapped_prefix(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], listener={"unwrap": "ipv4"})
    assert _received_of(home, proxy, wire.ip4_prefix("203.0.113.9") + b"hello") == b"hello"
    assert proxy.visit()["client"].startswith("203.0.113.9")


def test_a_client_hello(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="sni")
    hello = wire.client_hello("shop.example.org")
    assert _received_of(home, proxy, hello) == hello
    assert proxy.visit()["source"] == "sni"


def test_16_kib_on_a_unix_socket(limpet, server, socket_folder):
    """A peek there stalls after 278 writes of one byte, because each is a buffer of its own."""
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User", bind=f"unix:{socket_folder}/in")
    assert _received_of(home, proxy, LONG_HEAD) == LONG_HEAD
    assert proxy.visit()["source"] == "header:X-User"


def test_a_request_split_at_each_byte(limpet, server):
    home = server()
    proxy = limpet([home], key="header:X-User")
    request = wire.request(headers={"X-User": "ann"})
    for cut in range(1, len(request)):
        with Client(proxy) as client:
            client.send(request[:cut]).send(request[cut:])
            assert parse_answer(client.read_to_end()).text == "server"
    assert {visit["source"] for visit in proxy.visits(len(request) - 1)} == {"header:X-User"}
    assert all(talk.received == request for talk in home.talks)
