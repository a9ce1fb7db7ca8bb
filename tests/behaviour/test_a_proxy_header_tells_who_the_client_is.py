"""PROXY protocol, accepted: proxy-protocol.txt sections 2.1 (text), 2.2 (binary)."""

import socket
import struct
import time

import pytest

from support import wire
from support.client import Client, ask, who_answers
from support.servers import tells_its_name_at_the_end
from support.wire import proxy_v1, proxy_v2, tlv

GOOD = {
    "v1, IPv4": (proxy_v1("203.0.113.9"), "203.0.113.9"),
    "v1, IPv6": (proxy_v1("2001:db8::9", "2001:db8::1"), "2001:db8::9"),
    "v1, unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v1, unknown with anything behind": (b"PROXY UNKNOWN what ever 1 2 3\r\n", "127.0.0.1"),
    "v1, highest port": (proxy_v1("203.0.113.9", source_port=65535), "203.0.113.9"),
    "v1, port nought": (proxy_v1("203.0.113.9", source_port=0), "203.0.113.9"),
    "v2, IPv4": (proxy_v2("203.0.113.9"), "203.0.113.9"),
    "v2, IPv6": (proxy_v2("2001:db8::9"), "2001:db8::9"),
    "v2, mapped IPv4": (proxy_v2("::ffff:203.0.113.9"), "203.0.113.9"),
    "v2, local": (proxy_v2(), "127.0.0.1"),
    "v2, local with any length": (proxy_v2(tlvs=bytes(77)), "127.0.0.1"),
    "v2, unspecified": (wire.PROXY_V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x00, 4) + b"what", "127.0.0.1"),
    "v2, Unix": (wire.PROXY_V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x31, 216) + bytes(216), "127.0.0.1"),
    "v2, datagram over IPv4": (wire.PROXY_V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x12, 12)
                               + socket.inet_aton("203.0.113.9") * 2 + bytes(4), "203.0.113.9"),
    "v2, unknown TLVs": (proxy_v2("203.0.113.9", tlvs=tlv(0xEE, b"x" * 300) + tlv(0x04, b"")), "203.0.113.9"),
    "v2, right checksum": (wire.with_crc32c("203.0.113.9"), "203.0.113.9"),
    "v2, TLS sub-TLVs": (proxy_v2("203.0.113.9", tlvs=tlv(0x20, b"\1\0\0\0\0" + tlv(0x21, b"TLSv1.3"))), "203.0.113.9"),
}


def _who_answers_at_the_end(proxy):
    with Client(proxy, timeout=3) as client:
        return client.send(b"x").finish().read_to_end().decode().strip()


_V4 = socket.inet_aton("203.0.113.9") * 2 + struct.pack("!HH", 1, 2)


def _v2(version_command=0x21, family=0x11, length=None, rest=_V4):
    length = len(rest) if length is None else length
    return wire.PROXY_V2_SIGNATURE + struct.pack("!BBH", version_command, family, length) + rest


BAD = {
    "v1, longer than 107 bytes": b"PROXY UNKNOWN " + b"x" * 120 + b"\r\n",
    "v1, line feed only": b"PROXY TCP4 203.0.113.9 192.0.2.1 1 2\n",
    "v1, TCP5": b"PROXY TCP5 203.0.113.9 192.0.2.1 1 2\r\n",
    "v1, a field too many": b"PROXY TCP4 203.0.113.9 192.0.2.1 1 2 3\r\n",
    "v1, a field too few": b"PROXY TCP4 203.0.113.9 192.0.2.1 1\r\n",
    "v1, two spaces": b"PROXY TCP4  203.0.113.9 192.0.2.1 1 2\r\n",
    "v1, port 65536": proxy_v1("203.0.113.9", source_port=65536),
    "v1, port -1": proxy_v1("203.0.113.9", source_port=-1),
    "v1, port 010": b"PROXY TCP4 203.0.113.9 192.0.2.1 010 2\r\n",
    "v1, port empty": b"PROXY TCP4 203.0.113.9 192.0.2.1  2\r\n",
    "v1, the other family": b"PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n",
    "v1, mixed families": b"PROXY TCP6 2001:db8::9 192.0.2.1 1 2\r\n",
    "v1, leading nought": b"PROXY TCP4 1.2.3.04 192.0.2.1 1 2\r\n",
    "v1, NUL inside": b"PROXY TCP4 203.0.113.9\0 192.0.2.1 1 2\r\n",
    "v1, lower case": b"proxy tcp4 203.0.113.9 192.0.2.1 1 2\r\n",
    "v1, lower case family": b"PROXY tcp4 203.0.113.9 192.0.2.1 1 2\r\n",
    "v2, version 1": _v2(0x11),
    "v2, version 3": _v2(0x31),
    "v2, command 2": _v2(0x22),
    "v2, family 4": _v2(family=0x41),
    "v2, protocol 3": _v2(family=0x13),
    "v2, shorter than its addresses": _v2(length=11),
    "v2, IPv6 shorter than its addresses": _v2(family=0x21, rest=bytes(35)),
    "v2, Unix shorter than its addresses": _v2(family=0x31, rest=bytes(215)),
    "v2, TLV past the end": proxy_v2("203.0.113.9", tlvs=b"\x04\x00\x05abcd"),
    "v2, TLV cut in its own head": proxy_v2("203.0.113.9", tlvs=b"\x04\x00"),
    "v2, wrong checksum": wire.with_crc32c("203.0.113.9", flip=1),
    "v2, checksum of three bytes": proxy_v2("203.0.113.9", tlvs=tlv(0x03, b"abc")),
    "v2, 65,535 bytes": _v2(length=65535, rest=_V4 + bytes(65535 - 12)),
    "v2, authority longer than 255 bytes": proxy_v2("203.0.113.9", tlvs=tlv(0x02, b"a" * 256)),
    "v2, TLS TLV shorter than its own head": proxy_v2("203.0.113.9", tlvs=tlv(0x20, b"\1\0\0\0")),
    "v2, TLS sub-TLV past its end": proxy_v2("203.0.113.9", tlvs=tlv(0x20, b"\1\0\0\0\0" + b"\x21\0\x09TLSv1.3")),
    "v2, length one too small": _v2(length=len(_V4) + 6, rest=_V4 + tlv(0x04, b"noop")),
    "neither": b"XYZ\r\n",
    "a request": wire.request(),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_header_is_taken_off(limpet, server, name):
    header, client_address = GOOD[name]
    home = server("a")
    proxy = limpet([home], key="client", listener={"proxy-protocol": "require"},
                   log={"format": "json", "keys": "plain"})
    assert who_answers(proxy, in_front=header) == "a"
    assert home.only_talk().received == wire.request()
    visit = proxy.visit()
    assert client_address in visit["client"]
    assert visit["peer"].startswith("127.0.0.1")
    assert visit["key_text"] == client_address


def test_a_bad_header_ends_the_connection_without_an_answer(limpet, server):
    home = server("a")
    proxy = limpet([home], listener={"proxy-protocol": "require"}, timeouts={"proxy-header": "600ms"})
    clients = {name: Client(proxy) for name in BAD}
    for name, client in clients.items():
        try:
            client.send(BAD[name])
        except ConnectionError:
            pass
    kept = [name for name, client in clients.items() if not client.is_dropped()]
    assert not kept
    assert {visit["reason"] for visit in proxy.visits(len(BAD))} == {"bad_proxy"}
    assert not home.talks
    assert who_answers(proxy, in_front=proxy_v1("203.0.113.9")) == "a"


def test_a_header_that_does_not_come_to_its_end_is_dropped_at_its_deadline(limpet, server):
    proxy = limpet([server("a")], listener={"proxy-protocol": "require"}, timeouts={"proxy-header": "400ms"})
    for start in (b"", b"P", b"PROXY TCP4 203.0.113.9", wire.PROXY_V2_SIGNATURE[:5], proxy_v2("203.0.113.9")[:20]):
        with Client(proxy) as client:
            client.send(start)
            assert client.is_dropped(2), start
    assert {visit["reason"] for visit in proxy.visits(5)} == {"bad_proxy"}


def test_a_header_cut_short_is_dropped_at_once(limpet, server):
    proxy = limpet([server("a")], listener={"proxy-protocol": "require"}, timeouts={"proxy-header": "20s"})
    for start in (b"", b"PROXY TCP4 203.0.113.9", proxy_v2("203.0.113.9")[:20]):
        with Client(proxy) as client:
            client.send(start).finish()
            assert client.is_dropped(2), start


def test_an_untrusted_peer_with_a_header_is_dropped_where_headers_are_taken(limpet, server):
    for policy in ("accept", "require"):
        proxy = limpet([server("a")], listener={"proxy-protocol": policy, "trust": ["192.0.2.0/24"]})
        for header in (proxy_v1("203.0.113.9"), proxy_v2("203.0.113.9")):
            with Client(proxy) as client:
                client.send(header + wire.request())
                assert client.is_dropped()
        assert {visit["reason"] for visit in proxy.visits(2)} == {"untrusted_proxy"}


def test_a_header_is_payload_where_headers_are_not_taken(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home])
    with Client(proxy) as client:
        client.send(proxy_v2("203.0.113.9") + b"hello").finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == proxy_v2("203.0.113.9") + b"hello"
    assert proxy.visit()["client"].startswith("127.0.0.1")


def test_without_a_header_the_peer_is_the_client_where_headers_are_optional(limpet, server):
    proxy = limpet([server("a")], listener={"proxy-protocol": "accept"})
    assert who_answers(proxy) == "a"
    assert proxy.visit()["client"].startswith("127.0.0.1")


def test_without_a_header_where_it_is_optional_the_key_has_all_the_time_of_first_bytes(limpet, server):
    """That no header will come is settled earlier; what comes instead may still be awaited."""
    home = server("a")
    proxy = limpet([home], key="header:X-User", listener={"proxy-protocol": "accept"},
                   timeouts={"proxy-header": "300ms", "first-bytes": "10s"})
    with Client(proxy) as client:
        time.sleep(0.6)
        assert not home.talks
        client.send(wire.request(headers={"X-User": "ann"}))
        client.read_to_end()
    visit = proxy.visit()
    assert (visit["source"], visit["reason"]) == ("header:X-User", "done")


@pytest.mark.parametrize("first", [b"", b"PROX"], ids=["silent", "a-beginning"])
def test_a_stranger_who_says_nothing_holds_up_nobody_where_headers_are_optional(limpet, server, first):
    proxy = limpet([server("a", tells_its_name_at_the_end)], threads=1, key="client",
                   listener={"proxy-protocol": "accept", "trust": "192.0.2.0/28"},
                   timeouts={"proxy-header": "300ms", "first-bytes": "10s"})
    with Client(proxy) as stranger:
        stranger.send(first)
        time.sleep(0.6)
        assert _who_answers_at_the_end(proxy) == "a"
        stranger.send(b"hello").finish()
        assert stranger.read_to_end() == b"a\n"
    assert proxy.visits(2)[1]["source"] == "client"


def test_a_second_header_is_payload(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="client", listener={"proxy-protocol": "require"})
    second = proxy_v1("198.51.100.7")
    with Client(proxy) as client:
        client.send(proxy_v1("203.0.113.9") + second).finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == second
    assert proxy.visit()["client"].startswith("203.0.113.9")


@pytest.mark.parametrize("header", [proxy_v1("203.0.113.9"), proxy_v2("203.0.113.9", tlvs=tlv(4, b"noop")),
                                    wire.with_crc32c("2001:db8::9")], ids=["v1", "v2", "v2-checksum"])
def test_a_header_split_at_each_byte_is_taken_off_exactly(limpet, server, header):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], listener={"proxy-protocol": "require"})
    payload = wire.client_hello("example.org")
    whole = header + payload
    for cut in range(1, len(header) + 2):
        with Client(proxy) as client:
            client.send(whole[:cut]).send(whole[cut:]).finish()
            assert client.read_to_end() == b"a\n"
    assert len(home.talks) == len(header) + 1
    assert all(talk.received == payload for talk in home.talks)


def test_forwarding_fields_count_only_if_the_proxied_client_is_trusted(limpet, server):
    listener = {"proxy-protocol": "require", "trust": ["127.0.0.1", "10.0.0.0/8"]}
    proxy = limpet([server("a")], key="client", listener=listener, threads=1)
    claim = {"X-Forwarded-For": "198.51.100.7"}
    ask(proxy, headers=claim, in_front=proxy_v1("203.0.113.9"))
    ask(proxy, headers=claim, in_front=proxy_v1("10.1.2.3"))
    first, second = (visit["client"] for visit in proxy.visits(2))
    assert first.startswith("203.0.113.9") and second.startswith("198.51.100.7")
