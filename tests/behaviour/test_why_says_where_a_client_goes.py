"""`limpet why` walks the path that a connection walks, so it names the server that answers."""

import json

from support import wire
from support.client import who_answers
from support.limpet import run
from support.ranking import Ranking


def test_why_says_where_a_client_goes(limpet, server):
    homes = [server(name) for name in "abc"]
    proxy = limpet(homes, key=["header:X-User", "client"])
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    for user in ("ann", "bob", "carol", "dave"):
        done = run("why", "-c", proxy.file, "--peer", "127.0.0.1", "--header", f"X-User: {user}", "--json")
        assert done.returncode == 0, done.stderr.decode()
        told = json.loads(done.stdout)
        assert user in done.stdout.decode()
        home = ranking.home_of_text(user)
        assert home == who_answers(proxy, headers={"X-User": user})
        assert told["server"] == home


def test_it_reads_bytes_as_they_come(limpet, server):
    proxy = limpet([server(name) for name in "abc"], key="sni")
    done = run("why", "-c", proxy.file, "--peer", "203.0.113.9", "--bytes", "-", "--json",
               stdin=wire.client_hello("shop.example.org"))
    assert done.returncode == 0, done.stderr.decode()
    home = Ranking("tests", "app", dict.fromkeys("abc", 1)).home_of_text("shop.example.org")
    assert json.loads(done.stdout)["server"] == home


def test_it_names_the_field_that_was_sent_instead_of_the_one_that_counts():
    words = ["why", "-l", ":1", "127.0.0.1:2", "--header"]
    text = run(*words, "Forwarded: for=203.0.113.9").stdout.decode()
    assert "it sent Forwarded, which counts with `client-from: forwarded`" in text
    assert "it sent" not in run(*words, "X-Forwarded-For: 203.0.113.9").stdout.decode()
    assert json.loads(run(*words, "Forwarded: for=203.0.113.9", "--json").stdout)["client"]["other_field"] == "Forwarded"
