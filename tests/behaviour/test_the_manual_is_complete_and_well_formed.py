"""The manual pages come from the program's own tables, and what they show as an example works."""

import re
import subprocess

import pytest

from support.client import who_answers
from support.limpet import run

PAGES = ["limpet.1", "limpet.yaml.5"]


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
    section = text[text.index("LOG FORMAT"):text.index("COUNTERS")]
    for field in proxy.visits(1)[0]:
        assert re.search(rf"^ +{field}\b", section, re.M), field


def test_the_configurations_in_the_manual_can_be_served(folder):
    found = examples("limpet.yaml.5")
    assert len(found) >= 3
    for number, example in enumerate(found):
        file = folder / f"{number}.yaml"
        file.write_text(as_typed(example))
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
])
def test_the_manual_tells_what_would_surprise(name, words):
    assert words.lower() in " ".join(as_read(name).split()).lower()
