import pytest

from support.client import Client, ask
from support.servers import echoes

PLAIN = {"format": "json", "keys": "plain"}


def _clients(limpet, server, requests, **listener):
    proxy = limpet([server()], key="client", log=PLAIN, listener=listener, threads=1)
    for headers in requests:
        ask(proxy, headers=headers)
    return [visit["key_text"] for visit in proxy.visits(len(requests))]


def test_x_forwarded_for_counts_from_the_right_up_to_the_first_untrusted(limpet, server):
    lists = {
        "203.0.113.9": "203.0.113.9",
        "198.51.100.7, 203.0.113.9": "203.0.113.9",
        "198.51.100.7, 203.0.113.9, 10.1.2.3": "203.0.113.9",
        "203.0.113.9:4711": "203.0.113.9",
        "[2001:db8::9]:4711": "2001:db8::9",
        "2001:DB8::9": "2001:db8::9",
        "::ffff:203.0.113.9": "203.0.113.9",
        "203.0.113.9,, ,": "203.0.113.9",
    }
    requests = [{"X-Forwarded-For": text} for text in lists]
    assert _clients(limpet, server, requests, trust=["loopback", "10.0.0.0/8"]) == list(lists.values())


def test_several_fields_are_one_list(limpet, server):
    requests = [[("X-Forwarded-For", "198.51.100.7"), ("X-Forwarded-For", "203.0.113.9")],
                [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "10.0.0.1")]]
    assert _clients(limpet, server, requests, trust=["loopback", "10.0.0.0/8"]) == ["203.0.113.9"] * 2


def test_a_list_of_a_thousand_is_walked(limpet, server):
    fields = [", ".join(["203.0.113.9"] + ["10.0.0.1"] * count) for count in (0, 1, 2, 100, 1000)]
    requests = [{"X-Forwarded-For": field} for field in fields]
    assert _clients(limpet, server, requests, trust=["loopback", "10.0.0.0/8"]) == ["203.0.113.9"] * 5


def test_an_untrusted_peer_may_claim_what_it_likes(limpet, server):
    claims = [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}, {"X-Real-IP": "203.0.113.9"}]
    assert _clients(limpet, server, claims, trust="none") == ["127.0.0.1"] * 3


def test_only_one_field_counts_and_the_others_are_never_looked_at(limpet, server):
    every = {"X-Forwarded-For": "203.0.113.1", "Forwarded": "for=203.0.113.2", "CF-Connecting-IP": "203.0.113.3"}
    for choice, chosen in (("x-forwarded-for", "203.0.113.1"), ("forwarded", "203.0.113.2"),
                           ("header:CF-Connecting-IP", "203.0.113.3"), ("none", "127.0.0.1")):
        wanted = {"x-forwarded-for": "X-Forwarded-For", "forwarded": "Forwarded"}.get(choice, "CF-Connecting-IP")
        without = {name: value for name, value in every.items() if name != wanted}
        expected = [chosen, "127.0.0.1"]
        assert _clients(limpet, server, [every, without], **{"client-from": choice}) == expected


@pytest.mark.parametrize("value, client", [
    ("for=203.0.113.9", "203.0.113.9"),
    ('for="[2001:db8::9]:4711";proto=https', "2001:db8::9"),
    ("For=198.51.100.7, for=203.0.113.9;by=10.0.0.1", "203.0.113.9"),
    ('for="203.0.113.9:80"', "203.0.113.9"),
])
def test_forwarded_is_read_as_its_standard_says(limpet, server, value, client):
    assert _clients(limpet, server, [{"Forwarded": value}], **{"client-from": "forwarded"}) == [client]


def test_the_connection_field_cannot_take_a_forwarding_field_away(limpet, server):
    headers = {"Connection": "X-Forwarded-For", "X-Forwarded-For": "203.0.113.9", "X_Forwarded_For": "198.51.100.7"}
    assert _clients(limpet, server, [headers]) == ["203.0.113.9"]


def test_a_peer_on_a_unix_socket_is_trusted_like_loopback(limpet, server, socket_folder):
    proxy = limpet([server()], key="client", log=PLAIN, bind=f"unix:{socket_folder}/in")
    ask(proxy, headers={"X-Forwarded-For": "203.0.113.9"})
    assert proxy.visit()["key_text"] == "203.0.113.9"


def test_networks_can_stand_in_a_file(limpet, server, folder):
    networks = folder / "networks.txt"
    networks.write_text("# ours\n192.0.2.0/24\n\n127.0.0.0/8\n")
    networks.chmod(0o644)
    assert _clients(limpet, server, [{"X-Forwarded-For": "203.0.113.9"}], trust=[f"file:{networks}"]) == ["203.0.113.9"]


def test_what_is_not_believed_is_not_taken_out(limpet, server):
    """Bytes go on unchanged; SECURITY.md says what servers must not do with them."""
    proxy = limpet([server("a", echoes)], key="client", listener={"trust": "none"}, log=PLAIN)
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    with Client(proxy) as client:
        client.send(request).finish()
        assert client.read_to_end() == request
    assert proxy.visit()["key_text"] == "127.0.0.1"
