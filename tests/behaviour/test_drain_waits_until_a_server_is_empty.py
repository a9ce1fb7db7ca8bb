"""`limpet drain POOL/NAME` tells the running limpet, and with --wait ends when the server has no clients any more."""

import time

import pytest

from support.admin import answer, server, status
from support.limpet import run


class House:
    """A limpet with the server app/1, whose state at each look comes from a list; the last one stays."""

    def __init__(self, stand_in, *looks):
        self.looks = list(looks)
        self.at = stand_in(self.answers)

    def answers(self, method, target):
        if method == "POST":
            return answer(body={"server": "app/1", "draining": True})
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return look if isinstance(look, bytes) else answer(body=status(*look))

    def drain(self, *words, verb="drain"):
        done = run(verb, "app/1", "--admin", self.at.path, *words)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


def drained(**more):
    return [server("0", live=99), server("1", draining=True, **more)]


@pytest.mark.parametrize("verb, words", [("drain", "app/1 gets no new clients\n"),
                                         ("undrain", "app/1 gets new clients again\n")])
def test_without_wait_it_is_done_at_once(stand_in, verb, words):
    house = House(stand_in, drained(live=3))
    assert house.drain(verb=verb) == (0, words, "")
    assert house.at.asked == [("POST", f"/v1/{verb}?server=app/1")]


@pytest.mark.parametrize("name, written", [
    ("app/unix:/run/a.sock", "app/unix:/run/a.sock"), ("app/[::1]:80", "app/%5B::1%5D:80"),
    ("a b/c&d=e%+#?", "a%20b/c%26d%3De%25%2B%23%3F"), ("app/é", "app/%C3%A9"), ("app/" + "%" * 996, "app/" + "%25" * 996)],
    ids=["path", "v6", "signs", "utf8", "long"])
def test_every_name_arrives_as_it_is(stand_in, name, written):
    at = stand_in(lambda method, target: answer(body={}))
    assert run("drain", "--admin", at.path, "--", name).returncode == 0
    assert at.asked == [("POST", f"/v1/drain?server={written}")]


def test_with_wait_it_ends_when_nothing_is_left(stand_in):
    house = House(stand_in, drained(live=2), drained(live=0, in_flight=1), drained(live=0, queued=1), drained(live=0))
    assert house.drain("--wait") == (0, "app/1 is drained: it has no connections\n", "")
    assert len(house.at.asked) == 5


def test_a_server_with_an_address_is_waited_for(stand_in):
    look = [server("1", kind="address", draining=True, live=1)]
    house = House(stand_in, look, [server("1", kind="address", draining=True, live=0)])
    assert house.drain("--wait")[0] == 0
    assert len(house.at.asked) == 3


def test_a_worker_that_is_not_running_has_no_connections(stand_in):
    house = House(stand_in, drained(live=None, process=None, state="down"))
    assert house.drain("--wait")[0] == 0


@pytest.mark.parametrize("look, words", [
    (drained(live=None), "app/1 is draining, but how many connections it has cannot be counted"),
    ([server("1", live=3)], "app/1 is not drained any more: somebody has undrained it"),
    ([server("2")], "app/1 is gone: nobody to wait for"),
    (answer(503, {"error": "no memory"}), "no memory"),
    (b"", "the answer is not a limpet's, or not all of it")], ids=["uncounted", "undrained", "gone", "refused", "nothing"])
def test_a_wait_that_cannot_end_well_ends_badly(stand_in, look, words):
    code, out, err = House(stand_in, drained(live=3), look).drain("--wait")
    assert (code, out) == (1, "") and words in err and err.startswith("limpet drain: ")


@pytest.mark.parametrize("live, words", [(1, "1 connection\n"), (3, "3 connections\n")])
def test_a_wait_that_runs_out_has_a_status_of_its_own(stand_in, live, words):
    house = House(stand_in, drained(live=live))
    began = time.monotonic()
    code, out, err = house.drain("--wait", "--timeout", "400ms")
    assert (code, out) == (3, "")
    assert err == f"limpet drain: the wait ran out: app/1 is draining and still has {words}"
    assert 0.4 <= time.monotonic() - began < 5


def test_looks_become_rare(stand_in):
    house = House(stand_in, drained(live=3))
    assert house.drain("--wait", "--timeout", "2s")[0] == 3
    assert len(house.at.asked) <= 9


@pytest.mark.parametrize("name, words", [("app/11", " (did you mean app/1?)"), ("ap/1", " (did you mean app/1?)"),
                                         ("game/archive", "; `limpet status` lists what there is")])
@pytest.mark.parametrize("verb", ["drain", "undrain"])
def test_a_server_that_is_not_there_is_answered_with_the_one_that_was_meant(stand_in, verb, name, words):
    def answers(method, target):
        return answer(404, {"error": f"there is no server {name}"}) if method == "POST" else answer(body=status(server("1")))
    done = run(verb, name, "--admin", stand_in(answers).path)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.decode() == f"limpet {verb}: there is no server {name}{words}\n"


def test_what_limpet_says_against_it_is_passed_on(stand_in):
    at = stand_in(lambda method, target: answer(503, {"error": "this limpet cannot drain app/1"}))
    done = run("drain", "app/1", "--wait", "--admin", at.path)
    assert done.returncode == 1
    assert done.stderr == b"limpet drain: this limpet cannot drain app/1\n"
