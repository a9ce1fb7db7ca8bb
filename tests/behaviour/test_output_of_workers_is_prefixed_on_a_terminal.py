"""On a terminal one sees which worker speaks; into a file or a pipe goes what the workers wrote, byte by byte."""

import os
import re
import select
import time

import pytest

from support import proc


@pytest.fixture
def terminal(keep):
    """`.end` is for limpet; `.seen` is what stands on the screen once it contains all of some texts."""
    class Terminal:
        def __init__(self):
            self.ours, self.end = os.openpty()
            self.bytes = b""

        @property
        def text(self):
            return self.bytes.replace(b"\r\n", b"\n").decode()

        def seen(self, *texts, within=10):
            until = time.monotonic() + within
            while self._gets_more(0) or not all(text in self.text for text in texts) and time.monotonic() < until:
                self._gets_more(0.1)
            return self.text

        def _gets_more(self, within):
            if not select.select([self.ours], [], [], within)[0]:
                return False
            self.bytes += os.read(self.ours, 65536)
            return True

        def stop(self):
            os.close(self.ours)
            os.close(self.end)

    return keep(Terminal())


def test_on_a_terminal_each_line_has_its_worker_in_front(run, terminal):
    proxy = run("about_app.js", count=2, stdout=terminal.end, stderr=terminal.end, ready=False)
    assert proc.wait_until(lambda: terminal.seen().count("takes connections") == 2)
    lines = terminal.seen("app/1 | 1 says", "app/2 | 2 says", "app/1 | and something", "app/2 | and something").split("\n")
    for slot in "12":
        assert f"app/{slot} | {slot} says \x1b[1mh\u00e9llo\x1b[0m" in lines
        assert f"app/{slot} | and something" in lines
    assert "limpet: ready" in terminal.seen("limpet: ready").split("\n")
    proxy.signal(15)
    # The end of a line that never came is shown when the worker has gone.
    assert terminal.seen("app/1 | else\n", "app/2 | else\n").count(" | else\n") == 2


def test_elsewhere_nothing_is_added_and_nothing_held_back(run):
    proxy = run("about_app.js", count=1)
    assert proc.wait_until(lambda: proxy.output)
    assert proxy.output == "1 says \x1b[1mh\u00e9llo\x1b[0m\n"
    assert "and something\nelse" in proxy.stderr and " | " not in proxy.stderr


def test_errors_that_go_to_a_file_are_left_alone_there(run, terminal):
    proxy = run("about_app.js", count=1, stdout=terminal.end)
    assert "app/1 | 1 says" in terminal.seen("1 says")
    assert proxy.says("and something\nelse")
    assert " | " not in proxy.stderr


def test_errors_on_a_terminal_are_prefixed_wherever_the_rest_goes(run, terminal):
    proxy = run("about_app.js", count=1, stderr=terminal.end, ready=False)
    assert "app/1 | and something" in terminal.seen("and something")
    assert proc.wait_until(lambda: proxy.output)
    assert proxy.output == "1 says \x1b[1mh\u00e9llo\x1b[0m\n"


def test_a_long_line_is_shown_in_pieces(run, terminal):
    proxy = run(command=["sh", "-c", "printf '%050000d' 7; echo; echo next; exec sleep 60"], count=1,
                stdout=terminal.end, stderr=terminal.end, ready=False)
    lines = terminal.seen("app/1 | next\n").split("\n")
    pieces = [line.removeprefix("app/1 | ") for line in lines if line.endswith(("00", "07"))]
    assert "".join(pieces) == "7".zfill(50000)
    assert len(pieces) < 20 and proxy.workers


def test_the_last_words_of_a_worker_are_shown(run, terminal):
    """Even if it dies while it speaks: they are the interesting ones. (No more than a terminal takes at once: whoever does not read
    holds nobody up.)"""
    run(command=["sh", "-c", "sleep 0.2; seq 1 250; printf 'out of luck'"], count=1, stdout=terminal.end,
        stderr=terminal.end, ready=False)
    text = terminal.seen("app/1 | out of luck\n", within=5)
    assert re.findall(r"^app/1 \| (\d+)$", text, re.M)[:250] == [str(number) for number in range(1, 251)]
