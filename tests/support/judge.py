"""Readers of HTTP/1 that are asked how they understand bytes: Node's parser, and limpet's own without a proxy around them."""

import json
import os
import struct
import subprocess
from pathlib import Path

from support.programs import node, node_script

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("LIMPET_TOOLS", ROOT / "build" / "tools")) / "message_tool"


def _ask(command, conversations):
    framed = b"".join(struct.pack("<I", len(one)) + bytes(one) for one in conversations)
    return subprocess.run(command, input=framed, capture_output=True, check=True, timeout=120).stdout


def node_methods():
    answer = subprocess.run([node(), "-p", "JSON.stringify(http.METHODS)"], capture_output=True, check=True)
    return set(json.loads(answer.stdout))


def node_reads(conversations):
    """One dictionary for each, as tests/node/judge.js prints them."""
    lines = _ask([node(), node_script("judge.js")], conversations).splitlines()
    assert len(lines) == len(conversations)
    return [json.loads(line) for line in lines]


def node_reads_answers(conversations):
    """The same for answers to GET and tests/node/judge_answers.js; behind each stands the end of its connection."""
    lines = _ask([node(), node_script("judge_answers.js")], [b"G" + one for one in conversations]).splitlines()
    assert len(lines) == len(conversations)
    return [json.loads(line) for line in lines]


def limpet_reads(conversations):
    """For each the whole requests (method, target, body in hexadecimal digits) and why there are no more."""
    found, requests = [], []
    for line in _ask([TOOL], conversations).decode("latin-1").splitlines():
        word, rest = line.split(" ", 1)
        if word == "end":
            found.append((requests, rest))
            requests = []
        else:
            method, target, body = rest.split(" ")
            requests.append((method, bytes.fromhex(target).decode("latin-1"), body))
    assert len(found) == len(conversations)
    return found
