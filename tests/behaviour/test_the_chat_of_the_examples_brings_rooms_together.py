"""The chat as its own first lines say, behind the nginx of the examples, with people in Chromium."""

import re
import shlex
import time

import pytest

from support.chromium import Chromium
from support.limpet import ROOT
from support.ports import free_port
from support.programs import NODE_FOLDER, Nginx
from support.ranking import ranking_of_workers

EXAMPLES = ROOT / "examples"


@pytest.fixture
def chat(start, folder, keep):
    """The address of nginx."""
    port, front = free_port(), free_port()
    line = re.search(r"^// +(limpet run .*)$", (EXAMPLES / "chat.js").read_text(), re.M)[1]
    words = shlex.split(line)[2:]
    assert words[-1] == "chat.js"
    words = ["-l", f"127.0.0.1:{port}", "--admin", "off", *words[:-1], str(EXAMPLES / "chat.js")]
    env = {"NODE_PATH": str(NODE_FOLDER / "node_modules"), "PORT": str(free_port())}
    start(arguments=words, verb="run", workers=4, env=env)
    text = (EXAMPLES / "nginx.conf").read_text()
    for old, new in (("listen 80;", f"listen 127.0.0.1:{front};"), ("127.0.0.1:8080", f"127.0.0.1:{port}")):
        assert old in text
        text = text.replace(old, new)
    keep(Nginx(folder, text, [front]))
    return f"127.0.0.1:{front}"


def _says(page, text):
    page.evaluate(f"document.querySelector('input').value = {text!r}; document.forms[0].requestSubmit()")


def _reads(page, count, within=20):
    """What is written there, once there are so many lines."""
    until = time.monotonic() + within
    while len(lines := page.evaluate("[...document.querySelectorAll('li')].map((line) => line.textContent)")) < count:
        assert time.monotonic() < until, lines
        time.sleep(0.05)
    return lines


def test_people_of_a_room_meet_and_others_do_not_hear_them(chat, folder, keep):
    browser = keep(Chromium(folder))
    rooms = ["tea", "rum", "tea", "ale", "rum", "tea"]
    pages = [browser.open(f"http://{chat}/?room={room}") for room in rooms]
    home = ranking_of_workers(4, seed="").home_of_text
    for page, room in zip(pages, rooms):
        assert _reads(page, 1) == [f"You are in {room}, at worker {home(room)}."]
    for number, (page, room) in enumerate(zip(pages, rooms)):
        _says(page, f"{number} in {room}")
    for page, room in zip(pages, rooms):
        heard = _reads(page, 1 + rooms.count(room))[1:]
        assert sorted(heard) == [f"{number} in {other}" for number, other in enumerate(rooms) if other == room]
