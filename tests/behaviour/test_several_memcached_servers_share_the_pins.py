"""Several memcached servers: each key belongs to one of them, whatever their order in the file, and whatever becomes of the others."""

import re

import pytest

from support import metrics
from support.client import Client, ask
from support.memcached import Memcached
from support.ports import free_port
from support.proc import wait_until


def _homes(proxy, count, name="user"):
    answers = {f"{name}-{number}": ask(proxy, "/", {"X-User": f"{name}-{number}", "Connection": "close"})
               for number in range(count)}
    assert all(answer.status == 200 for answer in answers.values())
    return {user: answer.text.split()[0] for user, answer in answers.items()}


@pytest.fixture
def minds(server):
    """The same servers with two opinions of where new keys should live."""
    servers = [server(name) for name in "abcde"]
    return [{one.name: {"address": one.address, "weight": weight} for one, weight in zip(servers, row)}
            for row in ((99, 1, 99, 1, 99), (1, 99, 1, 99, 1))]


@pytest.fixture
def tables(keep):
    return [keep(Memcached()) for _ in range(3)]


def _answer_again(proxies):
    return all(wait_until(lambda: "answers again: what" in proxy.stderr, 15) for proxy in proxies)


def test_each_key_is_at_one_of_them_whatever_their_order(frontend, minds, tables):
    homes = _homes(frontend(minds[0], tables), 90)
    kept = [set(table.pins) for table in tables]
    assert all(len(pins) >= 10 for pins in kept) and sum(map(len, kept)) == 90
    assert _homes(frontend(minds[1], tables[::-1]), 90) == homes
    assert [set(table.pins) for table in tables] == kept


def test_one_of_three_dies_and_only_its_keys_have_no_table(frontend, minds, tables):
    proxies = [frontend(mind, tables) for mind in minds]
    homes = _homes(proxies[0], 60)
    assert _homes(proxies[1], 60) == homes
    dead = set(tables[0].pins)
    tables[0].stop()
    assert _homes(proxies[0], 60) == _homes(proxies[1], 60) == homes
    alone = [_homes(proxy, 90, "newcomer") for proxy in proxies]
    differ = {user for user in alone[0] if alone[0][user] != alone[1][user]}
    shared = sum(len(table.pins) for table in tables[1:])
    assert all(proxy.stderr.count("is not asked any more") == 1 for proxy in proxies)
    tables[0].start()
    assert _answer_again(proxies)
    assert wait_until(lambda: len(tables[0].pins) == 150 - shared, 10)
    assert 0 < len(differ) <= 150 - shared - len(dead), "a key of one that is alive has two homes"
    agreed = _homes(proxies[0], 90, "newcomer")
    assert _homes(proxies[1], 90, "newcomer") == agreed
    assert _homes(proxies[0], 60) == _homes(proxies[1], 60) == homes


def test_all_die_and_come_back(frontend, minds, tables):
    proxies = [frontend(mind, tables) for mind in minds]
    homes = _homes(proxies[0], 60)
    for table in tables:
        table.stop()
    assert _homes(proxies[0], 60) == homes
    for table in tables:
        table.start()
    assert wait_until(lambda: sum(len(table.pins) for table in tables) == 60, 20)
    assert _homes(proxies[1], 60) == homes


@pytest.mark.parametrize("kind", ["IPv6", "Unix"])
def test_an_address_of_any_kind(frontend, minds, keep, socket_folder, kind):
    address = f"[::1]:{free_port()}" if kind == "IPv6" else f"unix:{socket_folder}/memcached.sock"
    table = keep(Memcached(address))
    first, second = (frontend(mind, [table]) for mind in minds)
    homes = _homes(first, 30)
    assert _homes(second, 30) == homes
    table.stop()
    assert _homes(second, 30) == homes
    table.start()
    assert wait_until(lambda: len(table.pins) == 30, 15)
    assert _homes(first, 30) == homes


def test_one_that_has_little_memory_and_forgets(frontend, minds, keep):
    """What is forgotten there is known here, and claimed again when it is used."""
    table, shown = keep(Memcached(memory=1)), f"127.0.0.1:{free_port()}"
    pool = {"stick": {"table": "memcached", "for": "20s"}}
    first = frontend(minds[0], [table], metrics=shown, pool=pool)
    homes = _homes(first, 40)
    ours = set(table.pins)
    assert len(ours) == 40
    size = len(table.value(next(iter(ours))))
    for batch in range(200):
        junk = b"".join(b"set limpet:%032x 0 0 %d noreply\r\n%s\r\n" % (batch << 16 | number, size, b"x" * size)
                        for number in range(500))
        table.say(junk + b"mn\r\n")
        if not ours & set(table.pins):
            break
    assert not ours & set(table.pins), "it has forgotten nothing"
    assert _homes(first, 40) == homes
    assert wait_until(lambda: _homes(first, 40) == homes and ours <= set(table.pins), 15)
    assert _homes(frontend(minds[1], [table], pool=pool), 40) == homes
    assert metrics.read(shown)("limpet_pins_moved_total") == 0


def test_a_cookie_wins_over_a_table_that_says_otherwise_or_forgets(frontend, minds, keep):
    table = keep(Memcached())
    pool = {"stick": [{"cookie": "limpet"}, {"table": "memcached", "for": "1h"}]}
    first = frontend(minds[0], [table], pool=pool)
    came = {}
    for number in range(20):
        with Client(first) as client:
            client.send(f"GET / HTTP/1.1\r\nHost: a\r\nX-User: user-{number}\r\nConnection: close\r\n\r\n".encode())
            said = client.read_to_end().decode()
        came[said.split("\r\n\r\n")[1].split()[0]] = re.search("limpet=[^;]+", said)[0]
    assert len(came) >= 2
    for proxy in (first, frontend(minds[1], [table], pool=pool)):
        _always_comes_home(proxy, came)
        table.say(b"flush_all\r\n")
        _always_comes_home(proxy, came)


def _always_comes_home(proxy, came):
    for home, cookie in came.items():
        for number in range(5):
            answer = ask(proxy, "/", {"X-User": f"user-{number}", "Cookie": cookie, "Connection": "close"})
            assert answer.text.split()[0] == home
