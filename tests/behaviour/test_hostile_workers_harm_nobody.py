"""A worker of limpet's own contract may do to its channel what it likes: its clients go to the next-ranked, or are told in
time; the others notice nothing."""

import pytest

from support import proc, wire
from support.client import Client, ask
from support.hostility import Hostility, fields
from support.proc import wait_until
from support.visitors import lost, slowest
from support.wire import request
from support.workers import python_worker, served_twice

SERVING = ["answers_twice", "answers_what_nobody_asked", "says_words_of_another_version",
           "sends_messages_of_any_length", "sends_descriptors"]
USELESS = ["refuses", "dies_before_it_answers", "dies_with_some_unread", "dies_at_once"]
FLOODING = ["floods_with_answers", "floods_with_noise", "floods_with_readiness", "floods_with_descriptors"]


def _start(workers, habit, **options):
    return Hostility(workers, python_worker(f"1:{habit}"), "limpet", **options)


@pytest.mark.parametrize("habit", SERVING + USELESS)
def test_whatever_it_says_everybody_is_served(workers, folder, habit):
    hostility = _start(workers, habit)
    visits = hostility.visitors(1.2)
    assert hostility.everybody_is_served(visits)
    assert {visit.slot for visit in visits} == ({"1", "2", "3"} if habit in SERVING else {"2", "3"})
    assert served_twice(folder / "served") == []
    assert slowest(visits, 1) < 2
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit", ["refuses", "dies_before_it_answers"])
def test_what_it_did_not_take_arrives_whole_elsewhere(workers, habit):
    hostility = _start(workers, habit, listener={"proxy-protocol": "require"})
    lines = b"".join(b"%d %s\n" % (number, b"x" * 1000) for number in range(500))
    with Client(hostility.proxy) as client:
        client.send(wire.proxy_v1(f"203.0.113.{hostility.client_of('1')}") + lines)
        assert client.read_exactly(len(lines)) == lines
    assert hostility.proxy.visit()["why"].startswith("next_ranked:1:")


@pytest.mark.parametrize("habit", FLOODING)
def test_a_flood_of_words_holds_up_nobody(workers, habit):
    """But its own clients, who wait for it."""
    hostility = _start(workers, habit)
    assert hostility.others_are_served_soon()
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit", ["never_reads", "closes_its_channel"])
def test_one_that_does_not_read_is_passed_over_after_three_seconds(workers, habit):
    """What was sent to it and not read is taken back."""
    hostility = _start(workers, habit)
    visits = hostility.visitors(4.5)
    assert hostility.everybody_is_served(visits)
    assert slowest(visits, 1) < 5
    assert all(visit.began < visits[0].began + 4 for visit in visits if visit.took > 1)
    assert hostility.proxy.stderr.count("has not answered for 3 s") == 1
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit", ["swallows", "swallows_all", "closes_its_channel_later"])
def test_a_client_whose_worker_never_answers_is_told_in_time(workers, habit):
    """The worker has read the message: nobody else may get the connection. But neither is it kept for ever."""
    hostility = _start(workers, habit, timeouts={"worker": "4s"})
    visits = hostility.visitors(6, per_second=40, timeout=12)
    told = lost(visits)
    assert {visit.result for visit in told} == {"reset"} or {visit.result for visit in told} == {"empty"}
    assert all(3 < visit.took < 6 for visit in told)
    assert len(told) <= 75
    reasons = [line["reason"] for line in hostility.proxy.visits(len(visits))]
    assert reasons.count("worker_timeout") == len(told)
    # The worker may yet answer those that it has read: so many are in flight at most.
    assert wait_until(lambda: proc.descriptors(hostility.engine) <= hostility.descriptors + 40)
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit, more", [("closes_by_an_empty_message", {}), ("never_reads", {"kill-silent": "1s"}),
                                         ("closes_its_channel", {"kill-silent": "1s"})])
def test_one_that_can_never_serve_again_is_replaced(workers, habit, more):
    hostility = _start(workers, habit, more=more)
    first = wait_until(lambda: hostility.proxy.workers.get("1"))
    for client in range(10):
        assert ask(hostility.proxy, "/1", fields(client)).status == 200
    assert wait_until(lambda: hostility.proxy.workers.get("1", first) != first, 12)


def test_one_that_is_ready_only_in_a_message_of_another_length_takes_no_connections(workers):
    """What tells that a message of the wrong length is not understood."""
    proxy = workers(python_worker("1:says_ready_too_long"), 1, key="client", ready=False, timeouts={"worker": "1s"})
    assert proxy.says("limpet: ready")
    with Client(proxy) as client:
        client.send(request("/1", fields(1)))
        assert client.is_dropped(5)
    assert proxy.visit()["reason"] == "no_server"
