"""A protocol of one's own: the client's address stands in front of the stream, in 4 bytes."""

import socket

from support.ranking import Ranking
from support import wire
from support.client import Client
from support.servers import tells_its_name_at_the_end


def _say(proxy, data):
    with Client(proxy) as client:
        client.send(data).finish()
        return client.read_to_end().decode().strip()


def test_the_server_sees_the_stream_without_it(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="client", listener={"unwrap": "ipv4"})
    assert _say(proxy, wire.ip4_prefix("203.0.113.9") + b"move north") == "a"
    assert home.only_talk().received == b"move north"
    assert proxy.visit()["client"].startswith("203.0.113.9")


def test_the_address_in_it_decides_where_home_is(limpet, server):
    homes = [server(name, tells_its_name_at_the_end) for name in "abc"]
    proxy = limpet(homes, key="client", listener={"unwrap": "ipv4"})
    ranking = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1})
    for number in range(30):
        address = f"203.0.113.{number}"
        assert _say(proxy, wire.ip4_prefix(address) + b"x") == ranking.home_of_address(address)


def test_another_limpet_can_be_the_one_that_wrapped_it(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    inner = limpet([home], key="client", listener={"unwrap": "ipv4"})
    inner.name = "inner"
    outer = limpet([inner], pool={"send-prefix": "ipv4"}, listener={"trust": ["127.0.0.1"]})
    with Client(outer, source="127.9.8.7") as client:
        client.send(b"move north").finish()
        assert client.read_to_end() == b"a\n"
    assert home.only_talk().received == b"move north"
    assert inner.visit()["client"].startswith("127.9.8.7")


def test_sixteen_bytes_are_an_ipv6_address(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="client", listener={"unwrap": "ipv6"})
    assert _say(proxy, socket.inet_pton(socket.AF_INET6, "2001:db8::9") + b"hello") == "a"
    assert "2001:db8::9" in proxy.visit()["client"]


def test_raw_bytes_can_be_the_key(limpet, server):
    homes = [server(name, tells_its_name_at_the_end) for name in "abc"]
    proxy = limpet(homes, key="unwrapped", listener={"unwrap": 7}, log={"format": "json", "keys": "plain"}, threads=1)
    ranking = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1})
    for number in range(20):
        key = f"ann-{number:03}"
        assert _say(proxy, key.encode() + b"hello") == ranking.home_of_text(key)
    assert proxy.visits(20)[0]["key_text"] == "ann-000"
    assert {bytes(talk.received) for home in homes for talk in home.talks} == {b"hello"}


def test_a_key_of_any_bytes_is_shown_whole(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="unwrapped", listener={"unwrap": 5},
                   log={"format": "json", "keys": "plain"})
    assert _say(proxy, b"\x0a\x00\x00\x01\x05hello") == "a"
    assert proxy.visit()["key_text"] == "\x0a\x00\x00\x01\x05"


def test_who_wrote_a_prefix_without_being_trusted_is_named(limpet, server):
    proxy = limpet([server()], key="client", listener={"unwrap": "ipv4", "proxy-protocol": "accept"})
    with Client(proxy) as client:
        client.send(wire.proxy_v1("198.51.100.5") + wire.ip4_prefix("203.0.113.9") + b"x")
        assert client.is_dropped()
    visit = proxy.visit()
    assert (visit["reason"], visit["client"]) == ("bad_prefix", "198.51.100.5:4711")


def test_it_is_taken_off_whichever_key_wins(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="peer", listener={"unwrap": 3})
    assert _say(proxy, b"\0\1\2hello") == "a"
    assert home.only_talk().received == b"hello"


def test_a_request_behind_it_is_read_too(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User", listener={"unwrap": "ipv4"})
    request = wire.request(headers={"X-User": "ann"})
    assert _say(proxy, wire.ip4_prefix("203.0.113.9") + request) == "a"
    assert home.only_talk().received == request
    assert proxy.visit()["source"] == "header:X-User"


def test_it_stands_behind_a_proxy_header(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="client", listener={"unwrap": "ipv4", "proxy-protocol": "require"})
    local = wire.proxy_v2()
    assert _say(proxy, local + wire.ip4_prefix("203.0.113.9") + b"hello") == "a"
    assert home.only_talk().received == b"hello"
    assert proxy.visit()["client"].startswith("203.0.113.9")


def test_only_from_trusted_peers(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], listener={"unwrap": "ipv4", "trust": ["192.0.2.0/24"]})
    with Client(proxy) as client:
        client.send(wire.ip4_prefix("203.0.113.9") + b"hello")
        assert client.is_dropped()
    assert proxy.visit()["reason"] == "bad_prefix"
    assert not home.talks


def test_one_that_is_late_ends_the_connection_before_the_deadline_of_the_rest(limpet, server):
    proxy = limpet([server()], listener={"unwrap": "ipv4"}, timeouts={"first-bytes": "20s", "proxy-header": "300ms"})
    with Client(proxy) as client:
        client.send(b"\xcb\0")
        assert client.is_dropped(within=5)
    assert proxy.visit()["reason"] == "bad_prefix"


def test_one_that_is_late_or_cut_short_ends_the_connection(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], listener={"unwrap": "ipv4"}, timeouts={"first-bytes": "400ms", "proxy-header": "400ms"})
    with Client(proxy) as client:
        client.send(b"\1\2\3")
        assert client.is_dropped(3)
    with Client(proxy) as client:
        client.send(b"\1\2\3").finish()
        assert client.is_dropped(3)
    assert {visit["reason"] for visit in proxy.visits(2)} == {"bad_prefix"}
    assert not home.talks
