"""`limpet run -- COMMAND` with something that takes no connections: what is wrong is said at once or within seconds, and
what to write instead."""

import json
import time

import pytest

from support import limpet as program
from support import proc
from support.programs import node_script

HTTP_APP = node_script("http_app.js")


@pytest.fixture
def script(folder):
    """An executable file with this text."""
    def make(name, text):
        file = folder / name
        file.write_text(text)
        file.chmod(0o755)
        return str(file)
    return make


def test_npm_start_is_answered_with_the_command_of_package_json(run, folder):
    (folder / "package.json").write_text(json.dumps({"scripts": {"start": f"MODE=x node --trace-uncaught {HTTP_APP}"}}))
    proxy = run(command=["npm", "start"], count=1, directory=folder, ready=False)
    assert proxy.says(f"write `env MODE=x node --trace-uncaught {HTTP_APP}` instead of `npm start`", within=4)


def test_a_program_that_says_nothing_is_named_within_seconds(run):
    proxy = run(command=["sleep", "60"], count=2, ready=False)
    assert proc.wait_until(lambda: len(proxy.workers) == 2)
    for slot, process in proxy.workers.items():
        assert proxy.says(f"app/{slot} (process {process}) has said nothing for 5 s", within=8)
    assert "a Node program has to be started as `node FILE`" in proxy.stderr
    assert "limpet-worker(7)" in proxy.stderr


def test_whoever_said_nothing_has_nothing_to_finish(run):
    proxy = run(command=["sleep", "60"], count=2, ready=False)
    assert proxy.says("limpet: ready") and len(proxy.workers) == 2
    began = time.monotonic()
    proxy.stop()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name, advice", [("app", "this is Bun, which opens its port itself"),
                                          ("bun", "Bun binds the port itself")])
def test_bun_is_recognised_by_its_name_and_by_its_first_byte(run, script, name, advice):
    """Bun puts 0x02 in front of what it says to its parent."""
    bun = script(name, """#!/bin/sh
printf '\\002{"cmd":"NODE_CLUSTER","act":"online","seq":0}\\n' >&"$NODE_CHANNEL_FD"
exec sleep 60
""")
    proxy = run(command=[bun, "run", "app.ts"], count=1, ready=False)
    assert proxy.says(advice, within=4)
    assert "`servers`" in proxy.stderr


@pytest.mark.parametrize("command, reason", [
    ("/nowhere/node", "No such file or directory"), ("no-such-program", "No such file or directory"),
    ("/", "Permission denied"), (program.__file__, "Permission denied")])
def test_a_command_that_cannot_be_started_ends_limpet_at_once(monkeypatch, command, reason):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    done = program.run("run", "--admin", "off", "--seed", "s", "--", command, "app.js", within=3)
    assert done.returncode == 1
    assert f"limpet: error: app/1: `{command}` cannot be started: executing it: {reason}" in done.stderr.decode()
    assert b"ready" not in done.stderr


def test_a_program_that_ends_again_and_again_is_started_ever_more_slowly(run):
    proxy = run(command=["false"], count=1, ready=False)
    time.sleep(2)
    assert 4 <= proxy.stderr.count("app/1 (process ") <= 9
    assert "ended with status 1; a new one is started in a moment" in proxy.stderr
