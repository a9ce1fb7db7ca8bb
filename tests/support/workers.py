"""Pools of workers: programs of ours to run in them, and what is asked of all of them after a trial."""

from collections import Counter
from pathlib import Path

from support.programs import node, node_script

_PROGRAMS = Path(__file__).parent / "worker_programs"


def node_worker():
    """The command of an unmodified Node program."""
    return [node(), node_script("worker_server.js")]


def python_worker(*habits):
    """... of one that speaks limpet's own contract. A habit is "SLOT:NAME"."""
    return ["/usr/bin/python3", "-B", str(_PROGRAMS / "worker.py"), *habits]


def node_speaker(*habits, script="worker_server.js"):
    """... of one that speaks as a Node program does, with bad habits; without one it is that Node program."""
    return ["/usr/bin/python3", "-B", str(_PROGRAMS / "node_speaker.py"), *habits, "--", node(), node_script(script)]


def served_twice(file):
    """The numbers of the requests that more than one worker, or one more than once, has served."""
    counts = Counter(line.split()[2] for line in Path(file).read_text().splitlines())
    return [number for number, count in counts.items() if count > 1]
