"""One table makes the help, the errors and the manual, so they know the same words."""

import re

import pytest

from support.limpet import run

NOW = ["serve", "run", "check", "why", "demo", "secret", "status", "drain", "undrain", "pins", "unpin", "reload"]
LATER = ["add", "remove", "weight", "upgrade"]
OPTIONS = {
    "serve": ["config", "listen", "mode", "key", "seed", "trust", "admin"],
    "run": ["workers", "listen", "mode", "key", "seed", "trust", "contract", "node-message", "node-preload", "admin",
            "tls-cert", "tls-key"],
    "check": ["config", "strict"],
    "why": ["config", "listen", "mode", "key", "seed", "trust", "peer", "header", "method", "path", "host", "sni",
            "bytes", "listener", "json", "live", "admin"],
    "demo": ["for", "clients", "listen"],
    "secret": ["append", "promote", "retire"],
    "status": ["json", "admin"],
    "drain": ["wait", "timeout", "admin"],
    "undrain": ["admin"],
    "pins": ["json", "admin"],
    "unpin": ["pool", "server", "admin"],
    "reload": ["wait", "timeout", "admin"],
}


def said(*words):
    done = run(*words)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.decode()


def test_help_shows_every_command():
    text = said("--help")
    for command in NOW + LATER:
        assert re.search(rf"^  {command} +\S", text, re.M), command
    assert said("-h") == text
    assert said("help") == text


@pytest.mark.parametrize("command", NOW)
def test_the_help_of_a_command_shows_each_option_with_its_text(command):
    text = said(command, "--help")
    assert text.startswith(f"usage: limpet {command}")
    rows = re.findall(r"^ {2,6}(?:-(\w), )?--([a-z-]+)(?: [^\n]*?)?(?:\n {26}| {2,})(\S)", text, re.M)
    assert [name for _, name, _ in rows] == OPTIONS[command] + ["help"]
    assert said("help", command) == said(command, "-h") == text


@pytest.mark.parametrize("words", [["--help"], *[[command, "--help"] for command in NOW + LATER]], ids=" ".join)
def test_help_fits_a_terminal(words):
    lines = said(*words).splitlines()
    # An example is one line, to be copied as it is.
    assert max(len(line) for line in lines if not line.startswith("    limpet ")) <= 80


@pytest.mark.parametrize("command", LATER)
def test_a_command_of_a_later_version_says_so_and_what_to_do_instead(command):
    done = run(command)
    first, *rest = done.stderr.decode().splitlines()
    assert done.returncode == 1 and not done.stdout
    assert re.fullmatch(rf"limpet {command}: not in this version \(\d+\.\d+\.\d+\)", first)
    assert rest


def test_the_version_is_one_line_of_two_words():
    assert re.fullmatch(r"limpet \d+\.\d+\.\d+", said("--version").splitlines()[0])
    assert said("-V") == said("--version") == said("version")


def test_limpet_alone_points_at_the_demo():
    done = run()
    assert done.returncode == 2 and not done.stdout
    assert "limpet demo" in done.stderr.decode()
