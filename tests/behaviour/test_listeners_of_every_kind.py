import os
import socket
import threading

import pytest

from support.client import Client, ask, who_answers
from support.limpet import run
from support.ports import free_port
from support.servers import echoes


def test_ipv6_in_front_and_behind(limpet, server):
    home = server("a", address=f"[::1]:{free_port()}")
    proxy = limpet([home], bind=f"[::1]:{free_port()}", key="client")
    assert who_answers(proxy) == "a"
    visit = proxy.visit()
    assert visit["peer"].startswith("[::1]:")


def test_all_addresses_of_both_families(limpet, server):
    port = free_port()
    limpet([server("a")], bind=f":{port}")
    assert who_answers(f"127.0.0.1:{port}") == "a"
    assert who_answers(f"[::1]:{port}") == "a"


def test_each_family_on_the_same_port(limpet, server):
    port = free_port()
    limpet([server("a")], bind=[f"[::]:{port}", f"0.0.0.0:{port}"])
    assert who_answers(f"127.0.0.1:{port}") == "a"
    assert who_answers(f"[::1]:{port}") == "a"


def test_an_ipv4_client_is_the_same_client_on_every_listener(limpet, server):
    ports = [free_port(), free_port()]
    proxy = limpet([server("a")], bind=[f":{ports[0]}", f"127.0.0.1:{ports[1]}"], key="client")
    for port in ports:
        who_answers(f"127.0.0.1:{port}")
    first, second = proxy.visits(2)
    assert first["key"] == second["key"]
    assert first["peer"].startswith("127.0.0.1:")


def test_64_threads_share_a_port(limpet, server):
    proxy = limpet([server("a")], bind=[f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"], threads=64)
    assert len(os.listdir(f"/proc/{proxy.engine}/task")) >= 64
    assert {who_answers(proxy) for _ in range(40)} == {"a"}


def test_unix_sockets_in_front_and_behind(limpet, server, socket_folder):
    home = server("a", echoes, address=f"unix:{socket_folder}/home")
    proxy = limpet([home], bind=f"unix:{socket_folder}/in")
    data = os.urandom(1 << 20)
    with Client(proxy) as client:
        threading.Thread(target=lambda: client.send(data).finish()).start()
        assert client.read_to_end() == data
    assert proxy.visit()["peer"] == "unix"


def test_a_unix_socket_is_gone_after_a_stop(limpet, server, socket_folder):
    proxy = limpet([server()], bind=f"unix:{socket_folder}/in")
    who_answers(proxy)
    proxy.stop()
    assert not os.path.exists(f"{socket_folder}/in")


def test_a_unix_socket_that_was_left_behind_is_replaced(limpet, server, socket_folder):
    left = socket.socket(socket.AF_UNIX)
    left.bind(f"{socket_folder}/in")
    left.close()
    assert who_answers(limpet([server("a")], bind=f"unix:{socket_folder}/in")) == "a"


def test_several_listeners_and_pools(limpet, server):
    ports = {name: free_port() for name in ("one", "two")}
    proxy = limpet(config={
        "seed": "tests", "log": {"format": "json"}, "threads": 1,
        "listeners": [{"bind": f"127.0.0.1:{port}", "mode": "tcp", "pool": name} for name, port in ports.items()],
        "pools": {name: {"servers": {name: server(name).address}} for name in ports}})
    for name, port in ports.items():
        assert who_answers(f"127.0.0.1:{port}") == name
    assert [(visit["listener"], visit["pool"]) for visit in proxy.visits(2)] == [
        (f"127.0.0.1:{port}", name) for name, port in ports.items()]


def _refusal(limpet, server, **more):
    second = limpet([server()], ready=False, **more)
    assert second.wait(20) == 1
    second.process.returncode = 0
    return second.stderr


@pytest.mark.parametrize("threads", [1, 2])
def test_a_port_in_use_is_noticed(limpet, server, threads):
    first = limpet([server("first")], threads=threads)
    message = _refusal(limpet, server, bind=first.address, threads=threads)
    assert str(first.port) in message and "use" in message
    assert all(who_answers(first) == "first" for _ in range(10))


def test_a_port_in_use_on_all_addresses_is_noticed(limpet, server):
    port = free_port()
    limpet([server("first")], bind=f":{port}")
    assert str(port) in _refusal(limpet, server, bind=f":{port}")


def test_a_unix_socket_in_use_is_noticed(limpet, server, socket_folder):
    first = limpet([server("first")], bind=f"unix:{socket_folder}/in")
    message = _refusal(limpet, server, bind=first.address)
    assert f"{socket_folder}/in" in message
    assert who_answers(first) == "first"


def test_a_file_in_the_place_of_a_unix_socket_is_left_alone(limpet, server, socket_folder):
    precious = socket_folder / "in"
    precious.write_text("precious")
    _refusal(limpet, server, bind=f"unix:{precious}")
    assert precious.read_text() == "precious"


def test_a_start_that_fails_leaves_nothing_behind(limpet, server, socket_folder):
    taken = server("taken")
    message = _refusal(limpet, server, bind=[f"unix:{socket_folder}/in", taken.address])
    assert taken.address in message
    assert not os.path.exists(f"{socket_folder}/in")


def test_flags_do_without_a_file(limpet, server):
    homes = [server(name) for name in "ab"]
    address = f"127.0.0.1:{free_port()}"
    limpet(arguments=["-l", address, "-k", "header:X-User", f"a={homes[0].address}", f"b={homes[1].address},weight=3"])
    close = {"Connection": "close"}
    assert {who_answers(address, headers={"X-User": f"user{number}", **close}) for number in range(30)} == {"a", "b"}
    assert ask(address, headers=close).status == 200


def test_a_bad_configuration_is_refused_before_anything_listens(limpet, server):
    port = free_port()
    broken = limpet(config=f"listeners:\n  - lisen: '127.0.0.1:{port}'\n", ready=False)
    assert broken.wait() == 1
    broken.process.returncode = 0
    assert "limpet.yaml:2:" in broken.stderr
    with pytest.raises(ConnectionRefusedError):
        Client(f"127.0.0.1:{port}")
    assert run("check", "-c", broken.file).returncode == 1
