"""A table of limpet's own keeps clients where they are: over the engine's death, over new workers, and, where there is a file for
it, over limpet's end. The servers that are there afterwards are other ones, so that the ranking alone would lead elsewhere."""

import os
import time

import pytest

from support import proc
from support.client import ask
from support.limpet import configuration
from support.proc import wait_until
from support.ranking import Ranking
from support.workers import python_worker


@pytest.fixture
def saved(folder):
    """Where anybody may save pins."""
    place = folder / "saved"
    place.mkdir()
    return place / "pins"


@pytest.fixture
def table(start):
    """Starts limpets whose pool remembers keys itself, in this file if there is one. The key is X-User."""
    def one(servers, file=None, mode="http", **options):
        pins = {"pins": {"file": str(file)}} if file else {}
        return start(configuration(servers, key="header:X-User", listener={"mode": mode, "trust": "loopback"},
                                   pool={"stick": {"table": "local", "for": "1h"}}, **pins, **options))
    return one


def _home(proxy, user):
    answer = ask(proxy, "/", {"X-User": user, "Connection": "close"})
    assert answer.status == 200
    return answer.text.split()[0]


def _homes(proxy, count=60, name="user"):
    return {f"{name}-{number}": _home(proxy, f"{name}-{number}") for number in range(count)}


def _ranked(servers, users):
    """Where the ranking alone would lead them."""
    ranking = Ranking("tests", "app", {server.name: 1 for server in servers})
    return {user: ranking.order_of_text(user)[0] for user in users}


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_pins_survive_a_restart_in_their_file(table, server, saved, mode):
    servers = [server(name) for name in "abcde"]
    first = table(servers[:3], saved, mode)
    homes = _homes(first)
    first.stop()
    second = table(servers, saved, mode)
    assert "60 pins read from " in second.stderr
    assert _homes(second) == homes
    assert {visit["why"] for visit in second.visits(60)} == {"pin"}
    assert _ranked(servers, homes) != homes
    newcomers = _homes(second, 60, "newcomer")
    assert newcomers == _ranked(servers, newcomers)
    second.stop()
    third = table(servers[:3], saved, mode)
    assert "120 pins read from " in third.stderr
    assert _homes(third) == homes


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_pins_to_servers_that_are_gone_lead_nobody_astray(table, server, saved, mode):
    """Whoever has lost his server goes where the ranking says, and stays there; the others do not move. Nobody fails."""
    servers = [server(name) for name in "abcde"]
    first = table(servers, saved, mode)
    homes = _homes(first)
    first.stop()
    for gone in servers[:2]:
        gone.stop()
    second = table(servers[2:], saved, mode)
    moved = _homes(second)
    ranked = _ranked(servers[2:], homes)
    assert moved == {user: ranked[user] if home in "ab" else home for user, home in homes.items()}
    second.stop()
    third = table([*servers[2:], server("f"), server("g")], saved, mode)
    assert _homes(third) == moved


def test_the_file_tells_nobody_who_the_clients_are(table, server, saved):
    proxy = table([server("a"), server("b")], saved)
    _home(proxy, "somebody-with-a-name")
    proxy.stop()
    saved_bytes = saved.read_bytes()
    assert saved_bytes.startswith(b"limpet pins 1\n") and len(saved_bytes) == 22 + 32
    assert b"somebody" not in saved_bytes
    assert saved.stat().st_mode & 0o777 == 0o600
    assert list(saved.parent.iterdir()) == [saved]


def test_without_a_file_the_ranking_begins_anew(table, server):
    servers = [server(name) for name in "abcde"]
    first = table(servers[:3])
    homes = _homes(first)
    first.stop()
    second = table(servers)
    assert _homes(second) == _ranked(servers, homes) != homes


def test_a_file_of_others_is_left_alone(table, server, saved):
    saved.write_text("Dear diary\n")
    proxy = table([server("a"), server("b")], saved)
    assert f"{saved}: this is no file of pins; it is left alone, and pins last as long as this limpet" in proxy.stderr
    homes = _homes(proxy, 20)
    assert _homes(proxy, 20) == homes
    proxy.stop()
    assert saved.read_text() == "Dear diary\n"


def test_a_damaged_file_is_left_alone_too(table, server, saved):
    first = table([server("a"), server("b")], saved)
    _homes(first, 20)
    first.stop()
    with open(saved, "r+b") as file:
        file.truncate(saved.stat().st_size - 7)
    cut = saved.read_bytes()
    second = table([server("a"), server("b")], saved)
    assert "this is no file of pins" in second.stderr
    _homes(second, 20)
    second.stop()
    assert saved.read_bytes() == cut


def test_bytes_that_changed_on_the_disk_harm_nobody(table, server, saved):
    servers = [server("a"), server("b")]
    first = table(servers, saved)
    homes = _homes(first, 20)
    first.stop()
    bytes_then = saved.read_bytes()
    saved.write_bytes(bytes_then[:22] + bytes(byte ^ 0x5a for byte in bytes_then[22:]))
    second = table(servers, saved)
    assert _homes(second, 20) == homes


def test_a_place_that_takes_no_file_is_told_of_at_the_start_and_once(table, server, saved):
    servers = [server("a"), server("b")]
    proxy = table(servers, saved.parent / "nowhere" / "pins")
    homes = _homes(proxy, 20)
    assert _homes(proxy, 20) == homes
    proxy.stop()
    assert proxy.stderr.count("pins cannot be saved in ") == 1
    assert "nowhere/pins: No such file or directory; they last as long as this limpet" in proxy.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_told_of(table, server, saved):
    saved.parent.chmod(0o555)
    proxy = table([server("a"), server("b")], saved)
    assert "Permission denied; they last as long as this limpet" in proxy.stderr
    saved.parent.chmod(0o755)
    proxy.stop()
    assert "pins are saved in " in proxy.stderr


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_pins_survive_the_death_of_the_engine(start, table, server, mode):
    """What shows it are pins that the ranking would not have made: those of clients whose server was down for a while."""
    servers = [server(name) for name in "abc"]
    ranked = _ranked(servers, [f"user-{number}" for number in range(60)])
    servers[0].stop()
    proxy = table(servers, mode=mode)
    homes = _homes(proxy)
    assert "a" not in homes.values() and "a" in ranked.values()
    again = server("a", address=servers[0].address)
    for _ in range(2):
        assert proc.kill(proxy.engine)
        assert wait_until(lambda: proxy.engine and _home(proxy, "user-0"), 10)
        assert _homes(proxy) == homes
    newcomers = _homes(proxy, 40, "newcomer")
    assert wait_until(lambda: "a" in _homes(proxy, 1 + len(newcomers), f"late-{time.monotonic()}").values(), 15)
    assert _homes(proxy) == homes
    again.stop()


def test_pins_survive_the_death_of_the_whole_limpet_as_last_saved(table, server, saved):
    """Nobody could write at the end. What there is was saved before."""
    servers = [server(name) for name in "abcde"]
    first = table(servers[:3], saved)
    homes = _homes(first)
    first.stop()
    second = table(servers, saved)
    _homes(second, 20, "newcomer")
    second.kill()
    second.process.returncode = 0
    third = table(servers, saved)
    assert "60 pins read from " in third.stderr
    assert _homes(third) == homes


def test_pins_survive_new_workers(workers):
    """A pin leads to a slot, whichever process is in it."""
    proxy = workers(python_worker(), 3, key="header:X-User", listener={"mode": "http", "trust": "loopback"},
                    pool={"stick": {"table": "local", "for": "1h"}})
    slots = {user: _slot(proxy, user) for user in [f"user-{number}" for number in range(30)]}
    before = proxy.workers
    proxy.signal(1)
    assert wait_until(lambda: "all workers are new" in proxy.stderr, 30), proxy.stderr
    assert not set(before.values()) & set(proxy.workers.values())
    assert {user: _slot(proxy, user) for user in slots} == slots
    assert [visit["why"] for visit in proxy.visits(60)][30:] == ["pin"] * 30


def _slot(proxy, user):
    return ask(proxy, "/again", {"X-User": user, "Connection": "close"}).text[0]
