"""`limpet status` is a table for people, aligned; with --json it is what the admin socket says."""

import json

import pytest

from support.admin import answer, server, status
from support.limpet import run


@pytest.fixture
def shown(stand_in):
    def show(state, *words):
        at = stand_in(lambda method, target: answer(body=state))
        done = run("status", "--admin", at.path, *words)
        assert at.asked == [("GET", "/v1/status")]
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout.decode()
    return show


TABLE = """\
limpet 0.2.0, process 4242, engine 4243, up 3d 4h
listening on 127.0.0.1:3000, unix:/run/app.sock
POOL/SERVER  STATE           PROCESS      LIVE  WAITING  HANDED OVER  REFUSED  ANSWERS IN  STARTS
app/1        up              4250         120   0        10233        0        0.4 ms      1
app/2        busy, draining  4251         -     7        9            2        1.5 s       13
app/3        down            -            -     0        0            0        -           1
app/a        resting         10.0.0.1:80  12    0        -            -        -           -
"""


def test_servers_are_rows_with_aligned_columns(shown):
    assert TABLE == shown(status(
        server("1", live=120, handed_over=10233),
        server("2", live=None, state="busy", draining=True, process=4251, in_flight=3, queued=4, handed_over=9, refused=2,
               starts=13, answer_ms={"last": 1, "mean": 1499.9, "worst": 2000}),
        server("3", live=None, state="down", process=None, answer_ms=None),
        server("a", kind="address", live=12, state="resting"),
        listening=["127.0.0.1:3000", "unix:/run/app.sock"]))


def test_a_name_that_is_no_ascii_does_not_shift_the_columns(shown):
    head, *rows = shown(status(server("é" * 12), server("b"))).splitlines()[2:]
    assert [row.index("up") for row in rows] == [head.index("STATE")] * 2


def test_a_name_cannot_talk_to_the_terminal(shown):
    assert "app/a?[31m?b " in shown(status(server("a\x1b[31m\nb")))


@pytest.mark.parametrize("seconds, words", [
    (0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3599, "59m 59s"), (3600, "1h 0m"), (86399, "23h 59m"), (86400, "1d 0h"),
    (31622400, "366d 0h")])
def test_the_age_has_two_units(shown, seconds, words):
    assert shown(status(uptime=seconds)).splitlines()[0].endswith(f", up {words}")


@pytest.mark.parametrize("more, words", [
    ({"engine": None}, "limpet 0.2.0, process 4242, no engine, up 3d 4h\n"),
    ({"state": "draining"}, ", up 3d 4h, draining before its end\n"),
    ({"ready": False}, ", up 3d 4h, not ready\n"),
    ({"ready": False, "state": "draining"}, ", up 3d 4h, draining before its end\n"),
    ({"reloading": True}, ", up 3d 4h, replacing its workers\n"),
    ({"listening": []}, "\nlistening nowhere yet\n")])
def test_what_is_out_of_the_ordinary_is_said(shown, more, words):
    assert words in shown(status(**more))


COUNTED = {"connections_accepted": 3456, "connections_refused": 2, "requests": 0, "requests_refused": 0,
           "answers_2xx": 5000, "answers_3xx": 100, "answers_4xx": 500, "answers_5xx": 78}


def test_connections_and_requests_are_counted(shown):
    lines = shown(status(connections=12, counters=COUNTED)).splitlines()
    assert lines[2] == "connections: 12 open, 3456 accepted, 2 refused"
    assert lines[3].startswith("POOL/SERVER")
    lines = shown(status(connections=12, counters={**COUNTED, "requests": 5678, "requests_refused": 9})).splitlines()
    assert lines[3] == "requests: 5678, 9 refused; answers: 5000 2xx, 100 3xx, 500 4xx, 78 5xx"
    assert lines[4].startswith("POOL/SERVER")


def test_why_visits_ended_is_counted(shown):
    visits = {"done": 70, "client_gone": 0, "bad_head": 9, "no_server": 1}
    lines = shown(status(connections=12, counters=COUNTED, visits=visits)).splitlines()
    assert lines[3] == "ended: 70 done, 9 bad_head, 1 no_server"
    assert lines[4].startswith("POOL/SERVER")
    lines = shown(status(connections=12, counters=COUNTED, visits=dict.fromkeys(visits, 0))).splitlines()
    assert lines[3].startswith("POOL/SERVER")


def test_json_is_what_the_socket_says_whatever_version_it_is_of(shown):
    state = status(server("1", something_new=[1, 2]), another=None)
    assert json.loads(shown(state, "--json")) == state


def test_a_status_of_many_servers_is_shown_whole(shown):
    lines = shown(status(*[server(str(i)) for i in range(10000)])).splitlines()
    assert len(lines) == 10003 and len({len(line) for line in lines[3:]}) == 1
