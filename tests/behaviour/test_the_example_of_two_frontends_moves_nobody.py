"""examples/two-frontends, as somebody without any rights runs it: what it prints, and that nothing of it is left."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from support.limpet import PROGRAM, ROOT, environment
from support.proc import wait_until

NOBODY = 65534


@pytest.fixture
def example(folder):
    """Starts it in the test's folder, where everybody may read: `example("--clients", "9")`."""
    place, temporary = folder / "two-frontends", folder / "tmp"
    shutil.copytree(ROOT / "examples" / "two-frontends", place)
    shutil.copy(PROGRAM, folder / "limpet")
    temporary.mkdir()
    temporary.chmod(0o777)
    started = []

    def one(*options, path=os.environ["PATH"]):
        env = {**environment(), "LIMPET": str(folder / "limpet"), "TMPDIR": str(temporary), "PATH": path}
        own = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        started.append(subprocess.Popen([place / "run", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=env, **own))
        return started[-1]

    yield one
    for each in started:
        each.terminate()
        each.wait(60)
        each.stdout.close()
    assert _left(folder) == [] and list(temporary.iterdir()) == []


def _left(folder):
    """Processes in whose words the folder stands."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(words)
    return found


def _shares(text):
    """How many clients each server has, by what stands in front of the numbers."""
    rows = re.findall(r"^(\S.*?)((?: +\d+){4})$", text, re.M)
    return {name: [int(number) for number in numbers.split()] for name, numbers in rows}


def test_nobody_moves_whatever_happens(example):
    run = example("--clients", "40", "--restart-memcached", "--kill-frontend")
    text = run.communicate(timeout=80)[0]
    assert run.returncode == 0, text
    assert re.search(r"^moved: 0 \(by the ranking alone it would be [1-9]\d? of 40\)$", text, re.M), text
    assert re.search(r"^failed: 0 of \d{3,} requests$", text, re.M), text
    shares = _shares(text)
    assert [sum(row) for row in shares.values()] == [40] * 4
    assert shares["the same, at last"] == shares["clients, at first"]
    assert shares["before d started"][3] == 0 and all(shares["after"])
    assert "the limpets have written 120 pins" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it(example, folder, number):
    run = example("--clients", "9")
    assert any("limpet 2 is restarted" in line for line in run.stdout)
    assert _left(folder)
    run.send_signal(number)
    assert run.wait(60) == 130


def test_a_reader_that_goes_away_ends_it_too(example):
    run = example("--clients", "9")
    run.stdout.readline()
    run.stdout.close()
    assert wait_until(lambda: run.poll() is not None, 60) and run.returncode == 1


def test_it_says_what_is_missing(example, folder):
    (folder / "bin").mkdir()
    run = example(path=str(folder / "bin"))
    text = run.communicate(timeout=20)[0]
    assert run.returncode == 1 and text == "run: memcached is not installed: apt install memcached\n"
