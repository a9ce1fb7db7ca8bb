"""With --node-preload socket.remoteAddress is the client whom a trusted proxy named, in an unchanged Node program."""

from pathlib import Path

import pytest

from support.client import ask_for_facts
from support.programs import NODE_VERSIONS

CLIENT = {"X-Forwarded-For": "203.0.113.9"}


@pytest.mark.parametrize("version", NODE_VERSIONS, ids=lambda version: f"node-{version}")
def test_the_program_sees_the_client(run, version):
    proxy = run("http_app.js", options=["--node-preload"], version=version)
    facts = ask_for_facts(proxy, headers=CLIENT)
    assert (facts["remoteAddress"], facts["remoteFamily"]) == ("203.0.113.9", "IPv4")
    assert not facts.get("encrypted")


def test_without_it_the_program_sees_who_connected(run):
    proxy = run("http_app.js")
    assert ask_for_facts(proxy, headers=CLIENT)["remoteAddress"] == "127.0.0.1"


def test_its_script_is_gone_when_limpet_is(run, tmp_path):
    proxy = run("http_app.js", options=["--node-preload"], env={"TMPDIR": str(tmp_path)})
    ask_for_facts(proxy)
    assert len(list(Path(tmp_path).glob("limpet-*/preload.cjs"))) == 1
    proxy.stop()
    assert list(Path(tmp_path).iterdir()) == []
