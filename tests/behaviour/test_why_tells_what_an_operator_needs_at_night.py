"""`limpet why` explains each step in words, ends well whatever it explains, and says what is wrong with the question."""

import json

from support.limpet import run

SERVERS = ["a=10.0.0.11:3000", "b=10.0.0.12:3000,weight=2"]
TRUSTED = ["--peer", "10.0.0.1", "--trust", "10.0.0.0/8"]


def why(*arguments, stdin=None):
    done = run("why", "-l", ":8080", *arguments, *SERVERS, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def why_json(*arguments, stdin=None):
    return json.loads(why("--json", *arguments, stdin=stdin))


def test_it_tells_which_forwarded_addresses_were_passed_over_and_why():
    told = why(*TRUSTED, "--header", "X-Forwarded-For: 1.2.3.4, 203.0.113.9, 10.0.0.3")
    assert "10.0.0.1: trusted (10.0.0.0/8)" in told
    assert "203.0.113.9: the nearest address that is not trusted" in told
    assert "10.0.0.3: passed over, it is trusted (10.0.0.0/8)" in told
    assert "203.0.113.9: taken" in told
    assert "1.2.3.4: not looked at" in told


def test_it_names_the_trust_that_is_missing():
    told = why("--peer", "192.0.2.7:55", "--header", "X-Forwarded-For: 203.0.113.9")
    assert "ignored" in told and "--trust 192.0.2.7)" in told
    told = why_json("--peer", "192.0.2.7", "--header", "X-Forwarded-For: 203.0.113.9")
    assert told["client"]["address"] == "192.0.2.7"
    assert told["client"]["forwarding_field_ignored"]


def test_it_tells_which_sources_were_absent_and_why():
    told = why_json("-k", "header:X-User", "-k", "cookie:sid", "-k", "path:1", "-k", "client", "--path", "/shop/cart",
                    "--header", "X-User:")
    assert [source["state"] for source in told["sources"]] == ["absent", "absent", "present", "not asked"]
    assert told["sources"][0]["why"] == "the field is empty"
    assert told["key"]["value"] == "shop"


def test_text_and_json_tell_the_same_ranking():
    arguments = ["-k", "sni", "--sni", "Shop.Example.org"]
    told = why_json(*arguments)
    text = why(*arguments)
    assert told["key"]["value"] == told["server_name"] == "shop.example.org"
    assert [entry["server"] for entry in told["ranking"]][0] == told["server"]
    assert told["key"]["hash"] in text
    for place, entry in enumerate(told["ranking"], 1):
        assert f"{place}. {entry['server']}  score" in text
        assert f"{entry['score']:.6f}" in text
    assert told["ranking"][0]["score"] >= told["ranking"][1]["score"]


def test_a_refusal_is_an_answer_too():
    told = why_json("-k", "header:X-User", "--header", "X-User: ann", "--header", "X-User: bob")
    assert told["end"]["reason"] == "bad_head" and told["end"]["answer_400"]
    assert told["server"] is None
    assert "reason=bad_head" in why("-k", "header:X-User", "--header", "X-User: ann", "--header", "X-User: bob")


def test_a_key_is_shown_escaped():
    told = why("-k", "bytes:0+4", "--bytes", "-", stdin=b"\x1b[2J")
    assert "\x1b" not in told and "\\x1b[2J" in told
    assert why_json("-k", "bytes:0+4", "--bytes", "-", stdin=b"\x1b[2J")["key"]["hex"] == "1b5b324a"


def test_a_client_that_would_keep_limpet_waiting_is_told_of():
    assert why_json(*TRUSTED)["waits_for_more"]
    assert not why_json("--peer", "192.0.2.7")["waits_for_more"]


def test_a_wrong_question_is_told_from_a_wrong_configuration():
    for wrong in (["--peer", "nobody"], ["--listener", "2"], ["--listener", "0"], ["--header", "no colon"],
                  ["--sni", "a", "--path", "/"], ["--bytes", "-", "--sni", "a"]):
        done = run("why", "-l", ":8080", *wrong, *SERVERS, stdin=b"")
        assert done.returncode == 2, wrong
        assert b"limpet why: " in done.stderr
    assert run("why", "-c", "/nonexistent").returncode == 1
    assert run("why", "-l", ":8080", "--bytes", "/nonexistent", *SERVERS).returncode == 1
