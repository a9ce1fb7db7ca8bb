import json

import pytest

from support.client import ask
from support.load import ask_each
from support.ranking import ranking_of_workers


@pytest.fixture
def express(run):
    return run("express_app.js", count=2)


def test_each_client_has_its_own_worker(express):
    clients = [f"127.1.0.{number + 1}" for number in range(40)]
    ranking = ranking_of_workers(2)
    assert ask_each(express, clients, times=2) == {client: [ranking.home_of_address(client)] * 2 for client in clients}


def test_it_reads_bodies_and_forwarding_fields(express):
    fields = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Connection": "close"}
    asked = json.loads(ask(express, "/ip", fields).body)
    assert asked == {"ip": "203.0.113.9", "ips": ["203.0.113.9"], "protocol": "https"}
    said = {"all": ["that", {"was": "said"}], "\u00e9": 1.5}
    answer = ask(express, "/echo", {**fields, "Content-Type": "application/json"}, method="POST",
                 body=json.dumps(said).encode())
    assert (answer.status, json.loads(answer.body)) == (201, said)
