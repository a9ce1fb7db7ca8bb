import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.client import Client, ask, who_answers
from support.proc import wait_until
from support.ranking import Ranking
from support.servers import BlackHole, RefusingAddress, listen_on


def _key_whose_home_is(start, names):
    """A text key whose ranking begins like this, and the whole ranking."""
    ranking = Ranking("tests", "app", dict.fromkeys(names, 1))
    for number in range(1000):
        order = ranking.order_of_text(f"user{number}")
        if order[:len(start)] == list(start):
            return f"user{number}", order
    raise AssertionError("no such key")


def test_a_refused_connect_goes_to_the_next_ranked(limpet, server, keep):
    homes = [keep(RefusingAddress("a")), server("b"), server("c")]
    proxy = limpet(homes, key="header:X-User")
    key, order = _key_whose_home_is("a", "abc")
    assert who_answers(proxy, headers={"X-User": key}) == order[1]
    visit = proxy.visit()
    assert visit["server"] == order[1]
    assert visit["why"].startswith("next_ranked:a:")
    assert "refused" in visit["why"].lower()


def test_all_who_were_passed_over_are_told_in_their_order(limpet, server, keep):
    homes = [keep(RefusingAddress("a")), server("b"), keep(RefusingAddress("c"))]
    proxy = limpet(homes, key="header:X-User")
    key, _ = _key_whose_home_is("ac", "abc")
    assert who_answers(proxy, headers={"X-User": key}) == "b"
    assert proxy.visit()["why"] == "next_ranked:a:refused,c:refused"


def test_those_who_rest_are_told_in_their_order(limpet, server, keep):
    homes = [keep(RefusingAddress("a")), server("b"), keep(RefusingAddress("c"))]
    proxy = limpet(homes, key="header:X-User", threads=1)
    key, _ = _key_whose_home_is("ac", "abc")
    for _ in range(2):
        assert who_answers(proxy, headers={"X-User": key}) == "b"
    assert [visit["why"] for visit in proxy.visits(2)] == ["next_ranked:a:refused,c:refused",
                                                           "next_ranked:a:resting,c:resting"]


def test_a_server_is_told_to_be_down_once_and_up_again_once(limpet, server):
    homes = [server("a"), server("b")]
    proxy = limpet(homes, key="header:X-User")
    headers = {"X-User": _key_whose_home_is("a", "ab")[0]}
    homes[0].stop()
    for _ in range(15):
        assert who_answers(proxy, headers=headers) == "b"
        time.sleep(0.03)
    homes[0].start()
    assert wait_until(lambda: who_answers(proxy, headers=headers) == "a", every=0.05)
    assert proxy.says("server a") and proxy.says("is up again")
    assert (proxy.stderr.count("is down"), proxy.stderr.count("is up again")) == (1, 1)


def test_a_connect_that_hangs_goes_to_the_next_ranked_after_its_time(limpet, server, keep):
    homes = [keep(BlackHole("a")), server("b"), server("c")]
    proxy = limpet(homes, key="header:X-User", timeouts={"connect": "300ms"})
    key, order = _key_whose_home_is("a", "abc")
    start = time.monotonic()
    assert who_answers(proxy, headers={"X-User": key}) == order[1]
    assert 0.25 < time.monotonic() - start < 2
    assert proxy.visit()["why"].startswith("next_ranked:a:")
    start = time.monotonic()
    assert who_answers(proxy, headers={"X-User": key}) == order[1]
    assert time.monotonic() - start < 0.25, "the hanging server does not rest"


def test_whoever_finds_nobody_is_told_of_each_server_once(limpet, keep):
    """The one that rests because another client is trying it, too."""
    proxy = limpet([keep(BlackHole("a")), keep(BlackHole("b"))], threads=1, timeouts={"connect": "300ms"})
    with Client(proxy) as first:
        assert first.is_dropped()
    with Client(proxy) as second:
        time.sleep(0.1)
        with Client(proxy) as third:
            assert third.is_dropped() and second.is_dropped()
    for visit in proxy.visits(3):
        choice, *passed = visit["why"].replace(",", ":").split(":")
        assert choice == "nowhere"
        assert sorted(passed[::2]) == ["a", "b"], visit["why"]


def test_a_missing_unix_socket_goes_to_the_next_ranked(limpet, server, socket_folder):
    proxy = limpet({"a": f"unix:{socket_folder}/nobody", "b": server("b").address}, key="header:X-User")
    key, _ = _key_whose_home_is("a", "ab")
    assert who_answers(proxy, headers={"X-User": key}) == "b"


def test_a_unix_server_that_is_busy_is_waited_for(limpet, server, socket_folder):
    """Its backlog is full at once. It is slow, not dead: nobody is sent away from home."""
    busy = server("a", address=f"unix:{socket_folder}/busy", backlog=1, breath=0.02)
    proxy = limpet([busy, server("b")], key="header:X-User")
    key, _ = _key_whose_home_is("a", "ab")
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: who_answers(proxy, headers={"X-User": key}), range(40)))
    assert set(answers) == {"a"}
    assert {visit["why"] for visit in proxy.visits(40)} == {"home"}
    assert "is down" not in proxy.stderr


def test_a_unix_server_that_stays_full_is_passed_over_after_the_time_for_connecting(limpet, server, socket_folder):
    stuck = f"unix:{socket_folder}/stuck"
    listening = listen_on(stuck, backlog=0)
    proxy = limpet({"a": stuck, "b": server("b").address}, key="header:X-User", timeouts={"connect": "300ms"})
    key, _ = _key_whose_home_is("a", "ab")
    with Client(stuck):
        start = time.monotonic()
        assert who_answers(proxy, headers={"X-User": key}) == "b"
        assert 0.25 < time.monotonic() - start < 2
    assert proxy.visit()["why"] == "next_ranked:a:backlog_full"
    listening.close()


def test_when_all_servers_refuse_the_connection_ends_at_once(limpet, keep):
    proxy = limpet([keep(RefusingAddress(name)) for name in "abc"])
    for _ in range(5):
        start = time.monotonic()
        with Client(proxy) as client:
            client.send(b"hello")
            assert client.is_dropped()
        assert time.monotonic() - start < 0.25
    visits = proxy.visits(5)
    assert {visit["reason"] for visit in visits} == {"no_server"}
    assert min(visit["total_ms"] for visit in visits) < 50


def test_a_resting_server_is_asked_rather_than_none(limpet, server, keep):
    """It rests because a connect failed just now; nobody else is left, and it might be back."""
    back = server("a")
    proxy = limpet([back, keep(RefusingAddress("b"))], key="header:X-User")
    back.stop()
    key, _ = _key_whose_home_is("a", "ab")
    other, _ = _key_whose_home_is("b", "ab")
    assert ask(proxy, headers={"X-User": key}).status == 0
    back.start()
    assert who_answers(proxy, headers={"X-User": other}) == "a"
    assert who_answers(proxy, headers={"X-User": key}) == "a"


def test_a_client_comes_home_when_its_server_is_back(limpet, server):
    homes = {name: server(name) for name in "abc"}
    proxy = limpet(homes.values(), key="header:X-User")
    key, order = _key_whose_home_is("b", "abc")
    headers = {"X-User": key}
    assert who_answers(proxy, headers=headers) == "b"
    homes["b"].stop()
    assert {who_answers(proxy, headers=headers) for _ in range(20)} == {order[1]}
    assert proxy.says("server b")
    assert "is down" in proxy.stderr and "is up again" not in proxy.stderr
    homes["b"].start()
    deadline = time.monotonic() + 3
    while who_answers(proxy, headers=headers) != "b":
        assert time.monotonic() < deadline, "it does not come home"
        time.sleep(0.05)
    assert {who_answers(proxy, headers=headers) for _ in range(10)} == {"b"}
    assert proxy.says("is up again")


def test_a_resting_server_is_not_asked_by_every_client(limpet, server, keep):
    """Only the first visit, and one now and then, spends a connect on it."""
    homes = [keep(RefusingAddress("a")), server("b")]
    proxy = limpet(homes, key="header:X-User")
    key, _ = _key_whose_home_is("a", "ab")
    for _ in range(30):
        assert who_answers(proxy, headers={"X-User": key}) == "b"
    whys = [visit["why"] for visit in proxy.visits(30)]
    assert all(why.startswith("next_ranked:a:") for why in whys)
    assert sum("refused" in why.lower() for why in whys) < 10


def test_no_byte_is_lost_or_told_twice_on_the_way_to_the_next_ranked(limpet, server, keep):
    home = server("b")
    proxy = limpet([keep(RefusingAddress("a")), home], key="header:X-User", pool={"send-proxy": "v1"})
    key, _ = _key_whose_home_is("a", "ab")
    answer = ask(proxy, headers={"X-User": key}, method="POST", body=b"b" * 100000)
    assert answer.headers["x-body-length"] == "100000" or answer.status == 200
    received = bytes(home.only_talk().received)
    assert received.count(b"PROXY ") == 1 and received.count(b"POST ") == 1


@pytest.mark.threads
def test_servers_that_flap_harm_nobody(limpet, server):
    homes = [server(name) for name in "abc"]
    proxy = limpet(homes, key="header:X-User")
    for number in range(60):
        if number % 5 == 0:
            homes[0].stop()
        if number % 5 == 2:
            homes[0].start()
        assert who_answers(proxy, headers={"X-User": f"user{number}"}) in "abc"
    if homes[0].listening is None:
        homes[0].start()
