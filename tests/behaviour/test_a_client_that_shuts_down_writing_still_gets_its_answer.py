from support.client import Client
from support.servers import tells_its_name_at_once, tells_its_name_at_the_end


def test_a_client_that_shuts_down_writing_still_gets_its_answer(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)])
    with Client(proxy) as client:
        assert client.send(b"all I have to say").finish().read_to_end() == b"a\n"
    visit = proxy.visit()
    assert (visit["reason"], visit["bytes_in"], visit["bytes_out"]) == ("done", 17, 2)


def test_a_server_that_shuts_down_first_still_gets_what_the_client_says(limpet, server):
    home = server("a", tells_its_name_at_once)
    proxy = limpet([home])
    with Client(proxy) as client:
        assert client.send(b"hello").read_to_end() == b"a\n"
        client.send(b", and more").finish()
        assert home.only_talk().received == b"hello, and more"
    assert proxy.visit()["reason"] == "done"


def test_a_client_that_says_nothing_and_shuts_down_is_heard_too(limpet, server):
    proxy = limpet([server("a", tells_its_name_at_the_end)])
    with Client(proxy) as client:
        assert client.finish().read_to_end() == b"a\n"
