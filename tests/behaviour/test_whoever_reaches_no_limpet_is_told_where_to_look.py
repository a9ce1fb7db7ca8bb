"""The verbs that talk to a running limpet say which socket they tried, why nobody answers there, and what to do."""

import os
import pwd
import shutil
import socket
import subprocess
import time

import pytest

from support.admin import answer, server, status
from support.limpet import PROGRAM, environment, run

VERBS = [["status"], ["drain", "app/1"], ["undrain", "app/1"], ["reload"]]


def said(done):
    assert done.returncode == 1 and not done.stdout, done
    return done.stderr.decode()


def run_with(words, **variables):
    env = {name: value for name, value in environment().items() if name not in ("LIMPET_ADMIN", "XDG_RUNTIME_DIR")}
    return subprocess.run([PROGRAM, *words], capture_output=True, timeout=30, env={**env, **variables}, check=False)


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_a_socket_that_is_not_there(folder, words):
    text = said(run(*words, "--admin", folder / "no.sock"))
    assert text.startswith(f"limpet {words[0]}: no limpet answers at unix:{folder}/no.sock: No such file or directory\n")
    assert "--admin ADDR" in text and "limpet run" in text and "LIMPET_ADMIN" in text


def test_a_socket_that_was_left_behind(folder):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "left.sock"))
    left.close()
    assert "left.sock: Connection refused\n" in said(run("status", "--admin", f"unix:{folder}/left.sock"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("closed", ["the socket", "its directory"])
def test_a_socket_of_somebody_else(folder, stand_in, closed):
    at = stand_in(lambda method, target: answer(body=status()))
    path = folder / "closed"
    path.mkdir(mode=0o700 if closed == "its directory" else 0o755)
    os.rename(at.path, path / "admin.sock")
    os.chmod(path / "admin.sock", 0o600)
    for each in (path, path / "admin.sock"):
        os.chown(each, pwd.getpwnam("daemon").pw_uid, 0)
    program = shutil.copy(PROGRAM, folder)  # others may not be let in where it was built
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "status", "--admin",
                           path / "admin.sock"], capture_output=True, timeout=30, env=environment(), check=False)
    text = said(done)
    assert text.startswith(f"limpet status: unix:{path}/admin.sock: Permission denied\nIt belongs to daemon: ")
    assert "admin-group" in text


@pytest.mark.parametrize("reply", [
    b"", b"hello\n", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n[]", b"\0" * 100000,
    b"SSH-2.0-OpenSSH\r\n\r\n{}", b"HTTP/1.1\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"pools\":[]}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{\"pools\":[]}\r\n0\r\n\r\n",
    answer(body={}), answer(body={"pools": 3}), answer(raw=b"{\"pools\":[]"), answer(raw=b"<html>")],
    ids=["nothing", "a line", "half a head", "no body", "a list", "nuls", "ssh", "no status", "cut off", "chunks", "no pools",
         "pools that are a number", "half a body", "html"])
def test_somebody_who_is_no_limpet(stand_in, reply):
    text = said(run("status", "--admin", stand_in(lambda method, target: reply).path))
    assert "the answer is not a limpet's" in text


@pytest.mark.parametrize("pools", [[3], [{}], [{"servers": 3}], [{"servers": [{}, None, 3]}],
                                   [{"name": 1, "servers": [{"name": None, "live": "x", "answer_ms": 3}]}]])
def test_a_status_of_another_shape_breaks_nothing(stand_in, pools):
    at = stand_in(lambda method, target: answer(body={"pools": pools}))
    assert run("status", "--admin", at.path).returncode == 0
    assert run("drain", "app/1", "--wait", "--admin", at.path).returncode == 1


def test_a_refusal_without_words(stand_in):
    at = stand_in(lambda method, target: answer(500, {}))
    assert "it refuses and does not say why" in said(run("reload", "--admin", at.path))


def test_somebody_who_does_not_answer(stand_in):
    began = time.monotonic()
    assert said(run("status", "--admin", stand_in(lambda method, target: None).path)).endswith(": it does not answer\n")
    assert time.monotonic() - began < 25


def test_the_environment_names_the_socket_and_the_option_counts_more(stand_in):
    here = stand_in(lambda method, target: answer(body=status(server("here"))))
    there = stand_in(lambda method, target: answer(body=status(server("there"))))
    assert b"app/here" in run_with(["status"], LIMPET_ADMIN=here.path).stdout
    assert b"app/here" in run_with(["status"], LIMPET_ADMIN=f"unix:{here.path}").stdout
    assert b"app/there" in run_with(["status", "--admin", there.path], LIMPET_ADMIN=here.path).stdout


def test_without_a_word_it_is_the_place_of_whoever_asks(folder):
    own = "/run/limpet/admin.sock" if os.geteuid() == 0 else f"{folder}/limpet/admin.sock"
    done = run_with(["status"], XDG_RUNTIME_DIR=str(folder))
    if done.returncode != 0:  # a limpet may be running here
        assert f"unix:{own}: " in done.stderr.decode()


@pytest.mark.parametrize("words, answer_", [
    ("status --admin 127.0.0.1:80", "`127.0.0.1:80` is no admin socket: write unix:/path"),
    ("status --admin admin.sock", "`admin.sock` is no admin socket: "),
    (f"status --admin /{'x' * 200}", "is no admin socket: "),
    ("status app/1", "unexpected word: app/1"),
    ("drain", "which server? Name it: POOL/NAME"),
    ("drain app", "`app` is no server: write POOL/NAME"),
    ("drain app/", "`app/` is no server"),
    ("drain /1", "`/1` is no server"),
    (f"drain app/{'x' * 1000}", "is no server"),
    ("drain app/1 app/2", "one server at a time: app/1 or app/2"),
    ("drain app/1 --wait=5s", "--wait takes no value"),
    ("drain app/1 --wait --timeout 5", "--timeout: this is no time: write 5s"),
    ("drain app/1 --timeout 5s", "--timeout goes with --wait"),
    ("undrain app/1 --wait", "unknown option --wait"),
    ("reload app/1", "unexpected word: app/1")], ids=lambda words: words[:40])
def test_wrong_usage_is_told_before_anybody_is_asked(words, answer_):
    done = run(*words.split())
    assert done.returncode == 2 and not done.stdout
    first, *rest = done.stderr.decode().splitlines()
    assert first.startswith(f"limpet {words.split()[0]}: ") and answer_ in first
    assert rest == [f"Try: limpet {words.split()[0]} --help"]
