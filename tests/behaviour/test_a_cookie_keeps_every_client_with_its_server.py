"""A client that comes with its cookie comes home, whatever its key says by then: a phone that changes networks, a server that
was added. It moves only if its server is gone, and then once."""

from collections import Counter

import pytest

from support.guests import all_ask, guests
from support.limpet import run
from support.programs import Crowd
from support.ranking import Ranking


@pytest.fixture
def secret(folder):
    path = folder / "secret"
    assert run("secret", "--append", str(path)).returncode == 0
    return path


@pytest.fixture
def names(folder, keep):
    return keep(Crowd(folder, ["a", "b", "c", "d"])).servers


@pytest.fixture
def frontend(limpet, secret, names):
    """A limpet in front of some of the servers: `frontend("abc")`."""
    def one(some):
        return limpet({name: names[name] for name in some}, key="header:X-User", listener={"mode": "http"},
                      pool={"stick": {"cookie": "limpet"}}, secret=str(secret), log={"access": "off"})
    return one


def homes_of_texts(everybody, some):
    ranking = Ranking("tests", "app", dict.fromkeys(some, 1))
    return [ranking.home_of_text(guest.user) for guest in everybody]


@pytest.mark.threads
def test_a_thousand_clients_that_change_their_key_stay_for_20_requests(frontend):
    everybody = guests(1000)
    all_ask(frontend("abc"), everybody, times=20, user=lambda guest, turn: f"{guest.user}-{turn}" if turn else None)

    assert [guest.met[0] for guest in everybody] == homes_of_texts(everybody, "abc")
    assert all(280 < share < 390 for share in Counter(guest.home for guest in everybody).values())
    assert all(len(set(guest.met)) == 1 for guest in everybody)
    assert {guest.given for guest in everybody} == {1}


def test_none_moves_to_a_server_that_was_added(frontend):
    everybody = guests(400)
    all_ask(frontend("abc"), everybody)
    all_ask(frontend("abcd"), everybody, times=3)

    assert all(len(set(guest.met)) == 1 for guest in everybody)
    assert {guest.given for guest in everybody} == {1}
    strangers = guests(400)
    all_ask(frontend("abcd"), strangers)
    assert 60 < sum(guest.home == "d" for guest in strangers) < 140


def test_only_the_clients_of_a_server_that_left_move_and_only_once(frontend):
    everybody = guests(400)
    all_ask(frontend("abc"), everybody)
    before = [guest.home for guest in everybody]
    all_ask(frontend("ac"), everybody, times=3)

    for guest, home, now in zip(everybody, before, homes_of_texts(everybody, "ac"), strict=True):
        new = now if home == "b" else home
        assert guest.met == [home, new, new, new]
        assert guest.given == (2 if home == "b" else 1)
    # It comes back: nobody moves again.
    all_ask(frontend("abc"), everybody)
    assert all(guest.met[-1] == guest.met[-2] for guest in everybody)


def test_frontends_with_the_same_secret_believe_each_other_and_others_do_not(frontend, secret):
    everybody = guests(200)
    one, other = frontend("abc"), frontend("cab")
    all_ask(one, everybody, user=lambda guest, _: "the same for all")
    all_ask(other, everybody)
    assert len({name for guest in everybody for name in guest.met}) == 1

    secret.unlink()
    assert run("secret", "--append", str(secret)).returncode == 0
    stranger = frontend("abc")
    all_ask(stranger, everybody)
    assert [guest.home for guest in everybody] == homes_of_texts(everybody, "abc")
    assert {guest.given for guest in everybody} == {2}
