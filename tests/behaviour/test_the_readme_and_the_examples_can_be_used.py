"""Whatever is there to be copied works, and where it is warned of, the text beside it says so."""

import re
import subprocess
import textwrap

import pytest

from support.client import ask
from support.limpet import PROGRAM, ROOT, run
from support.ports import free_port
from support.programs import Nginx, Program, find
from support.ranking import Ranking

EXAMPLES = ROOT / "examples"


def configurations():
    """In the README they are indented blocks."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", (ROOT / "README.md").read_text(), re.M)
    found = {f"readme-{n}": textwrap.dedent(block) for n, block in enumerate(blocks) if "\n    listeners:" in block}
    return {**found, **{file.name: file.read_text() for file in EXAMPLES.glob("*.yaml")}}


def test_there_are_configurations_in_both():
    assert len([name for name in configurations() if name.startswith("readme")]) >= 1
    assert "limpet.yaml" in configurations()


@pytest.mark.parametrize("name", configurations())
def test_a_configuration_of_the_readme_and_the_examples_is_warned_of_connections_that_clients_share_alone(folder, name):
    file = folder / "limpet.yaml"
    file.write_text(configurations()[name])
    done = run("check", "-c", file)
    warnings = re.findall(r": warning: .*", done.stderr.decode())
    assert done.returncode == 0 and [text for text in warnings if "many clients share" not in text] == []
    told = (ROOT / "README.md").read_text() if name.startswith("readme") else configurations()[name]
    assert len(warnings) == 0 or "uses no connection for two clients" in " ".join(told.replace("#", " ").split())


def test_the_commands_of_the_readme_are_understood():
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    \$ build/limpet (why .*)$", text, re.M)
    assert commands
    for command in commands:
        done = subprocess.run(["sh", "-c", f'exec "$0" {command}', PROGRAM], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


def example(name, **replaced):
    text = (EXAMPLES / name).read_text()
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    return text


def assert_clients_come_home(front):
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    for number in range(12):
        # The proxy in front adds its own client, which is trusted, and keeps what was there.
        client = f"203.0.113.{number}"
        answers = {ask(front, headers={"X-Forwarded-For": client, "Connection": "close"}).text.strip() for _ in range(3)}
        assert answers == {ranking.home_of_address(client)}


def test_nginx_as_in_the_examples_keeps_clients_apart(limpet, server, folder, keep):
    proxy = limpet([server(name) for name in "abc"], key="client", listener={"trust": "loopback"})
    port = free_port()
    text = example("nginx.conf", front=("listen 80;", f"listen 127.0.0.1:{port};"), back=("127.0.0.1:8080", proxy.address))
    keep(Nginx(folder, text, [port]))
    assert_clients_come_home(f"127.0.0.1:{port}")


def test_haproxy_as_in_the_examples_keeps_clients_apart(limpet, server, folder, keep):
    homes = [server(name) for name in "abc"]
    proxy = limpet(homes, key="client", listener={"trust": "loopback"})
    stream = limpet(homes, listener={"trust": "loopback", "proxy-protocol": "require", "client-from": "none"})
    port, other = free_port(), free_port()
    file = folder / "haproxy.cfg"
    file.write_text(example("haproxy.cfg", front=("bind :80", f"bind 127.0.0.1:{port}"),
                            back=("127.0.0.1:8080", proxy.address), stream=("bind :5000", f"bind 127.0.0.1:{other}"),
                            behind=("limpet 127.0.0.1:8081", f"limpet {stream.address}")))
    assert subprocess.run([find("haproxy"), "-c", "-f", str(file)], capture_output=True, check=False).returncode == 0
    keep(Program(folder, [find("haproxy"), "-q", "-db", "-f", str(file)], [port, other]))
    assert_clients_come_home(f"127.0.0.1:{port}")
    assert ask(f"127.0.0.1:{other}").text.strip() in "abc"
    assert stream.visit()["client"].startswith("127.0.0.1")
