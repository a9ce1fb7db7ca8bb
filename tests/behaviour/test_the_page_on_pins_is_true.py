"""What docs/pins.md says to write and to look for is there."""

import re

import pytest

from support.limpet import ROOT, run

PAGE = (ROOT / "docs" / "pins.md").read_text()


def _blocks():
    """What is set off, without its indentation."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.M)
    return [re.sub(r"^    ", "", block, flags=re.M).strip("\n") for block in found]


TOP = 'seed: tests\nsecret: /etc/limpet/secret\nlisteners: [{bind: ":8080", mode: http, pool: %s}]\n'
POOL = 'pools: {a: {%s, servers: ["127.0.0.1:1"]}}\n'


def _whole(block):
    """A configuration with what the page shows of it; None: it shows something else."""
    if block.startswith("seed:"):
        return block
    if block.startswith("pools:"):
        return TOP % block.split()[1].rstrip(":") + block
    if block.startswith("stick:"):
        return TOP % "a" + 'memcached: "unix:/run/m"\n' + POOL % block
    if block.startswith("pins: {"):
        return TOP % "a" + block + "\n" + POOL % "stick: {table: local}"
    return None


def _configurations():
    return [text for text in map(_whole, _blocks()) if text]


@pytest.mark.parametrize("number", range(len(_configurations())))
def test_what_it_says_to_write_is_accepted(folder, number):
    file, secret = folder / "limpet.yaml", folder / "secret"
    assert run("secret", "--append", secret).returncode == 0
    text = _configurations()[number].replace("/etc/limpet/secret", str(secret))
    file.write_text(text.replace("/var/lib/limpet", str(folder)))
    done = run("check", "-c", file)
    assert (done.returncode, done.stderr) == (0, b""), file.read_text() + done.stderr.decode()


def test_all_of_it_is_looked_at():
    assert len(_configurations()) == 5


def test_metrics_that_it_names_exist():
    manual = (ROOT / "src" / "base" / "counter.h").read_text() + (ROOT / "src" / "control" / "metrics.c").read_text()
    for name in re.findall(r"`limpet_(\w+?)(?:_total)?(?:{.*?})?`", PAGE):
        assert f'"{name}' in manual or f'limpet_{name}"' in manual, name


def test_messages_that_it_quotes_exist():
    source = "".join(file.read_text() for file in (ROOT / "src" / "pins").glob("*.c")).replace('"\n', "")
    source = re.sub(r'\s+"', "", source)
    for text in ("it is not asked any more until it answers again", "answers again: what was decided without it is claimed now"):
        assert text in PAGE and text in source


def test_commands_that_it_names_exist():
    known = run("--help").stdout.decode().split("Not in this version")[0]
    for command in set(re.findall(r"`?limpet ([a-z]+)(?: -|`| [a-z]+/|$)", PAGE)) | {"pins", "unpin"}:
        assert re.search(rf"^  {command} ", known, re.M), command
