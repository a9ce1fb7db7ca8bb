"""Where mode auto serves a trusted peer request by request, it refuses what mode http refuses: in the first request, if that
begins like one, and in every later one. To strangers with routes it is the same."""

import pytest

from behaviour import test_bodies_end_where_both_sides_say as bodies
from behaviour import test_fields_are_read_strictly as fields
from behaviour import test_request_lines_are_read_strictly as lines
from support.http1 import Cut, Malformed
from support.http_client import HttpClient
from support.http_servers import HonestServer
from support.refusals import chunks, field, post

BAD = {**{f"line: {name}": data for name, data in lines.BAD.items()},
       **{f"field: {name}": data for name, data in fields.BAD.items()},
       **{f"framing: {name}": post(framing, b"0\r\n\r\n") for name, framing in bodies.BAD_FRAMING.items()},
       **{f"chunk: {name}": chunks(data) for name, data in bodies.BAD_CHUNKS.items() if len(data) < 20_000}}

# What begins so is no HTTP, and bytes for the server; to a trusted peer more is believed.
NO_REQUEST = {f"line: {name}" for name in ("NUL in front", "a byte order mark in front", "another protocol", "TLS",
                                           "a control in the method", "an 8-bit method")}
NO_REQUEST_OF_TRUSTED = {f"line: {name}" for name in lines.BAD if name.endswith("in front")} | {
    "line: no method", "line: a method of 33 letters", "line: a method without an end"}

LISTENERS = {
    "trusted": {"mode": "auto", "trust": ["loopback"]},
    "routes": {"mode": "auto", "trust": "none", "routes": [{"path": "/never", "answer": 403}, {"pool": "app"}]},
}


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module", params=LISTENERS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def proxy(http_proxy, home, kind):
    return http_proxy([home], listener=LISTENERS[kind])


def _outcome(proxy, home, *requests):
    """Of the last one: "refused", or what came instead."""
    before = len(home.requests)
    with HttpClient(proxy, timeout=2) as client:
        for good in requests[:-1]:
            assert client.ask(good).status == 200
        client.send(requests[-1])
        try:
            status = client.answer("POST").status
        except (Cut, Malformed) as wrong:
            return repr(wrong)
        ending = client.ending(2)
    if len(home.requests) > before + len(requests) - 1:
        return "it went on"
    return "refused" if status in (400, 431) and ending == "fin" else f"{status}, {ending}"


def test_in_a_later_request(proxy, home):
    outcomes = {name: _outcome(proxy, home, field(b"X: y"), data) for name, data in BAD.items()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "refused"} == {}


def test_in_the_first_request(proxy, home, kind):
    outcomes = {name: _outcome(proxy, home, data) for name, data in BAD.items()
                if name not in NO_REQUEST and (kind == "routes" or name not in NO_REQUEST_OF_TRUSTED)}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "refused"} == {}
