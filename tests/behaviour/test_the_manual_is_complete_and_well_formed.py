"""The manual pages come from the program's own tables, and what they show as an example works."""

import re
import subprocess

import pytest

from support.client import who_answers
from support.limpet import ROOT, run
from support.worker_channel import PYTHON, WorkerChannel

PAGES = ["limpet.1", "limpet.yaml.5", "limpet-worker.7"]


def page(name):
    done = run("manual", name)
    assert done.returncode == 0 and not done.stderr
    return done.stdout.decode()


def as_read(name):
    """What somebody sees who reads it, in one column of plain text."""
    shown = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200"], input=page(name).encode(), capture_output=True,
                           check=True).stdout.decode()
    return re.sub(".\b", "", shown)


def examples(name):
    return re.findall(r"^\.nf\n(.*?)^\.fi", page(name), re.M | re.S)


def as_typed(example):
    for escape, character in ((r"\&", ""), (r"\-", "-"), (r"\(aq", "'"), (r"\(ti", "~"), (r"\(ha", "^"), (r"\e", "\\")):
        example = example.replace(escape, character)
    return example


@pytest.mark.parametrize("name", PAGES)
def test_the_manual_is_well_formed(name):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style"], input=page(name).encode(), capture_output=True,
                          check=False)
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("name", PAGES)
def test_no_entry_is_without_a_text(name):
    assert not re.search(r"^\.TP\n[^\n]+\n\.", page(name), re.M)


def test_the_manual_knows_every_option_and_every_key_source():
    text = as_read("limpet.1")
    for command in ("serve", "run", "check", "why", "demo"):
        for option in re.findall(r"--[a-z-]+", run(command, "--help").stdout.decode()):
            assert option in text
    for source in ("client/V4/V6", "header:NAME", "bytes:OFFSET+LENGTH", "field:NAME", "sni", "alpn", "unwrapped"):
        assert source in text


def test_the_manual_explains_every_field_of_the_log(limpet, server):
    proxy = limpet([server("a")])
    who_answers(proxy)
    text = as_read("limpet.1")
    section = text[text.index("\nLOG FORMAT"):text.index("\nMETRICS")]
    for field in proxy.visits(1)[0]:
        assert re.search(rf"^ +{field}\b", section, re.M), field


def test_the_configurations_in_the_manual_can_be_served(folder):
    found = examples("limpet.yaml.5")
    secret = folder / "secret"
    assert len(found) >= 3 and run("secret", "--append", secret).returncode == 0
    for number, example in enumerate(found):
        file = folder / f"{number}.yaml"
        file.write_text(as_typed(example).replace("/etc/limpet/secret", str(secret)))
        done = run("check", "-c", file)
        assert done.returncode == 0, done.stderr.decode()


def test_the_questions_in_the_manual_are_answered():
    lines = [line for example in examples("limpet.1") for line in as_typed(example).splitlines()]
    asked = [line.split()[2:] for line in lines if line.startswith("limpet why -l")]
    assert asked
    for words in asked:
        assert run("why", *words).returncode == 0


@pytest.mark.parametrize("name, words", [
    ("limpet.yaml.5", "at most 16 KiB are looked at"),
    ("limpet.yaml.5", "as in SMTP, MySQL or FTP, it is heard only then"),
    ("limpet.yaml.5", "an IPv6 address does not fit into ipv4"),
    ("limpet.1", "an X-Forwarded-For that limpet does not believe reaches the server all the same"),
    ("limpet.1", "or --trust none, spares the wait"),
    ("limpet.1", "with its port where it is known"),
    ("limpet-worker.7", "sh -c 'exec node app.js'"),
    ("limpet-worker.7", "Binds for real, past limpet"),
    ("limpet-worker.7", "They belong to the open file"),
])
def test_the_manual_tells_what_would_surprise(name, words):
    assert words.lower() in " ".join(as_read(name).split()).lower()


def test_the_manual_and_the_header_say_the_same_of_the_wire():
    """The tables are made of the header; and so are the numbers of the words."""
    text = as_read("limpet-worker.7")
    header = (ROOT / "include" / "limpet" / "worker.h").read_text()
    for name, number in re.findall(r"^#define LIMPET_(\w+) (\d+)", header, re.M):
        if name in ("CONNECTION", "PING", "TLS", "PAIR", "READY", "TAKEN", "REFUSED", "PONG", "LIVE"):
            assert re.search(rf"\b{number} {name}\b", text), name
    rows = re.findall(r"^ +(\d+) +(\d+) (\w* +)\S", text, re.M)
    assert [(int(offset), int(size)) for offset, size, _ in rows] == [
        (0, 1), (1, 1), (2, 2), (4, 4), (8, 8), (16, 4), (20, 4), (24, 20), (44, 20), (0, 4), (4, 1), (5, 3)]


def test_the_program_for_python_in_the_manual_is_a_worker(folder, keep):
    parts = [as_typed(example) for example in examples("limpet-worker.7")]  # an empty line parts them
    first = next(number for number, part in enumerate(parts) if "import limpet_worker" in part)
    file = folder / "worker.py"
    file.write_text("".join(parts[first:first + 3]))
    limpet = keep(WorkerChannel([PYTHON, "-B", str(file)], folder)).ready()
    assert limpet.give().ask(b"hello\n") == "203.0.113.9:4711 says hello\n"
