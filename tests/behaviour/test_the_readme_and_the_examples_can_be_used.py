"""Whatever is there to be copied works, and where it is warned of, the text beside it says so."""

import http.client
import os
import re
import shlex
import shutil
import subprocess
import textwrap

import pytest

from support.client import ask
from support.limpet import PROGRAM, ROOT, run
from support.ports import free_port
from support.programs import Nginx, Program, find, node_script
from support.ranking import Ranking, ranking_of_workers

EXAMPLES = ROOT / "examples"
PEOPLE = [f"203.0.113.{number}" for number in range(12)]


def configurations():
    """In the README they are indented blocks."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", (ROOT / "README.md").read_text(), re.M)
    found = {f"readme-{n}": textwrap.dedent(block) for n, block in enumerate(blocks) if "\n    listeners:" in block}
    return {**found, **{str(file.relative_to(EXAMPLES)): file.read_text() for file in EXAMPLES.rglob("*.yaml")}}


def test_there_are_configurations_in_both():
    assert len([name for name in configurations() if name.startswith("readme")]) >= 1
    assert {"limpet.yaml", "workers.yaml", "two-frontends/limpet.yaml"} <= set(configurations())


@pytest.mark.parametrize("name", configurations())
def test_a_configuration_of_the_readme_and_the_examples_is_warned_of_connections_that_clients_share_alone(folder, name):
    file, secret = folder / "limpet.yaml", folder / "secret"
    assert run("secret", "--append", secret).returncode == 0
    file.write_text(configurations()[name].replace("/etc/limpet/secret", str(secret)).replace("/var/lib/limpet", str(folder)))
    done = run("check", "-c", file)
    warnings = re.findall(r": warning: .*", done.stderr.decode())
    assert done.returncode == 0 and [text for text in warnings if "many clients share" not in text] == []
    told = (ROOT / "README.md").read_text() if name.startswith("readme") else configurations()[name]
    assert len(warnings) == 0 or "uses no connection for two clients" in " ".join(told.replace("#", " ").split())


def test_the_cookie_of_the_readme_holds_a_client_whose_address_changes(start, server, folder):
    text = next(text for text in configurations().values() if "secret: /etc/limpet/secret" in text)
    secret, port = folder / "secret", free_port()
    assert run("secret", "--append", secret).returncode == 0
    for old, new in (("/etc/limpet/secret", str(secret)), (":8080", f"127.0.0.1:{port}"),
                     ("10.0.0.11:3000", server("a").address), ("10.0.0.12:3000", server("b").address)):
        assert old in text
        text = text.replace(old, new)
    start(text)
    first = get(f"127.0.0.1:{port}", {"X-Forwarded-For": PEOPLE[0]})
    cookie = first.getheader("Set-Cookie").split(";")[0]
    assert {get(f"127.0.0.1:{port}", {"X-Forwarded-For": client, "Cookie": cookie}).text for client in PEOPLE} == {first.text}


def get(address, headers):
    """The answer; whoever gives it may keep the connection, so it has a length."""
    host, port = address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("GET", "/", headers=headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def lines(verb):
    """What the README says to type, from the variables in front of the program to the last word."""
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^    (?:\$ )?((?:\w+=\S+ )*build/limpet {verb}\b.*?)(?: {{2,}}#.*)?$", text, re.M)


def test_each_command_of_the_readme_is_tried_here():
    assert {line.split("build/limpet ")[1].split()[0] for line in lines(r"\w+")} == {
        "why", "serve", "run", "status", "reload", "drain", "undrain", "unpin"}


@pytest.fixture
def place(folder):
    """As somebody finds it who has built limpet and has a Node program."""
    place = folder / "place"
    (place / "build").mkdir(parents=True)
    (place / "build" / "limpet").symlink_to(PROGRAM)
    for name in ("examples", "include", "python"):
        (place / name).symlink_to(ROOT / name)
    shutil.copy(node_script("http_app.js"), place / "app.js")
    return place


def type_in(place, line, **variables):
    return subprocess.run(["sh", "-c", line], cwd=place, env={**os.environ, **variables}, capture_output=True, timeout=60,
                          check=False)


def test_why_explains(place):
    for line in lines("why"):
        done = type_in(place, line)
        assert done.returncode == 0, done.stderr.decode()


def test_serve_serves(start):
    for line in lines("serve"):
        words = line.replace(":8080", f"127.0.0.1:{free_port()}").split()
        assert start(arguments=words[2:]).says("limpet: ready")


@pytest.fixture
def begin(start, place, folder):
    """Types a line of the README that starts workers, with a port that is free."""
    def one(line):
        port = free_port()
        words = shlex.split(line.replace(":8080", f"127.0.0.1:{port}"))
        at = words.index("build/limpet")
        env = {**dict(word.split("=") for word in words[:at]), "PORT": str(port),
               "LIMPET_ADMIN": f"unix:{folder}/admin.sock"}
        proxy = start(arguments=words[at + 2:], verb=words[at + 1], workers=4, wrapper=["env", "-C", str(place)], env=env)
        proxy.address = f"127.0.0.1:{port}"
        return proxy

    return one


def who_serves(address, client):
    """The slot of the worker."""
    return re.search(r"\d+", get(address, {"X-Forwarded-For": client}).text)[0]


@pytest.mark.parametrize("line", lines("run"))
def test_run_brings_clients_home_to_workers(begin, place, line):
    compiler = re.search(r"^    (cc .*)$", (ROOT / "README.md").read_text(), re.M)[1]
    assert type_in(place, compiler).returncode == 0
    proxy = begin(line)
    ranking = ranking_of_workers(4, seed="")
    for client in PEOPLE:
        assert [who_serves(proxy.address, client) for _ in range(2)] == [ranking.home_of_address(client)] * 2


def test_the_request_that_the_readme_sends_is_answered(begin, place):
    proxy = begin(lines("run")[0])
    request = re.search(r"^    (curl .*)$", (ROOT / "README.md").read_text(), re.M)[1]
    assert "localhost:3000" in request
    done = type_in(place, request.replace("localhost:3000", proxy.address))
    assert done.stdout.decode().strip() == ranking_of_workers(4, seed="").home_of_address("203.0.113.9")


def test_status_reload_drain_and_undrain_reach_it(begin, place, folder):
    proxy = begin(lines("run")[0])
    before = proxy.workers
    for line in [line for verb in ("status", "reload", "drain", "undrain") for line in lines(verb)]:
        done = type_in(place, line, LIMPET_ADMIN=f"unix:{folder}/admin.sock")
        assert done.returncode == 0 and done.stdout, (line, done.stderr.decode())
    assert not set(before.values()) & set(proxy.workers.values())
    assert who_serves(proxy.address, "203.0.113.9")


def test_unpin_forgets_a_client(limpet, server, place, folder):
    admin = f"unix:{folder}/admin.sock"
    proxy = limpet([server(name) for name in "abc"], key="header:X-User", listener={"mode": "http"}, admin=admin,
                   pool={"stick": {"table": "local"}})
    assert get(proxy.address, {"X-User": "alice"}).status == 200
    for line in lines("unpin"):
        done = type_in(place, line, LIMPET_ADMIN=admin)
        assert done.returncode == 0 and b"alice" in done.stdout, (line, done.stdout, done.stderr)


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
    proxy = limpet([server(name) for name in "abc"], key="client", listener={"mode": "auto", "trust": "loopback"})
    port = free_port()
    text = example("nginx.conf", front=("listen 80;", f"listen 127.0.0.1:{port};"), back=("127.0.0.1:8080", proxy.address))
    keep(Nginx(folder, text, [port]))
    assert_clients_come_home(f"127.0.0.1:{port}")


def test_workers_as_in_the_examples_serve_clients_behind_nginx_as_in_the_examples(start, place, folder, keep):
    port, front = free_port(), free_port()
    text = example("workers.yaml", bind=("127.0.0.1:8080", f"127.0.0.1:{port}"))
    start(text, workers=4, wrapper=["env", "-C", str(place)], env={"PORT": "3000"})
    keep(Nginx(folder, example("nginx.conf", front=("listen 80;", f"listen 127.0.0.1:{front};"),
                               back=("127.0.0.1:8080", f"127.0.0.1:{port}")), [front]))
    ranking = ranking_of_workers(4, seed="change-me-once")
    for client in PEOPLE:
        assert who_serves(f"127.0.0.1:{front}", client) == ranking.home_of_address(client)


def test_haproxy_as_in_the_examples_keeps_clients_apart(limpet, server, folder, keep):
    homes = [server(name) for name in "abc"]
    proxy = limpet(homes, key="client", listener={"mode": "auto", "trust": "loopback"})
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
