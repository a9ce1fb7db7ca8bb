"""nginx in front adds X-Forwarded-For. Only 127.0.0.1 is trusted, so 127.1.0.0/16 are as good as clients from afar."""

from collections import Counter

import pytest

from support.ranking import Ranking
from support.load import ask_each
from support.programs import Crowd, nginx_in_front

CLIENTS = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(1000)]


@pytest.fixture
def homes_of(limpet, folder, keep):
    """Where the clients land with these servers, through an nginx and a limpet of their own."""
    def homes(servers, times=1, clients=CLIENTS):
        proxy = limpet(servers, listener={"trust": ["127.0.0.1"]}, log={"access": "off"})
        answers = ask_each(keep(nginx_in_front(folder, proxy)), clients, times)
        assert all(len(set(names)) == 1 for names in answers.values()), "a client met more than one server"
        return {client: names[0] for client, names in answers.items()}
    return homes


@pytest.mark.threads
def test_a_thousand_clients_behind_nginx_keep_their_servers(homes_of, folder, keep):
    servers = keep(Crowd(folder, ["a", "b", "c"])).servers

    homes = homes_of(servers, times=5)

    ranking = Ranking("tests", "app", {"a": 1, "b": 1, "c": 1})
    assert homes == {client: ranking.home_of_address(client) for client in CLIENTS}
    assert all(280 < share < 390 for share in Counter(homes.values()).values())


def test_another_limpet_and_another_order_of_servers_agree(homes_of, folder, keep):
    servers = keep(Crowd(folder, ["a", "b", "c"])).servers
    clients = CLIENTS[:300]

    first = homes_of(servers, clients=clients)
    again = homes_of(servers, clients=clients)
    backwards = homes_of(dict(reversed(servers.items())), clients=clients)

    assert first == again == backwards


def test_only_the_keys_that_a_new_server_wins_move(homes_of, folder, keep):
    servers = keep(Crowd(folder, ["a", "b", "c", "d"])).servers
    three = homes_of({name: servers[name] for name in "abc"}, clients=CLIENTS[:400])

    four = homes_of(servers, clients=CLIENTS[:400])

    moved = [client for client in four if four[client] != three[client]]
    assert {four[client] for client in moved} == {"d"}
    assert 60 < len(moved) < 140


def test_only_the_keys_of_a_server_that_leaves_move(homes_of, folder, keep):
    servers = keep(Crowd(folder, ["a", "b", "c"])).servers
    three = homes_of(servers, clients=CLIENTS[:400])

    two = homes_of({name: servers[name] for name in "ac"}, clients=CLIENTS[:400])

    assert {three[client] for client in two if two[client] != three[client]} == {"b"}


def test_weights_share_the_clients_in_their_proportion(homes_of, folder, keep):
    servers = keep(Crowd(folder, ["a", "b", "c"])).servers
    weights = {"a": 1, "b": 2, "c": 4}

    homes = homes_of({name: {"address": servers[name], "weight": weight} for name, weight in weights.items()})

    ranking = Ranking("tests", "app", weights)
    assert homes == {client: ranking.home_of_address(client) for client in CLIENTS}
    many = 12000
    shares = Counter(ranking.home_of_address(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(many))
    for name, weight in weights.items():
        assert shares[name] == pytest.approx(many * weight / 7, rel=0.03)
