"""A worker that speaks Node's protocol may do to its channel what it likes: its clients go to the next-ranked; the others
notice nothing."""

import hashlib
import json
import random

import pytest

from support.client import ask

from support.hostility import Hostility, fields
from support.visitors import slowest
from support.workers import node_speaker, served_twice

SERVING = ["says_what_is_no_json", "says_lines_of_a_mebibyte", "says_words_of_wrong_types", "answers_twice",
           "answers_what_nobody_asked", "sends_handles", "listens_everywhere"]
USELESS = ["never_listens", "refuses", "loses_descriptors", "dies_before_it_answers", "dies_between_its_answers",
           "closes_everything"]
FLOODING = ["floods_with_acknowledgements", "floods_with_questions", "floods_with_listening",
            "floods_without_a_newline"]


def _start(workers, habit, **options):
    return Hostility(workers, node_speaker(f"1:{habit}"), "node", **options)


@pytest.mark.parametrize("habit", SERVING + USELESS)
def test_whatever_it_says_everybody_is_served(workers, folder, habit):
    hostility = _start(workers, habit)
    hostility.lines = 160 if habit == "listens_everywhere" else 40
    visits = hostility.visitors(1.2)
    assert hostility.everybody_is_served(visits)
    assert {visit.slot for visit in visits} == ({"1", "2", "3"} if habit in SERVING else {"2", "3"})
    assert served_twice(folder / "served") == []
    assert slowest(visits, 1) < 2
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit", ["never_reads", "stops_in_the_middle_of_a_line"])
def test_one_that_does_not_read_is_passed_over_after_three_seconds(workers, habit):
    hostility = _start(workers, habit)
    visits = hostility.visitors(4.5)
    assert hostility.everybody_is_served(visits)
    assert slowest(visits, 1) < 5
    assert "has not answered for 3 s" in hostility.proxy.stderr
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit", FLOODING)
def test_a_flood_of_lines_holds_up_nobody(workers, habit):
    """But its own clients, who wait for it. Nor does it fill the log."""
    hostility = _start(workers, habit)
    assert hostility.others_are_served_soon()
    assert hostility.engine_is_well()


@pytest.mark.parametrize("habit", ["refuses", "loses_descriptors", "dies_before_it_answers",
                                   "dies_between_its_answers"])
def test_what_it_did_not_take_arrives_whole_elsewhere(workers, habit):
    """The head was looked at, the rest is under way, and the worker that it was first sent to is no more."""
    command = node_speaker(f"1:{habit}", script="http_app.js")
    hostility = Hostility(workers, command, "node", env={"PORT": "3000"})
    client, body = hostility.client_of("1"), random.randbytes(1 << 20)
    facts = json.loads(ask(hostility.proxy, "/facts", fields(client), method="POST", body=body).body)
    assert facts["slot"] in "23"
    assert facts["digest"] == hashlib.sha256(body).hexdigest()
    assert hostility.proxy.visit()["why"].startswith("next_ranked:1:")
