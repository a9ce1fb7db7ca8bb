"""`limpet demo`, as a newcomer sees it: on a terminal and off it, until its time is over or somebody has seen enough."""

import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from support import proc
from support.limpet import PROGRAM, environment, run
from support.ports import free_port


def address():
    return f"127.0.0.1:{free_port()}"


class Demo:
    """One in a terminal of its own."""

    def __init__(self, *words):
        self.terminal, inside = pty.openpty()
        self.process = subprocess.Popen([PROGRAM, "demo", *words], stdin=inside, stdout=inside, stderr=inside,
                                        start_new_session=True, env={**environment(), "TERM": "xterm"})
        os.close(inside)
        self.shown = ""

    def watch(self, until, within=30):
        deadline = time.monotonic() + within
        while not until(self.shown) and time.monotonic() < deadline:
            if not select.select([self.terminal], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            self.shown += piece.decode()
        return until(self.shown)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.terminal)


def family(process):
    return [process.pid, *proc.descendants(process.pid)]


def all_gone(processes):
    return proc.wait_until(lambda: not any(map(proc.is_alive, processes)), 5)


def test_the_demo_shows_everybody_coming_home():
    done = run("demo", "--for", "3", "-l", address())
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "\nmoved: 0\n" in text and "\nfailed: 0\n" in text
    assert text.count("is at home on") == 8
    # One server leaves and returns; only its clients leave their home, and all of them come back to it.
    gone = re.search(r"server (\w) goes away", text)[1]
    away = set(re.findall(rf"(\S+) +finds {gone} away", text))
    assert away == set(re.findall(rf"(\S+) +is at home on {gone}\b", text))
    assert away == set(re.findall(rf"(\S+) +comes home to {gone}\b", text))
    assert f"{PROGRAM} serve -l" in text


def test_a_short_demo_is_calm():
    done = run("demo", "--for", "1s", "--clients", "3", "-l", address())
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "\nmoved: 0\n" in text and "goes away" not in text
    assert text.count("is at home on") == 3


def test_no_process_outlives_the_demo():
    demo = subprocess.Popen([PROGRAM, "demo", "--for", "2", "-l", address()], stdout=subprocess.PIPE, text=True,
                            env=environment())
    assert any("is at home" in line for line in demo.stdout)
    processes = family(demo)
    assert len(processes) >= 3
    demo.stdout.read()
    assert demo.wait(20) == 0
    assert all_gone(processes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(number):
    demo = subprocess.Popen([PROGRAM, "demo", "-l", address()], stdout=subprocess.PIPE, text=True, env=environment())
    assert any("is at home" in line for line in demo.stdout)
    processes = family(demo)
    demo.send_signal(number)
    text = demo.stdout.read()
    assert demo.wait(20) == 0
    assert "\nmoved: 0\n" in text
    assert all_gone(processes)


def test_limpet_does_not_outlive_a_demo_that_was_killed():
    demo = subprocess.Popen([PROGRAM, "demo", "-l", address()], stdout=subprocess.PIPE, text=True, env=environment())
    assert any("is at home" in line for line in demo.stdout)
    processes = family(demo)
    demo.kill()
    demo.wait()
    demo.stdout.close()
    assert proc.wait_until(lambda: not any(map(proc.is_alive, processes)), 10)


def test_a_terminal_gets_a_picture_and_its_cursor_back(keep):
    where = address()
    demo = keep(Demo("--for", "4", "-l", where))
    assert demo.watch(lambda shown: "203.0.113.57" in shown)
    assert "\x1b[?25l" in demo.shown
    # A guest is shown among the clients.
    home = who_answers_demo(where, "198.51.100.7")
    assert demo.watch(lambda shown: re.search(rf"198\.51\.100\.7 +(?:\x1b\[[\d;]*m)?{home}", shown))
    assert demo.watch(lambda shown: "Now with servers of your own" in shown)
    assert demo.process.wait(20) == 0
    assert demo.shown.rindex("\x1b[?25h") > demo.shown.rindex("\x1b[?25l")
    assert re.search(r"moved: 0\b", demo.shown)


def who_answers_demo(where, client):
    done = subprocess.run(["curl", "-s", "-H", f"X-Forwarded-For: {client}", f"http://{where}/"], capture_output=True,
                          check=True, timeout=20, text=True)
    return re.fullmatch(rf"Hello {re.escape(client)}, your home is server (\w)\.\n", done.stdout)[1]


def test_a_reader_that_goes_away_ends_it_without_success():
    demo = subprocess.Popen([PROGRAM, "demo", "-l", address()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, env=environment())
    demo.stdout.readline()
    processes = family(demo)
    demo.stdout.close()
    assert demo.wait(20) == 1
    assert all_gone(processes)


def test_an_address_that_is_taken_is_an_error_that_names_it(server):
    taken = server("a").address
    done = run("demo", "--for", "2", "-l", taken)
    assert done.returncode == 1
    assert taken in done.stderr.decode() and not done.stdout
    assert "port in use" in done.stderr.decode()


def test_the_last_words_fit_a_terminal():
    text = run("demo", "--for", "1", "-l", "127.0.0.1:0").stdout.decode().replace(PROGRAM, "build/limpet")
    assert max(map(len, text.splitlines())) <= 80
