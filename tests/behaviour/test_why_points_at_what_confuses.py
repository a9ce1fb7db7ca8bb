"""`limpet why` says what an operator would otherwise have to guess: where a head is wrong, what a session id means, why a
redirect goes in a circle."""

import json

import pytest

from support.limpet import configuration, run

COMMON = {"mode": "http", "trust": ["loopback"]}
SERVERS = {"t1": "127.0.0.1:2", "t2": "127.0.0.1:3"}


@pytest.fixture
def why(folder):
    """why(configuration, words...): the text, or what --json has."""
    def ask(config, *words, stdin=None):
        file = folder / "limpet.yaml"
        file.write_text(json.dumps(config))
        done = run("why", "-c", file, *words, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout) if "--json" in words else done.stdout.decode()
    return ask


PLAIN = configuration(SERVERS, listener=COMMON)
BAD_FIELD = b"GET / HTTP/1.1\r\nHost: example.org\r\nX-User: ann\r\nX User: bob\r\nX: y\r\n\r\n"


def test_the_line_that_is_wrong_is_shown(why):
    told = why(PLAIN, "--bytes", "-", stdin=BAD_FIELD)
    assert "in line 4: X\\x20User:\\x20bob, at its byte 2\n" in told
    end = why(PLAIN, "--bytes", "-", "--json", stdin=BAD_FIELD)["end"]
    assert (end["line"], end["byte"]) == (4, 2)
    assert "in line 1: GET\\x20/a" in why(PLAIN, "--bytes", "-", stdin=b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert why(PLAIN, "--bytes", "-", "--json", stdin=b"GET a b HTTP/1.1\r\nHost: a\r\n\r\n")["end"]["byte"] is None
    long = b"GET / HTTP/1.1\r\nHost: a\r\nX" + 1000 * b"\x1b" + b": y\r\n\r\n"
    assert "\x1b" not in why(PLAIN, "--bytes", "-", stdin=long)
    assert max(map(len, why(PLAIN, "--bytes", "-", stdin=long).splitlines())) < 300


def test_a_place_far_to_the_right_is_shown_with_what_is_around_it(why):
    told = why(PLAIN, "--bytes", "-", stdin=b"GET / HTTP/1.1\r\nHost: a\r\nX: " + 500 * b"a" + b"\0" + 500 * b"b" + b"\r\n\r\n")
    assert "in line 3: ..." + 29 * "a" + "\\x00" + 30 * "b" + "..., at its byte 504\n" in told


def test_what_is_missing_has_no_place(why):
    assert why(PLAIN, "--bytes", "-", "--json", stdin=b"GET / HTTP/1.1\r\nX: y\r\n\r\n")["end"]["line"] is None


def test_what_is_wrong_with_the_head_as_a_whole_has_no_line(why):
    assert "in line" not in why(PLAIN, "--bytes", "-", stdin=b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert why(PLAIN, "--method", "TRACE", "--json")["end"]["line"] is None


SESSIONS = configuration(SERVERS, listener=COMMON, pool={"stick": {"session": "cookie:JSESSIONID"}})


def test_an_id_that_may_have_been_learnt_is_not_overlooked(why):
    cookie = ["--header", "Cookie: JSESSIONID=0A1B"]
    told = why(SESSIONS, *cookie)
    assert "carries a session id" in told and "only the running limpet knows" in told
    assert why(SESSIONS, *cookie, "--json")["stick"]["unknown_session"]
    told = why(SESSIONS)
    assert "nothing in the request says where the client was" in told and "running limpet" not in told
    assert not why(SESSIONS, "--json")["stick"]["unknown_session"]
    told = why(SESSIONS, "--header", "Cookie: JSESSIONID=0A1B.t1", "--json")["stick"]
    assert told["server"] == "t1" and not told["unknown_session"]


REDIRECTS = configuration(SERVERS, listener={"mode": "http", "trust": ["10.0.0.0/8"],
                                             "routes": [{"redirect": "https"}, {"pool": "app"}]})
HTTPS = ["--header", "X-Forwarded-Proto: https"]


def test_a_redirect_in_a_circle_is_pointed_out(why):
    told = why(REDIRECTS, "--peer", "192.0.2.1", *HTTPS)
    assert "X-Forwarded-Proto says https, but the peer is outside `trust`" in told
    assert "outside `trust`" in why(REDIRECTS, "--peer", "192.0.2.1", *HTTPS, "--json")["answer"]["why"]
    assert "X-Forwarded-Proto" in why(REDIRECTS, "--peer", "10.0.0.1")
    assert "X-Forwarded-Proto" not in why(REDIRECTS, "--peer", "192.0.2.1")
    assert why(REDIRECTS, "--peer", "192.0.2.1", "--json")["answer"]["why"] is None
    assert "X-Forwarded-Proto" not in why(REDIRECTS, "--peer", "10.0.0.1", *HTTPS)


def test_the_next_ranked_worker_is_called_a_worker(why):
    told = why(configuration(workers={"command": ["cat"], "count": 2}, listener=COMMON))
    first, second = ("1", "2") if "worker 1, which" in told else ("2", "1")
    assert f"worker {first}, which is handed the request; if it cannot be reached, worker {second}\n" in told
