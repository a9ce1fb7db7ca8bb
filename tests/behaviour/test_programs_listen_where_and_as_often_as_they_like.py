"""listen() in a worker is carried out by limpet, once for all workers that say the same."""

import json
import re
import socket

import pytest

from support import limpet as program
from support import proc
from support.client import ask, open_socket, who_answers
from support.load import ask_each
from support.ports import free_port
from support.programs import is_listening, node, node_script
from support.ranking import ranking_of_workers

CLIENTS = [f"127.1.0.{number + 1}" for number in range(20)]


def _homes(workers, place):
    ranking = ranking_of_workers(workers)
    return {client: [f"{ranking.home_of_address(client)} {place}"] for client in CLIENTS}


def _answer(address):
    return ask(address, headers={"Connection": "close"}).text


def _told(proxy, count):
    """What listens_app.js prints, once there are so many lines: [(place, address or error)]."""
    pattern = re.compile(r"^(\S+) (?:is (.*)|fails: (\w+))$", re.M)
    assert proc.wait_until(lambda: len(pattern.findall(proxy.output)) >= count), proxy.output + proxy.stderr
    lines = pattern.findall(proxy.output)
    assert len(lines) == count, lines
    return [(place, json.loads(address) if address else error) for place, address, error in lines]


class At:
    def __init__(self, address):
        self.address = address


def test_several_ports_and_a_path(run, socket_folder):
    ports = [free_port(), free_port()]
    path = f"{socket_folder}/app"
    proxy = run("listens_app.js", *ports, path, count=2)
    _told(proxy, 6)
    assert ask_each(At(f"127.0.0.1:{ports[0]}"), CLIENTS) == _homes(2, 1)
    assert ask_each(At(f"127.0.0.1:{ports[1]}"), CLIENTS) == _homes(2, 2)
    assert _answer(f"unix:{path}") in ("1 3", "2 3")


def test_port_0_is_the_same_port_for_all_workers(run):
    proxy = run("listens_app.js", 0, 0, count=3)
    ports = [address["port"] for _, address in _told(proxy, 6)]
    one, other = sorted(set(ports))
    assert ports.count(one) == ports.count(other) == 3
    assert {_answer(f"127.0.0.1:{one}")[2:], _answer(f"127.0.0.1:{other}")[2:]} == {"1", "2"}
    first = one if _answer(f"127.0.0.1:{one}")[2:] == "1" else other
    assert ask_each(At(f"127.0.0.1:{first}"), CLIENTS) == _homes(3, 1)


def test_a_path_is_the_programs_own_affair(run, folder, limpet):
    """A relative one starts where the program does."""
    own = folder / "own"
    own.mkdir()
    proxy = limpet(bind=False, workers={"command": [node(), node_script("listens_app.js"), "socket"], "count": 2,
                                        "directory": str(own)})
    assert (own / "socket").is_socket()
    assert _answer(f"unix:{own}/socket") in ("1 1", "2 1")
    proxy.stop()
    assert not (own / "socket").exists()


@pytest.mark.parametrize("host, addresses", [
    ("::", ["127.0.0.1", "[::1]"]), ("0.0.0.0", ["127.0.0.1"]), ("::1", ["[::1]"]), (None, ["127.0.0.1", "[::1]"])],
    ids=["any", "any-v4", "v6", "none"])
def test_addresses_of_both_families(run, host, addresses):
    port = free_port()
    proxy = run("listens_app.js", json.dumps({"port": port, **({"host": host} if host else {})}).replace(" ", ""), count=1)
    (_, told), = _told(proxy, 1)
    assert told["port"] == port and told["address"] == (host or "::")
    for address in addresses:
        assert _answer(f"{address}:{port}") == "1 1"
    if host == "0.0.0.0":
        with pytest.raises(ConnectionRefusedError):
            open_socket(f"[::1]:{port}")


def test_limpet_listens_where_it_was_told_and_not_where_the_program_says(run):
    said, told = free_port(), free_port()
    proxy = run("listens_app.js", said, count=2, listen=f"127.0.0.1:{told}")
    assert ask_each(proxy, CLIENTS) == _homes(2, 1)
    assert not is_listening(said)
    assert {address["port"] for _, address in _told(proxy, 2)} == {said}, "what Node has asked for it must see"


def test_only_the_first_listen_gets_the_clients_of_limpets_own_address(run):
    said, beside, told = free_port(), free_port(), free_port()
    proxy = run("listens_app.js", said, beside, count=2, listen=f"127.0.0.1:{told}")
    _told(proxy, 4)
    assert ask_each(proxy, CLIENTS) == _homes(2, 1)
    assert ask_each(At(f"127.0.0.1:{beside}"), CLIENTS) == _homes(2, 2)
    assert not is_listening(said)


def test_a_port_in_use_is_an_error_of_the_programs_listen(run):
    free = free_port()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        busy = holder.getsockname()[1]
        proxy = run("listens_app.js", busy, free, count=2)
        assert sorted(place for place, result in _told(proxy, 4) if result == "EADDRINUSE") == [str(busy)] * 2
    assert f"asked to listen on 127.0.0.1 port {busy}: Address already in use" in proxy.stderr
    assert ask_each(At(f"127.0.0.1:{free}"), CLIENTS) == _homes(2, 2)


def test_udp_is_refused_and_the_rest_goes_on(run):
    proxy = run("udp_app.js", count=2)
    assert proc.wait_until(lambda: proxy.output.count("exclusive: ") == 2)
    assert proxy.output.count("shared: EACCES") == 2 and proxy.output.count("exclusive: bound") == 2
    assert "limpet carries connections only" in proxy.stderr
    assert who_answers(proxy, headers={"Connection": "close"}) in "12"


def test_a_program_that_listens_exclusively_goes_past_limpet(limpet):
    """listen({exclusive: true}) asks nobody: one process can, and its clients are none of limpet's."""
    port, shared = free_port(), free_port()
    exclusive = json.dumps({"port": port, "host": "127.0.0.1", "exclusive": True}).replace(" ", "")
    proxy = limpet(bind=False, timeouts={"drain": "300ms"},
                   workers={"command": [node(), node_script("listens_app.js"), exclusive, str(shared)], "count": 2})
    results = [result for place, result in _told(proxy, 4) if place == exclusive]
    assert "EADDRINUSE" in results and {"address": "127.0.0.1", "family": "IPv4", "port": port} in results
    assert _answer(f"127.0.0.1:{port}")[1:] == " 1"
    _answer(f"127.0.0.1:{shared}")
    assert proc.wait_until(lambda: '"reason":"handed_over"' in proxy.output)
    assert proxy.output.count('"reason"') == 1
    assert "exclusive: true" in program.run("manual", "limpet-worker.7").stdout.decode().replace("\\", "")
