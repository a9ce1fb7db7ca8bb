"""Memcached that is down, slow, lying or broken: every client is served all the same, in time, and a connection on which anything
was wrong is never used again."""

import time

import pytest

from support.client import ask
from support.memcached import FakeMemcached
from support.proc import wait_until

# What is said in place of a reply, by the first word of the command that is answered wrongly.
WRONG = {
    "the value of another length, one less": lambda reply: reply.replace(b"VA ", b"VA 1", 1),
    "a length beyond all bounds": lambda reply: b"VA 2147483648 c1 O1\r\n",
    "a negative length": lambda reply: b"VA -1 c1 O1\r\n",
    "a length that is none": lambda reply: b"VA 0x10 c1 O1\r\n",
    "a hundred megabytes": lambda reply: b"VA 104857600 c1 O1\r\n" + b"x" * 100_000,
    "an error of the server": lambda reply: b"SERVER_ERROR out of memory storing object\r\n",
    "an error of ours": lambda reply: b"CLIENT_ERROR bad command line format\r\n",
    "a word that it does not know": lambda reply: b"ERROR\r\n",
    "garbage": lambda reply: bytes(range(256)),
    "zeros": lambda reply: bytes(64),
    "a line without an end": lambda reply: b"A" * 2000,
    "only a line feed": lambda reply: reply.replace(b"\r\n", b"\n"),
    "a reply too many": lambda reply: reply + reply,
    "the reply to another question": lambda reply: reply.replace(b" O", b" O9"),
    "a reply without its number": lambda reply: b"EN\r\n",
    "two numbers": lambda reply: b"EN O1 O1\r\n",
    "the old protocol": lambda reply: b"VALUE limpet 0 3\r\nabc\r\nEND\r\n",
    "half a value, and the end": lambda reply: None,
    "the end at once": lambda reply: None,
}


@pytest.fixture
def fake():
    started = []

    def one(*arguments, **options):
        started.append(FakeMemcached(*arguments, **options))
        return started[-1]
    yield one
    for each in started:
        each.stop()


def _home(proxy, user, within=5):
    begun = time.monotonic()
    answer = ask(proxy, "/", {"X-User": user, "Connection": "close"})
    assert time.monotonic() - begun < within
    assert answer.status == 200
    return answer.text.split()[0]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", [b"mg", b"ms"])
def test_a_reply_that_is_wrong(frontend, server, fake, command, wrong):
    wrongly = []

    def twist(words, reply):
        if words[0] != command or wrongly:
            return reply
        wrongly.append(words)
        return WRONG[wrong](reply)

    table = fake(twist)
    servers = [server(name) for name in "abc"]
    proxy = frontend(servers, [table])
    homes = {user: _home(proxy, user) for user in ("one", "two", "three")}
    assert wrongly and set(homes.values()) <= set("abc")
    assert table.connections >= 2, "a connection on which something was wrong was used again"
    assert {user: _home(proxy, user) for user in homes} == homes
    other = frontend(servers, [table])
    assert wait_until(lambda: len(table.pins) == 3, 5)
    assert {user: _home(other, user) for user in homes} == homes


def test_a_value_that_another_program_wrote_is_no_pin(frontend, server, fake):
    table = fake()
    proxy = frontend([server(name) for name in "abc"], [table])
    home = _home(proxy, "one")
    key = table.pins[0]
    value, number = table.values[key]
    for lie in (b"", b"b", b"\x01" + bytes(72), value[:-1], value + b"x", bytes([value[0]]) + value[:0:-1]):
        table.values[key] = (lie, number + 1)
        fresh = frontend([server(name) for name in "abc"], [table])
        assert _home(fresh, "one") in "abc"
    assert home in "abc"


def test_a_pin_that_was_copied_to_another_key_does_not_count(frontend, server, fake):
    table = fake()
    servers = [server(name) for name in "abc"]
    proxy = frontend(servers, [table])
    homes = {f"user-{number}": _home(proxy, f"user-{number}") for number in range(20)}
    pins = {key: table.values[key] for key in table.pins}
    values = [value for value, _ in pins.values()]
    for (key, (_, number)), value in zip(pins.items(), values[1:] + values[:1]):
        table.values[key] = (value, number)
    other = frontend(servers, [table])
    assert {user: _home(other, user) for user in homes} == homes
