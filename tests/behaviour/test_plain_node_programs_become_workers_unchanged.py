"""http.createServer(...).listen(PORT), and nothing else: started by limpet it is a worker, whichever Node runs it."""

import hashlib
import http.client
import os
from collections import Counter

import pytest

from support import wire
from support.client import Client, ask_for_facts, parse_answer
from support.load import ask_each
from support.programs import NODE_VERSIONS
from support.ranking import ranking_of_workers

# Only 127.0.0.1 connects in earnest; as far as limpet is concerned these are people from afar.
CLIENTS = [f"127.1.0.{number + 1}" for number in range(60)]


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_each_client_has_its_own_worker(run, version):
    proxy = run("http_app.js", count=3, version=version)
    ranking = ranking_of_workers(3)
    assert ask_each(proxy, CLIENTS, times=2) == {client: [ranking.home_of_address(client)] * 2 for client in CLIENTS}


@pytest.mark.threads
def test_every_key_reaches_the_worker_that_the_model_names(run):
    proxy = run("http_app.js", count=4, options=["-k", "header:X-User", "-k", "client"])
    ranking = ranking_of_workers(4)
    for number in range(80):
        user = f"user {number}"
        facts = ask_for_facts(proxy, headers={"X-User": user} if number % 4 else {})
        assert facts["slot"] == (ranking.home_of_text(user) if number % 4 else ranking.home_of_address("127.0.0.1"))


def test_a_trusted_proxy_names_the_clients(run):
    proxy = run("http_app.js", count=4)
    ranking = ranking_of_workers(4)
    homes = {}
    for number in range(60):
        client = f"203.0.113.{number}"
        homes[client] = ask_for_facts(proxy, headers={"X-Forwarded-For": client})["slot"]
    assert homes == {client: ranking.home_of_address(client) for client in homes}
    assert len(Counter(homes.values())) == 4


def test_whoever_keeps_his_connection_keeps_his_worker(run):
    """Even where a later request would belong elsewhere: one connection is one decision."""
    proxy = run("http_app.js", count=4)
    host, port = proxy.address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    answers = Counter()
    for number in range(400):
        connection.request("GET", "/", headers={"X-Forwarded-For": f"203.0.113.{number % 50 + 7}"})
        answers[connection.getresponse().read().decode().strip()] += 1
    connection.close()
    assert answers == {ranking_of_workers(4).home_of_address("203.0.113.7"): 400}


def test_a_post_of_8_mib_arrives_whole(run):
    proxy = run("http_app.js", count=2)
    body = os.urandom(8 << 20)
    facts = ask_for_facts(proxy, method="POST", body=body)
    assert (facts["length"], facts["digest"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_head_that_comes_byte_by_byte_is_handed_over_whole(run):
    proxy = run("http_app.js", count=2)
    with Client(proxy) as client:
        client.send_byte_by_byte(wire.request(headers={"X-Forwarded-For": "203.0.113.9", "Connection": "close"}))
        answer = parse_answer(client.read_to_end())
    assert answer.text == ranking_of_workers(2).home_of_address("203.0.113.9")
