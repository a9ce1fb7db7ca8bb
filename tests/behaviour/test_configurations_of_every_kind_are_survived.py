"""`limpet check` with files that nobody would write: an answer with exit code 0 or 1 in little time, never a crash."""

import json
import os
import time

import pytest

from support.limpet import run
from support.ports import free_port

GOOD = 'listeners: [{bind: "127.0.0.1:7001", pool: app}]\npools: {app: {servers: {a: "127.0.0.1:7002"}}}\n'


@pytest.fixture
def check(folder):
    def check(content, code, within=20):
        file = folder / "limpet.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o644)
        start = time.monotonic()
        done = run("check", "-c", file, within=60)
        output = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == code, output[-2000:]
        assert time.monotonic() - start < within
        assert "Sanitizer" not in output and "runtime error" not in output, output[-4000:]
        return output
    return check


def test_a_good_one(check):
    check(GOOD, 0)


def test_an_empty_file(check):
    assert "limpet.yaml" in check("", 1)
    assert "limpet.yaml" in check("# nothing\n", 1)


def test_carriage_returns_a_byte_order_mark_and_utf_8(check):
    check(GOOD.replace("\n", "\r\n"), 0)
    check(b"\xef\xbb\xbf" + GOOD.encode(), 0)
    check("seed: Zürich\n" + GOOD, 0)
    assert "zürich" in check(GOOD.replace("{a:", "{zürich:"), 1)


@pytest.mark.parametrize("content", [
    b"\0", b"seed: a\0b\n" + GOOD.encode(), b"\xff\xfe" + GOOD.encode("utf-16-le"), b"seed: \xc3\x28\n" + GOOD.encode(),
    b"\t" + GOOD.encode(), b"{" * 1000, b"[", b"- " * 2000, b"a: &a [*a]\n", b"%YAML 9.9\n---\n", b"--- a\n--- b\n",
    b"? [a]\n: b\n", b"!!binary a", b"&a: *b\n"], ids=lambda content: repr(content[:12]))
def test_bytes_that_are_no_configuration(check, content):
    check(content, 1)


def test_an_unknown_key_with_its_line(check):
    assert "limpet.yaml:3:" in check(GOOD + "sed: x\n", 1)


def test_a_key_twice(check):
    check("seed: a\nseed: b\n" + GOOD, 1)
    check(GOOD.replace("servers: {a:", "servers: {a: '127.0.0.1:9', a:"), 1)


def test_aliases_that_multiply(check):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for last, name in zip("abcdefghi", "bcdefghij"):
        bomb += f"{name}: &{name} [{', '.join(['*' + last] * 10)}]\n"
    check(bomb + GOOD, 1)


def test_a_long_line(check):
    check(GOOD + "# " + "x" * 4_000_000 + "\n", 0)
    check("seed: " + "x" * 4_000_000 + "\n" + GOOD, 1)


def test_more_than_4_mib(check):
    for content in (GOOD + "# " + "x" * 10_000_000 + "\n", "# 23456789\n" * 10_000_000):
        assert "limpet.yaml" in check(content, 1)


def test_nesting_without_end(check):
    check("seed: " + "[" * 100_000 + "\n" + GOOD, 1)
    check("seed: " + "{a: " * 5_000 + "\n" + GOOD, 1)


@pytest.mark.parametrize("number", ["-1", "9223372036854775808", "1e9", "10kk", "0x10", "1.5", "'7'x", "1" * 1_000_000,
                                    "1e1000000000", ".inf", "~", "true", "[1]"], ids=lambda number: number[:12])
def test_numbers_that_are_none(check, number):
    check(f"limits: {{connections: {number}}}\n" + GOOD, 1)


@pytest.mark.parametrize("duration", ["5", "-5s", "5 parsecs", "9223372036854775807s", "1e3s", "", "s", "0x5s"])
def test_durations_that_are_none(check, duration):
    check(f"timeouts: {{idle: '{duration}'}}\n" + GOOD, 1)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.0.0.1:0x50", "127.0.0.1:65536", "127.0.0.1:-1", "127.1:80", "256.0.0.1:80", "[::1:80", "::1:80",
    "[::g]:80", "unix:", "unix:" + "x" * 200, "nobody.invalid:80", "127.0.0.1:80 ", "127.0.0.01:80"])
def test_addresses_that_are_none(check, address):
    check(GOOD.replace("127.0.0.1:7002", address), 1)


def test_a_hundred_thousand_servers(check):
    servers = {f"s{n}": f"127.{n >> 16}.{n >> 8 & 255}.{n & 255}:80" for n in range(1, 100_001)}
    config = {"listeners": [{"bind": "127.0.0.1:7001", "pool": "app"}], "pools": {"app": {"servers": servers}}}
    check(json.dumps(config), 0, within=40)


def test_a_file_that_cannot_be_read(folder):
    for path in (folder, folder / "nobody.yaml", "/dev/null/x"):
        done = run("check", "-c", path)
        assert done.returncode == 1
        assert str(path) in done.stderr.decode()


def test_a_file_without_end(folder):
    done = run("check", "-c", "/dev/zero", within=60)
    assert done.returncode == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder):
    file = folder / "limpet.yaml"
    file.write_text(GOOD)
    file.chmod(0)
    assert run("check", "-c", file).returncode == 1


def test_a_file_that_changes_while_it_is_read(folder):
    """Each reading sees one state or another, and never ends badly."""
    file = folder / "limpet.yaml"
    long = GOOD + "".join(f"# line {number}\n" for number in range(20000))
    for number in range(6):
        file.write_text(long if number % 2 else GOOD)
        with open(file, "r+") as writer:
            done = run("check", "-c", file)
            writer.truncate(len(GOOD) // 2)
        assert done.returncode in (0, 1)
    file.write_text(GOOD)
    assert run("check", "-c", file).returncode == 0


SMALL = 'seed: s\nlisteners: {bind: "127.0.0.1:1", pool: a}\npools: {a: {servers: "127.0.0.1:2"}}\n'


@pytest.mark.parametrize("more, place, said", [
    ("log: {access: nowhere/access.log}", "4:15", "there is no directory `{folder}/nowhere`"),
    ("log: {errors: nowhere/errors.log}", "4:15", "there is no directory `{folder}/nowhere`"),
    ("log: {access: logs}", "4:15", "`{folder}/logs` is a directory"),
    ("log: {errors: logs}", "4:15", "`{folder}/logs` is a directory"),
    ("user: nobdy", "4:7", "there is no user `nobdy`"),
    ('user: "65534"', "4:8", "there is no user `65534`"),
])
def test_check_refuses_what_this_machine_does_not_have(folder, more, place, said):
    (folder / "logs").mkdir()
    file = folder / "limpet.yaml"
    file.write_text(SMALL + more + "\n")
    done = run("check", "-c", file)
    if "user" in more and os.geteuid() != 0:
        assert done.returncode == 0  # nobody becomes anybody then
        return
    assert done.returncode == 1 and not done.stdout
    assert f"limpet.yaml:{place}: error: {said.format(folder=folder)}\n    4 | {more}\n" in done.stderr.decode()


@pytest.mark.parametrize("socket, said", [
    ("nowhere/socket", "there is no directory `{folder}/nowhere`"), ("file", "`{folder}/file` is there, and is no socket")])
def test_check_refuses_a_socket_that_cannot_be_bound_here(folder, socket, said):
    (folder / "file").write_text("")
    file = folder / "limpet.yaml"
    file.write_text(SMALL.replace('"127.0.0.1:1"', f'["127.0.0.1:1", "unix:{socket}"]'))
    done = run("check", "-c", file)
    assert done.returncode == 1
    assert f"limpet.yaml:2:36: error: {said.format(folder=folder)}\n" in done.stderr.decode()


def test_check_tells_all_that_is_wrong_at_once_in_the_text_and_on_the_machine(folder):
    file = folder / "limpet.yaml"
    file.write_text(SMALL + "log: {access: nowhere/access.log, errors: nowhere/errors.log}\ntimeouts: {idle: 5}\n")
    said = run("check", "-c", file).stderr.decode()
    assert [place for place in ("4:15", "4:43", "5:18") if f"limpet.yaml:{place}: error: " in said] == ["4:15", "4:43", "5:18"]


def test_whatever_check_refuses_about_logs_serve_refuses_too(folder):
    (folder / "logs").mkdir()
    file = folder / "limpet.yaml"
    file.write_text(SMALL.replace("127.0.0.1:1", f"127.0.0.1:{free_port()}") + "log: {errors: logs}\n")
    assert b"is a directory" in run("check", "-c", file).stderr
    assert b"Is a directory" in run("serve", "-c", file).stderr
