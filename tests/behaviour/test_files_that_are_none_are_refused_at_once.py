"""A file that the configuration names is a file: what would have to be waited for, or never ends, is told of instead."""

import json
import os
import subprocess

import pytest

from support.limpet import PROGRAM, configuration, run

SERVERS = {"a": "127.0.0.1:3000"}
NAMED = {
    "secret": lambda path: {"secret": path},
    "page": lambda path: {"pages": {"503": path}},
    "networks": lambda path: {"listener": {"trust": f"file:{path}"}},
    "body": lambda path: {"listener": {"mode": "http", "trust": "none", "routes": [{"answer": {"body": f"file:{path}"}}]}},
}


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_fifo_or_a_device_is_no_file(folder, named, kind):
    path = folder / "thing"
    if kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path = "/dev/zero"
    config = folder / "limpet.yaml"
    config.write_text(json.dumps(configuration(SERVERS, **NAMED[named](str(path)))))
    done = run("check", "-c", config, within=10)
    assert done.returncode == 1
    assert f"cannot read `{path}`: it is no file, but a FIFO, a device or a socket".encode() in done.stderr
    assert b"limpet.yaml:1:" in done.stderr


def test_a_fifo_is_no_secret_to_change_either(folder):
    os.mkfifo(folder / "secret", 0o600)
    for step in ["--append", "--promote", "--retire"]:
        done = run("secret", step, folder / "secret", within=10)
        assert done.returncode == 1
        assert b"this is no file, but a FIFO" in done.stderr


def test_the_configuration_itself_may_be_piped_in():
    text = json.dumps(configuration(SERVERS)).encode()
    assert run("check", "-c", "/dev/stdin", stdin=text).returncode == 0
    read, write = os.pipe()
    process = subprocess.Popen([PROGRAM, "check", "-c", f"/dev/fd/{read}"], pass_fds=[read], stdout=subprocess.DEVNULL)
    os.close(read)
    for part in (text[:40], text[40:]):
        assert os.write(write, part)
    os.close(write)
    assert process.wait(10) == 0


def test_networks_on_the_command_line_may_be_piped_in():
    done = run("why", "-l", ":8080", "--trust", "file:/dev/stdin", "--peer", "192.0.2.5", "--header",
               "X-Forwarded-For: 203.0.113.77", "127.0.0.1:3000", stdin=b"192.0.2.0/28\n")
    assert done.returncode == 0, done.stderr
    assert b"203.0.113.77" in done.stdout
