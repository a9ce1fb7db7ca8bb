"""The PROXY protocol as HAProxy and nginx speak it, in both directions."""

import pytest

from support.client import ask, who_answers
from support.ports import free_port
from support.programs import Haproxy, Nginx


@pytest.fixture
def nginx_that_tells_the_address(folder, keep):
    port = free_port()
    nginx = keep(Nginx(folder, f"""
        server {{
            listen 127.0.0.1:{port} proxy_protocol;
            return 200 "$proxy_protocol_addr $proxy_protocol_server_port\\n";
        }}""", [port]))
    nginx.name, nginx.address = "nginx", f"127.0.0.1:{port}"
    return nginx


@pytest.mark.parametrize("options", [
    "send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c",
    "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl",
])
def test_haproxy_tells_limpet_who_the_client_is(limpet, server, folder, keep, options):
    home = server("a")
    proxy = limpet([home], key="client", listener={"proxy-protocol": "require", "trust": "127.0.0.1"})
    front = keep(Haproxy(folder, proxy, server=options))
    assert who_answers(front, source="127.9.8.7") == "a"
    visit = proxy.visit()
    assert visit["client"].startswith("127.9.8.7:") and visit["peer"].startswith("127.0.0.1:")
    assert home.only_talk().received.startswith(b"GET ")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_limpet_tells_nginx_who_the_client_is(limpet, nginx_that_tells_the_address, version):
    proxy = limpet([nginx_that_tells_the_address], pool={"send-proxy": version})
    assert ask(proxy, headers={"Connection": "close"}, source="127.9.8.7").text == f"127.9.8.7 {proxy.port}"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_address_goes_all_the_way_through_haproxy_and_two_limpets(limpet, nginx_that_tells_the_address, folder, keep,
                                                                     version):
    inner = limpet([nginx_that_tells_the_address], key="client", pool={"send-proxy": version},
                   listener={"proxy-protocol": "require", "trust": "127.0.0.1"})
    middle = keep(Haproxy(folder, inner, bind="accept-proxy", server="send-proxy-v2"))
    middle.name = "haproxy"
    outer = limpet([middle], pool={"send-proxy": version})
    assert ask(outer, headers={"Connection": "close"}, source="127.9.8.7").text == f"127.9.8.7 {outer.port}"
