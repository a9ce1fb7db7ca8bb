"""Each key source on a real connection; the key's text is in the log because it was asked for."""

import pytest

from support import wire
from support.client import Client, ask, who_answers
from support.ranking import Ranking
from support.servers import tells_its_name_at_the_end

PLAIN = {"format": "json", "keys": "plain"}
REQUEST = wire.request("/shop/cart?user=ann&x=1", {"X-User": "bob", "Cookie": "theme=dark; sid=\"s-1\""},
                       host="WWW.Example.org:8080")

SOURCES = {
    "header:X-User": "bob",
    "header:x-user": "bob",
    "cookie:sid": '"s-1"',
    "cookie:theme": "dark",
    "query:user": "ann",
    "path": "/shop/cart",
    "path:1": "shop",
    "path:2": "cart",
    "host": "www.example.org",
    "method": "GET",
    "bytes:4+5": "/shop",
    "field:X-User": "bob",
    "client": "127.0.0.1",
    "peer": "127.0.0.1",
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_is_present_gives_the_key(limpet, server, source):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key=source, log=PLAIN)
    with Client(proxy) as client:
        client.send(REQUEST).finish()
        assert client.read_to_end() == b"a\n"
    visit = proxy.visit()
    assert (visit["source"], visit["key_text"]) == (source, SOURCES[source])
    assert home.only_talk().received == REQUEST


@pytest.mark.parametrize("source", ["header:X-None", "cookie:none", "cookie:si", "query:none", "path:3", "sni", "alpn",
                                    "bytes:9000+4", "field:X-None"])
def test_a_source_that_is_absent_is_passed_over(limpet, server, source):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key=[source, "method"], log=PLAIN)
    with Client(proxy) as client:
        client.send(REQUEST).finish()
        assert client.read_to_end() == b"a\n"
    assert proxy.visit()["source"] == "method"


def test_an_empty_value_counts_as_absent(limpet, server):
    proxy = limpet([server()], key=["header:X-User", "cookie:sid", "query:user", "host"], log=PLAIN)
    ask(proxy, "/?user=", {"X-User": " ", "Cookie": "sid="})
    assert proxy.visit()["source"] == "host"


def test_the_first_source_that_is_present_wins(limpet, server):
    proxy = limpet([server()], key=["cookie:sid", "header:X-User", "client"], threads=1)
    ask(proxy, headers={"X-User": "ann"})
    ask(proxy, headers={"X-User": "ann", "Cookie": "sid=1"})
    ask(proxy)
    assert [visit["source"] for visit in proxy.visits(3)] == ["header:X-User", "cookie:sid", "client"]


def test_the_same_key_from_another_source_has_the_same_home(limpet, server):
    homes = [server(name) for name in "abc"]
    by_header, by_cookie = (limpet(homes, key=key) for key in ("header:X-User", "cookie:user"))
    for number in range(20):
        user = f"user{number}"
        home = who_answers(by_header, headers={"X-User": user})
        assert who_answers(by_cookie, headers={"Cookie": f"user={user}"}) == home


def test_without_a_key_the_connection_may_be_ended(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="header:X-User", pool={"no-key": "end"})
    with Client(proxy) as client:
        client.send(wire.request())
        assert client.is_dropped()
    assert proxy.visit()["reason"] == "no_key"
    assert not home.talks


def test_without_a_key_the_peer_decides(limpet, server):
    homes = [server(name) for name in "abc"]
    proxy = limpet(homes, key="header:X-User", listener={"trust": "none"})
    ranking = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1})
    for number in range(1, 20):
        source = f"127.7.0.{number}"
        assert who_answers(proxy, source=source) == ranking.home_of_address(source)
    assert {visit["source"] for visit in proxy.visits(19)} == {"spread"}


def test_clients_of_one_network_share_a_home(limpet, server):
    homes = [server(name) for name in "abc"]
    proxy = limpet(homes, key="client/24/56", log=PLAIN)

    def homes_of(addresses):
        return {who_answers(proxy, headers={"X-Forwarded-For": address}) for address in addresses}

    assert len(homes_of(f"203.0.113.{number}" for number in range(0, 250, 25))) == 1
    assert len(homes_of(f"2001:db8:0:{number:x}::1" for number in range(0, 250, 25))) == 1
    assert len(homes_of(f"198.51.{number}.1" for number in range(20))) > 1


def test_another_text_protocol_has_fields_too(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="field:login", log=PLAIN)
    data = b"CONNECT\naccept-version:1.2\nlogin: ann \n\n\0"
    with Client(proxy) as client:
        client.send(data).finish()
        assert client.read_to_end() == b"a\n"
    assert proxy.visit()["key_text"] == "ann"
    assert home.only_talk().received == data
