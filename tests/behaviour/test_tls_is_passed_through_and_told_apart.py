"""limpet reads the ClientHello and hands everything on as it is; TLS works from end to end."""

import ssl
import subprocess

import pytest

from support.ranking import Ranking
from support import wire
from support.client import Client, open_socket
from support.ports import free_port
from support.programs import find
from support.servers import Server, tells_its_name_at_the_end


@pytest.fixture
def tls_server(folder, keep):
    """A server that ends TLS itself and says its name to whoever says something."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run([find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "2", "-subj", "/CN=example.org", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["chat/2", "chat/1", "http/1.1"])

    def answers(talk, server):
        try:
            with context.wrap_socket(talk.socket, server_side=True) as session:
                question = session.recv(100)
                session.sendall(f"{server.name} {session.selected_alpn_protocol()} ".encode() + question)
        except OSError:
            pass

    return lambda name: keep(Server(name, answers))


def _speak_tls(proxy, name=None, protocols=()):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with context.wrap_socket(open_socket(proxy.address), server_hostname=name) as session:
        session.sendall(b"hello")
        data = b""
        while piece := session.recv(100):
            data += piece
        return data.decode()


def test_tls_works_from_end_to_end(limpet, tls_server):
    proxy = limpet([tls_server("a")], key="sni")
    assert _speak_tls(proxy, "shop.example.org", ["chat/1"]) == "a chat/1 hello"
    visit = proxy.visit()
    assert (visit["source"], visit["reason"]) == ("sni", "done")


def test_the_server_name_decides_where_home_is_whatever_its_case(limpet, server):
    homes = [server(name, tells_its_name_at_the_end) for name in "abc"]
    proxy = limpet(homes, key="sni")
    ranking = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1})
    for number in range(20):
        for name in (f"host{number}.example.org", f"HOST{number}.Example.Org"):
            with Client(proxy) as client:
                client.send(wire.client_hello(name)).finish()
                assert client.read_to_end().decode().strip() == ranking.home_of_text(name.lower())


def test_the_first_protocol_offered_can_be_the_key(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)], key="alpn", log={"format": "json", "keys": "plain"})
    with Client(proxy) as client:
        client.send(wire.client_hello("example.org", ["chat/2", "chat/1"])).finish()
        assert client.read_to_end() == b"a\n"
    visit = proxy.visit()
    assert (visit["source"], visit["key_text"]) == ("alpn", "chat/2")


@pytest.fixture
def routed(limpet, server):
    pools = {name: {"servers": {name: server(name, tells_its_name_at_the_end).address}}
             for name in ("one", "any", "rest")}
    routes = [{"sni": "a.example.org", "pool": "one"}, {"sni": "*.example.org", "pool": "any"}, {"pool": "rest"}]

    def start(routes=routes):
        return limpet(config={
            "seed": "tests", "log": {"format": "json"}, "timeouts": {"first-bytes": "600ms"}, "threads": 1,
            "pools": pools,
            "listeners": [{"bind": f"127.0.0.1:{free_port()}", "mode": "tcp", "routes": routes}]})
    return start


def _who_gets(proxy, data):
    with Client(proxy) as client:
        client.send(data).finish()
        return client.read_to_end().decode().strip()


def test_routes_by_server_name(routed):
    proxy = routed()
    assert _who_gets(proxy, wire.client_hello("a.example.org")) == "one"
    assert _who_gets(proxy, wire.client_hello("A.EXAMPLE.org")) == "one"
    assert _who_gets(proxy, wire.client_hello("b.example.org")) == "any"
    assert _who_gets(proxy, wire.client_hello("x.y.example.org")) == "any"
    assert _who_gets(proxy, wire.client_hello("example.org")) == "rest"
    assert _who_gets(proxy, wire.client_hello("aexample.org")) == "rest"
    assert _who_gets(proxy, wire.client_hello()) == "rest"
    assert _who_gets(proxy, wire.request()) == "rest"
    assert [visit["pool"] for visit in proxy.visits(3)][:3] == ["one", "one", "any"]


def test_a_name_without_a_route_is_ended(limpet, routed, server):
    proxy = routed([{"sni": "a.example.org", "pool": "one"}, {"sni": "b.example.org", "pool": "any"},
                    {"sni": "c.example.org", "pool": "rest"}])
    with Client(proxy) as client:
        client.send(wire.client_hello("d.example.org"))
        assert client.is_dropped()
    assert proxy.visit()["reason"] == "no_route"


ODD = {
    "no extensions": wire.hello_of([]),
    "an address for a name": wire.hello_of([wire.sni_extension(b"192.0.2.1")]),
    "a NUL in the name": wire.hello_of([wire.sni_extension(b"exa\0mple.org")]),
    "two names": wire.hello_of([wire.sni_extension(b"a.example.org", b"b.example.org")]),
    "an empty name": wire.hello_of([wire.sni_extension(b"")]),
    "a name of 256 bytes": wire.hello_of([wire.sni_extension(b"a" * 256)]),
    "an extension that is cut": wire.hello_of([(0, b"\0\5\0")]),
    "no protocols": wire.hello_of([(16, b"\0\0")]),
    "a protocol without a name": wire.hello_of([(16, b"\0\1\0")]),
    "an old SSL hello": b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(37),
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "more than 16 KiB": wire.hello_of([(21, bytes(17000))]),
    "a request in clear": wire.request(),
}


@pytest.mark.parametrize("key", ["sni", "alpn"])
def test_a_hello_without_a_usable_name_is_spread_and_arrives_as_it_is(limpet, server, key):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key=key, timeouts={"first-bytes": "500ms"})
    for name, hello in ODD.items():
        if key == "alpn" and name in ("no extensions",):
            continue
        assert _who_gets(proxy, hello) == "a", name
        assert home.talks[-1].received == hello, name
    assert {visit["source"] for visit in proxy.visits(12)} == {"spread"}


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_hello_cut_into_small_records_is_read(limpet, server, size):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="sni", log={"format": "json", "keys": "plain"})
    hello = wire.in_records(wire.client_hello("shop.example.org"), size)
    assert _who_gets(proxy, hello) == "a"
    assert home.only_talk().received == hello
    assert proxy.visit()["key_text"] == "shop.example.org"


def test_a_large_hello_below_the_limit_is_read(limpet, server):
    home = server("a", tells_its_name_at_the_end)
    proxy = limpet([home], key="sni")
    hello = wire.hello_of([(21, bytes(16000)), wire.sni_extension(b"shop.example.org")])
    assert _who_gets(proxy, hello) == "a"
    assert home.only_talk().received == hello
    assert proxy.visit()["source"] == "sni"
