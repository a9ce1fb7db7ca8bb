"""`limpet pins POOL` asks a running limpet how many keys are pinned to each server."""

import json

import pytest

from support.admin import answer, status
from support.limpet import run

COUNTS = {"pool": "app", "pins": 1240, "servers": [{"server": "a", "pins": 1200}, {"server": "[::1]:80", "pins": 40},
                                                   {"server": "ü", "pins": 0}]}


def pins(at, *words):
    done = run("pins", "--admin", at.path, *words)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_it_is_a_table(stand_in):
    at = stand_in(lambda method, target: answer(body=COUNTS))
    assert pins(at, "app") == (0, "POOL/SERVER   PINS\napp/a         1200\napp/[::1]:80  40\napp/ü         0\n1240 pins\n", "")
    assert at.asked == [("GET", "/v1/pins?pool=app")]


def test_in_json_it_is_what_limpet_says(stand_in):
    code, out, err = pins(stand_in(lambda method, target: answer(body=COUNTS)), "--json", "app")
    assert (code, json.loads(out), err) == (0, COUNTS, "")


def test_no_name_writes_to_the_terminal(stand_in):
    at = stand_in(lambda method, target: answer(body={"pool": "a\x1b[31m", "pins": 1, "servers": [{"server": "\n", "pins": 1}]}))
    assert pins(at, "a b&c") == (0, "POOL/SERVER  PINS\na?[31m/?     1\n1 pin\n", "")
    assert at.asked == [("GET", "/v1/pins?pool=a%20b%26c")]


@pytest.mark.parametrize("words", [{}, {"pool": 3, "pins": "x", "servers": {}}, {"servers": [3, None, {"server": []}]}])
def test_an_answer_that_is_none_of_ours_harms_nobody(stand_in, words):
    code, out, _ = pins(stand_in(lambda method, target: answer(body=words)), "app")
    assert code == 0 and out.endswith("0 pins\n")


@pytest.mark.parametrize("name, words", [("ap", " (did you mean app?)"), ("elsewhere", "; `limpet status` lists what there is")])
def test_a_pool_that_is_not_there_is_answered_with_the_one_that_was_meant(stand_in, name, words):
    def answers(method, target):
        return answer(body=status()) if "status" in target else answer(404, {"error": f"there is no pool {name}"})
    assert pins(stand_in(answers), name) == (1, "", f"limpet pins: there is no pool {name}{words}\n")


def test_a_pool_that_pins_nothing_says_so(stand_in):
    at = stand_in(lambda method, target: answer(409, {"error": "nothing is pinned in the pool app"}))
    assert pins(at, "app") == (1, "", "limpet pins: nothing is pinned in the pool app\n")


@pytest.mark.parametrize("words, said", [([], "which pool?"), ([""], "which pool?"), (["a", "b"], "one pool at a time"),
                                         (["x" * 1001], "too long"), (["app", "--wait"], "--wait")])
def test_what_is_called_wrongly_is_told(stand_in, words, said):
    code, out, err = pins(stand_in(lambda method, target: answer(body=COUNTS)), *words)
    assert (code, out) == (2, "") and said in err
