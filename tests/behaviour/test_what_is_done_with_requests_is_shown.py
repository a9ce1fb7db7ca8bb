"""Modes, routes and what pools remember are told by check and by why as the running limpet has them."""

import json

import pytest

from support import wire
from support.http_client import one_answer
from support.http_servers import HonestServer
from support.limpet import run
from support.ports import free_port

CONFIG = """
seed: s
secret: secret
listeners:
  - bind: "127.0.0.1:PORT"
    routes:
      - {host: old.example.org, path: /x, redirect: https}
      - {path: /robots.txt, answer: {body: "User-agent: *"}}
      - {path: /api/, method: [GET, POST], header: X-User, pool: shop, request-headers: {remove: [X-A, X-B], set: {X-C: c}}}
      - {pool: shop}
  - {bind: ":2", mode: tcp, pool: plain}
  - {bind: ":3", mode: http, pool: plain}
  - {bind: ":4", pool: plain}
pools:
  shop:
    stick: [{cookie: limpet, for: 7d, bind-client: true}, {session: "query:sid"}]
    servers: {a: "127.0.0.1:5", b: "127.0.0.1:6"}
  plain: {servers: ["127.0.0.1:7"]}
"""


@pytest.fixture
def secret(folder):
    made = run("secret")
    assert made.returncode == 0
    file = folder / "secret"
    file.write_bytes(made.stdout)
    file.chmod(0o600)
    return file


@pytest.fixture
def file(folder, secret):
    file = folder / "limpet.yaml"
    file.write_text(CONFIG.replace("PORT", "1"))
    return file


def why(file, *words):
    done = run("why", "-c", file, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_check_shows_routes_and_what_pools_remember(file):
    done = run("check", "-c", file)
    text = done.stdout.decode()
    assert done.returncode == 0 and not done.stderr, done.stderr
    for words in ("auto: one decision for each request, since routes or `stick` look into them",
                  "redirect 308 to the same URL with https, if host old.example.org, path /x...",
                  "answer 200, 13 bytes of text/plain; charset=utf-8, if path /robots.txt...",
                  "pool shop, if path /api/..., method GET or POST, with X-User",
                  "of requests: removes X-A, X-B, sets X-C", "pool shop, everything else",
                  "tcp: one decision for each connection", "http: one decision for each request",
                  "auto: one decision for each request where a trusted peer speaks HTTP",
                  "cookie: limpet, for 7d after the last request; SameSite=Lax, from one address alone",
                  "session: query:sid, for 1h after the last request", "heads of at most 32 KiB"):
        assert words in text, words


@pytest.mark.parametrize(("mode", "line"), [(0o644, "others may read or change"), (0o660, "others may read or change"),
                                            (0o640, None), (0o400, None)])
def test_a_secret_that_others_could_read_is_refused(file, secret, mode, line):
    secret.chmod(mode)
    for verb in ("check", "serve"):
        if verb == "check" or line:
            done = run(verb, "-c", file)
            assert (done.returncode == 0) == (line is None)
            assert not line or (line in done.stderr.decode() and f"chmod 600 {secret}" in done.stderr.decode())


@pytest.mark.parametrize(("listener", "words", "per_request", "because"), [
    (1, ["--peer", "203.0.113.9", "--path", "/"], True, "a route or `stick`"),
    (1, ["--peer", "203.0.113.9", "--sni", "a"], False, "does not begin with an HTTP/1 request"),
    (2, ["--path", "/"], False, "`mode: tcp`"),
    (3, ["--peer", "203.0.113.9"], True, "`mode: http`"),
    (4, ["--path", "/"], True, "trusted and speaks HTTP"),
    (4, ["--peer", "203.0.113.9", "--path", "/"], False, "outside `trust`"),
    (4, [], False, "no request was seen"),
])
def test_why_says_which_mode_serves_and_why(file, listener, words, per_request, because):
    told = why(file, "--listener", listener, *words)
    assert told["mode"]["per_request"] == per_request and because in told["mode"]["why"]
    assert told["server"]
    assert because in run("why", "-c", file, "--listener", listener, *words).stdout.decode()


def test_why_says_which_route_matched_and_why_those_before_did_not(file):
    told = why(file, "--host", "other.example.org", "--path", "/api/", "--method", "PUT")
    assert (told["route"], told["pool"]) == (4, "shop")
    assert [miss["why"] for miss in told["routes_passed_over"]] == [
        "the request is for another host", "the path begins otherwise", "the request has another method"]
    told = why(file, "--path", "/api/")
    assert told["routes_passed_over"][2] == {"route": 3, "why": "the request lacks a field"}
    told = why(file, "--host", "old.example.org", "--path", "/x/y")
    assert (told["route"], told["pool"], told["server"]) == (1, None, None)
    answer = told["answer"]
    assert (answer["status"], answer["redirect"], answer["location"]) == (308, True, None)
    assert "X-Forwarded-Proto" in answer["why"]


def test_why_opens_the_cookie_that_limpet_set(folder, secret, start, keep):
    homes = {name: keep(HonestServer(name)) for name in "ab"}
    config = {"seed": "s", "secret": str(secret), "listeners": [{"bind": f"127.0.0.1:{free_port()}", "pool": "shop"}],
              "pools": {"shop": {"stick": [{"cookie": "limpet"}, {"session": "query:sid"}],
                                 "servers": {name: home.address for name, home in homes.items()}}}}
    proxy = start(config)
    for client in (f"203.0.113.{number}" for number in range(4)):
        answer = one_answer(proxy, wire.request("/", {"X-Forwarded-For": client}))
        cookie = answer.get("set-cookie").split(";")[0]
        told = why(proxy.file, "--header", f"Cookie: {cookie}")
        name = answer.json()["name"]
        ways = [{"way": "cookie: limpet", "state": "knows", "server": name, "here": None, "memcached": None},
                {"way": "session: query:sid", "state": "not asked", "server": None, "here": None, "memcached": None}]
        assert told["stick"] == {"by": "cookie", "server": name, "renew": False, "refused": 0, "gone": 0,
                                 "unknown_session": False, "may_know_more": False, "ways": ways}
        assert (told["server"], told["why"]) == (name, "cookie")
    assert why(proxy.file, "--path", "/")["stick"]["server"] is None
    assert why(proxy.file, "--header", "Cookie: limpet=forged")["stick"]["refused"] == 1
    told = why(proxy.file, "--path", "/?sid=123.b")
    assert (told["stick"]["by"], told["stick"]["server"], told["server"]) == ("session", "b", "b")
