import re

from support.client import ask
from support.limpet import run
from support.ports import free_port

FLAGS_ONLY = 'listeners: [{bind: "127.0.0.1:7001", pool: app}]\npools: {app: {servers: {a: "127.0.0.1:7002"}}}\n'


def test_every_wait_has_an_end(folder):
    file = folder / "limpet.yaml"
    file.write_text(FLAGS_ONLY)
    told = run("check", "-c", file).stdout.decode()
    for name, default in (("first-bytes", "5s"), ("proxy-header", "3s"), ("connect", "2s"), ("drain", "25s")):
        assert re.search(rf"{name} +{default}\b", told), told
    assert re.search(r"idle +(60s|1m)\b", told), told


def test_only_loopback_is_trusted(folder):
    file = folder / "limpet.yaml"
    file.write_text(FLAGS_ONLY)
    assert re.search(r"trusts +loopback and Unix sockets\n", run("check", "-c", file).stdout.decode())
    for peer, client in (("127.0.0.1", "203.0.113.9"), ("10.0.0.1", "10.0.0.1"), ("192.168.1.1", "192.168.1.1")):
        done = run("why", "-c", file, "--peer", peer, "--header", "X-Forwarded-For: 203.0.113.9")
        assert client in done.stdout.decode()
        assert done.returncode == 0


def test_why_does_not_repeat_the_warnings_of_serve():
    done = run("why", "-l", ":1", "127.0.0.1:2")
    assert done.returncode == 0 and not done.stderr


def test_two_limpets_without_a_seed_agree(limpet, server):
    homes = [server(name) for name in "abc"]
    flags = ["-k", "header:X-User", *(f"{home.name}={home.address}" for home in homes)]
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    for address in addresses:
        assert limpet(arguments=["-l", address, *flags]).says("there is no --seed")
    for number in range(20):
        headers = {"X-User": f"user{number}", "Connection": "close"}
        first, second = (ask(address, headers=headers).text for address in addresses)
        assert first == second
