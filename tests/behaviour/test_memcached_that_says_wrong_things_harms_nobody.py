"""Memcached that lies, or is broken: every client is served all the same, in time, and a connection on which anything was wrong is
never used again."""

import re
import time

import pytest

from support import metrics
from support.client import ask
from support.memcached import FakeMemcached
from support.ports import free_port
from support.proc import wait_until

# What is said in place of a reply to `mg` (to `ms`, too, where that makes sense): bytes, or pieces with seconds to wait between
# them; None ends the connection.
WRONG = {
    "a value of which one byte is missing": lambda reply: _resized(reply, -1),
    "a value with a byte too many": lambda reply: _resized(reply, 1),
    "a length beyond all bounds": lambda reply: _value(b"2147483648", reply),
    "a length beyond all numbers": lambda reply: _value(b"9" * 30, reply),
    "a negative length": lambda reply: _value(b"-1", reply),
    "a length that is none": lambda reply: _value(b"0x10", reply),
    "a hundred megabytes": lambda reply: [_value(b"104857600", reply), *[b"x" * (1 << 20)] * 100],
    "a value without its end": lambda reply: [_value(b"10", reply) + b"x" * 10],
    "an error of the server": lambda reply: b"SERVER_ERROR out of memory storing object\r\n",
    "an error of ours": lambda reply: b"CLIENT_ERROR bad command line format\r\n",
    "a word that it does not know": lambda reply: b"ERROR\r\n",
    "a word that belongs to the other command": lambda reply: (b"EN" if reply[:2] in (b"HD", b"NS") else b"HD") + _opaque(reply),
    "garbage": lambda reply: bytes(range(256)),
    "zeros": lambda reply: bytes(64),
    "a zero in a word": lambda reply: b"EN\0" + _opaque(reply),
    "a zero behind its number": lambda reply: b"EN" + _opaque(reply)[:-2] + b"\0\r\n",
    "a line without an end": lambda reply: b"A" * 2000,
    "only a line feed": lambda reply: reply.replace(b"\r\n", b"\n"),
    "an empty line": lambda reply: b"\r\n" + reply,
    "two blanks": lambda reply: b"EN " + _opaque(reply),
    "a reply too many": lambda reply: reply + reply,
    "two values": lambda reply: (_value(b"1", reply) + b"x\r\n") * 2,
    "more behind a value": lambda reply: _value(b"1", reply) + b"x\r\nEND\r\n",
    "the number of another question": lambda reply: reply.replace(b" O", b" O9"),
    "a number beyond all numbers": lambda reply: b"EN O4294967296\r\n",
    "a reply without its number": lambda reply: b"EN\r\n",
    "two numbers": lambda reply: b"EN" + _opaque(reply)[:-2] + _opaque(reply),
    "the old protocol": lambda reply: b"VALUE limpet 0 3\r\nabc\r\nEND\r\n",
    "the value of another key, in the old protocol": lambda reply: b"VALUE another 0 3\r\nabc\r\nEND\r\n",
    "half a line, and the end": lambda reply: [reply[:3], None],
    "half a value, and the end": lambda reply: [_value(b"100", reply) + b"half", None],
    "the end at once": lambda reply: None,
}

# What comes too late. Held for longer than anybody waits.
LATE = {
    "nothing": lambda reply: [60.0],
    "a second later": lambda reply: [1.0, reply],
    "a byte a second": lambda reply: [piece for byte in reply for piece in (bytes([byte]), 1.0)],
    "half a value and no more": lambda reply: [_value(b"100", reply) + b"half", 60.0],
}

# What may be said though nobody has asked for it, and is no reason to go.
HARMLESS = {
    "flags that nobody asked for": lambda reply: reply.replace(b" O", b" f30 s5 kabc t-1 O", 1),
    "no number to change it by": lambda reply: re.sub(rb" c\d+", b"", reply, count=1),
    "it is gone": lambda reply: b"EN" + _opaque(reply),
    "byte by byte": lambda reply: [bytes([byte]) for byte in reply],
}


def _opaque(reply):
    return re.search(rb" O\d+", reply)[0] + b"\r\n"


def _value(length, reply):
    return b"VA " + length + b" c1" + _opaque(reply)


def _resized(reply, by):
    """The value is as long as before, and said to be longer or shorter."""
    if reply[:2] != b"VA":
        return _value(b"%d" % (5 + by), reply) + b"value\r\n"
    return re.sub(rb"VA (\d+)", lambda length: b"VA %d" % (int(length[1]) + by), reply, count=1)


@pytest.fixture
def fake(keep):
    return lambda *arguments, **options: keep(FakeMemcached(*arguments, **options))


class Liar:
    """Says `lie` in place of its first reply to this command, of those about pins."""

    def __init__(self, fake, command, lie):
        self.command, self.lie, self.lied_at = command, lie, None
        self.table = fake(self._twist)
        self.address = self.table.address

    def _twist(self, words, reply):
        if words[0] != self.command or words[1] == b"limpet:instance" or self.lied_at is not None:
            return reply
        self.lied_at = next(at for at, (_, heard) in enumerate(self.table.heard) if heard is words)
        return self.lie(reply)

    @property
    def was_heard_again(self):
        """What came on the connection on which it lied, of other keys."""
        number, lied_to = self.table.heard[self.lied_at]
        return [words for on, words in self.table.heard[self.lied_at:] if on == number and words[1] != lied_to[1]]


@pytest.fixture
def served(frontend, server):
    """Starts a frontend of one thread: `proxy, shown`, where its metrics are."""
    servers = [server(name) for name in "abc"]

    def one(table, mode="http", **options):
        shown = f"127.0.0.1:{free_port()}"
        return frontend(servers, [table], mode, threads=1, metrics=shown, **options), shown
    return one


def _home(proxy, user, within=5):
    begun = time.monotonic()
    answer = ask(proxy, "/", {"X-User": user, "Connection": "close"})
    assert time.monotonic() - begun < within
    assert answer.status == 200 and answer.text.split()[0] in "abc"
    return answer.text.split()[0]


def _homes(proxy, users=("one", "two", "three")):
    return {user: _home(proxy, user) for user in users}


def _warnings(proxy):
    return [line for line in proxy.stderr.splitlines() if "memcached" in line]


def _all_agree(served, liar, proxy, homes, mode):
    """Everything is where it would be if nothing had been wrong."""
    assert wait_until(lambda: len(liar.table.pins) == len(homes), 10)
    assert _homes(proxy, homes) == homes
    assert _homes(served(liar, mode)[0], homes) == homes


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", [b"mg", b"ms"])
def test_a_reply_that_is_wrong(served, fake, command, wrong, mode):
    liar = Liar(fake, command, WRONG[wrong])
    proxy, shown = served(liar, mode)
    homes = _homes(proxy)
    assert liar.lied_at is not None and not liar.was_heard_again
    assert liar.table.connections >= 2
    _all_agree(served, liar, proxy, homes, mode)
    nobody_waited = (command, wrong) == (b"mg", "a reply too many")
    assert nobody_waited or metrics.read(shown)("limpet_pin_failures_total") >= 1
    assert not _warnings(proxy)  # once is no state


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("command", [b"mg", b"ms"])
def test_a_reply_that_is_late(served, fake, command, late, mode):
    liar = Liar(fake, command, LATE[late])
    proxy, shown = served(liar, mode, timeouts={"memcached": "200ms"})
    homes = _homes(proxy)
    assert liar.lied_at is not None and not liar.was_heard_again
    time.sleep(1.2 if late == "a second later" else 0)  # what is said now, nobody hears
    _all_agree(served, liar, proxy, homes, mode)
    assert metrics.read(shown)("limpet_pin_failures_total") >= 1
    assert not _warnings(proxy)


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("harmless", HARMLESS)
def test_a_reply_that_is_only_unusual(served, fake, harmless, mode):
    liar = Liar(fake, b"mg", HARMLESS[harmless])
    proxy, shown = served(liar, mode)
    homes = _homes(proxy)
    assert liar.lied_at is not None and liar.was_heard_again
    _all_agree(served, liar, proxy, homes, mode)
    assert metrics.read(shown)("limpet_pin_failures_total") == 0


@pytest.mark.parametrize("wrong", ["garbage", "an error of the server", "the number of another question", "the end at once"])
def test_one_that_is_always_wrong_is_asked_no_more_and_that_is_said_once(served, fake, wrong):
    table = fake(lambda words, reply: reply if words[1] == b"limpet:instance" else WRONG[wrong](reply))
    proxy, shown = served(table)
    homes = _homes(proxy, [f"user-{number}" for number in range(100)])
    assert _homes(proxy, homes) == homes
    told = metrics.read(shown)
    said = [line for line in _warnings(proxy) if "is not asked any more" in line]
    answered = [line for line in _warnings(proxy) if "answers again: what" in line]
    assert 1 <= len(said) <= len(answered) + 1 <= 8
    # Each time five visits ask, and pins that are to be claimed again, of which 32 go at a time.
    assert told("limpet_pin_queries_total") <= (len(answered) + 1) * (5 + 32)


def test_replies_to_questions_that_ran_out_are_nobody_elses(served, fake):
    """All replies come, each of them after its time: whoever took one for his own would go home with another."""
    table = fake(lambda words, reply: reply if words[1] == b"limpet:instance" else [0.3, reply])
    proxy, _ = served(table, timeouts={"memcached": "150ms"})
    homes = _homes(proxy, [f"user-{number}" for number in range(4)])
    table.twist = lambda words, reply: reply
    time.sleep(0.4)
    assert _homes(proxy, homes) == homes
    assert _homes(served(table)[0], homes) == homes


def _lies(value):
    return {
        "nothing": b"", "a name": b"b", "noise": b"\x01" + bytes(72), "a byte less": value[:-1], "a byte more": value + b"x",
        "another order": bytes([value[0]]) + value[:0:-1], "zeros": bytes(len(value)), "too much": b"x" * 600,
        "another version": bytes([value[0] ^ 1]) + value[1:],
    }


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("lie", _lies(bytes(73)))
def test_a_value_that_another_program_wrote_is_no_pin(served, fake, lie, mode):
    table = fake()
    home = _home(served(table, mode)[0], "one")
    key, (value, number) = table.pins[0], table.values[table.pins[0]]
    table.values[key] = (_lies(value)[lie], number + 1)
    fresh, shown = served(table, mode)
    assert _home(fresh, "one") == home  # by the ranking
    told = metrics.read(shown)
    assert told("limpet_pins_strange_total") + told("limpet_pin_failures_total") >= 1
    if lie != "too much":
        assert wait_until(lambda: table.values[key][0] != _lies(value)[lie], 5), "it was left there"


@pytest.mark.parametrize("bit", range(0, 8 * 73, 37))
def test_a_value_of_which_any_bit_is_changed_is_no_pin(served, fake, bit):
    table = fake()
    home = _home(served(table)[0], "one")
    key, (value, number) = table.pins[0], table.values[table.pins[0]]
    changed = bytearray(value)
    changed[bit // 8 % len(value)] ^= 1 << bit % 8
    table.values[key] = (bytes(changed), number + 1)
    fresh, shown = served(table)
    assert _home(fresh, "one") == home
    assert metrics.read(shown)("limpet_pins_strange_total") == 1


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_pin_that_was_copied_to_another_key_does_not_count(served, fake, mode):
    table = fake()
    users = [f"user-{number}" for number in range(20)]
    homes = _homes(served(table, mode)[0], users)
    pins = {key: table.values[key] for key in table.pins}
    values = [value for value, _ in pins.values()]
    for (key, (_, number)), value in zip(pins.items(), values[1:] + values[:1]):
        table.values[key] = (value, number)
    other, shown = served(table, mode)
    assert _homes(other, users) == homes
    assert metrics.read(shown)("limpet_pins_strange_total") == 20


def test_a_pin_of_another_tenant_does_not_count(served, fake, folder):
    table = fake()
    homes = _homes(served(table)[0])
    secret = folder / "another-secret"
    secret.write_text("f" * 64 + "\n")
    secret.chmod(0o600)
    other, shown = served(table, secret=str(secret))
    assert _homes(other) == homes  # by the ranking
    assert metrics.read(shown)("limpet_pins_strange_total") == 3


def test_an_old_pin_of_ours_that_is_put_back_leads_to_a_server_of_ours(frontend, server, fake):
    table, servers = fake(), [server(name) for name in "abc"]
    proxy = frontend(servers, [table])
    home = _home(proxy, "one")
    key = table.pins[0]
    old, number = table.values[key]
    next(each for each in servers if each.name == home).stop()
    moved = _home(proxy, "one")
    assert moved != home and wait_until(lambda: table.values[key][1] > number, 5)
    table.values[key] = (old, number + 10)
    assert _home(proxy, "one") == moved
    assert _home(frontend(servers, [table]), "one") in "abc"


def test_a_pin_to_a_server_that_does_not_exist_leads_where_the_ranking_says(frontend, server, fake):
    table, servers = fake(), [server(name) for name in "abcd"]
    users = [f"user-{number}" for number in range(40)]
    homes = _homes_of(frontend(servers, [table]), users)
    assert "d" in homes.values()
    fewer = frontend(servers[:3], [table])
    alone = frontend(servers[:3], [fake()])
    stayed = {user: home if home != "d" else _home_of(alone, user) for user, home in homes.items()}
    assert _homes_of(fewer, users) == stayed


def _home_of(proxy, user):
    return ask(proxy, "/", {"X-User": user, "Connection": "close"}).text.split()[0]


def _homes_of(proxy, users):
    return {user: _home_of(proxy, user) for user in users}


@pytest.mark.parametrize("user", [b"one\r\nX: y", b"a b", b"\x01\x7f", b"x" * 4000, b"limpet:instance", b"a noreply", bytes([255])])
def test_no_key_of_a_client_is_seen_by_memcached(served, fake, user):
    table = fake()
    proxy, _ = served(table)
    first = user.split(b"\r\n")[0]
    for _ in range(2):
        ask(proxy, "/", {"X-User": user.decode("latin-1"), "Connection": "close"})
    assert all(re.fullmatch(rb"limpet:([0-9a-f]{32}|instance)", words[1]) for words in table.commands)
    assert all(len(words) <= 7 for words in table.commands)
    assert not any(first in word for words in table.commands for word in words[2:])
