"""Homes must be the same on every machine and for ever: two programs in two languages, and frozen vectors, say so."""

import os
import random
import subprocess
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from model.ranking import TAG_ADDRESS, TAG_TEXT, Ranking

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("LIMPET_TOOLS", ROOT / "build" / "tools")) / "rank_tool"
VECTORS = ROOT / "tests" / "vectors" / "ranking.tsv"

SEED, POOL = "a seed", "app"
SERVERS = [("a", 1), ("b", 2), ("10.0.0.13:3000", 4)]
KEYS = 100_000
KEYS_PER_TASK = 5_000


def ask_tool(seed, pool, servers, keys):
    words = [f"{name}={weight}" for name, weight in servers]
    lines = "".join(f"{tag} {key.hex()}\n" for tag, key in keys)
    done = subprocess.run([TOOL, seed, pool, *words], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def ask_model(seed, pool, servers, keys):
    ranking = Ranking(seed.encode(), pool.encode(), [(name.encode(), weight) for name, weight in servers])
    lines = []
    for tag, key in keys:
        key_hash = ranking.key_hash(tag, key)
        order = " ".join(f"{name.decode()}={distance}" for name, distance in ranking.order(key_hash))
        lines.append(f"{key_hash:016x} {ranking.log_hash(tag, key):08x} {order}")
    return lines


def some_keys(task):
    source = random.Random(task)
    keys = []
    for _ in range(KEYS_PER_TASK // 2):
        keys.append((TAG_ADDRESS, bytes(10) + b"\xff\xff" + source.randbytes(4)))
        keys.append((TAG_TEXT, source.randbytes(source.randrange(1, 40))))
    return keys


def disagreements(task):
    keys = some_keys(task)
    pairs = zip(keys, ask_tool(SEED, POOL, SERVERS, keys), ask_model(SEED, POOL, SERVERS, keys), strict=True)
    return [pair for pair in pairs if pair[1] != pair[2]]


def test_the_python_model_agrees_with_the_ranking_on_100000_keys():
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        wrong = sum(pool.map(disagreements, range(KEYS // KEYS_PER_TASK)), [])
    assert not wrong, f"{len(wrong)} keys rank differently, the first: {wrong[0]}"


def test_both_agree_on_the_frozen_vectors():
    rows = [line.split("\t") for line in VECTORS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 15
    for seed, pool, servers, tag, key, key_hash, log_hash, ranking in rows[1:]:
        pairs = [(name, int(weight)) for name, weight in (word.rsplit("=", 1) for word in servers.split(" "))]
        keys = [(int(tag), bytes.fromhex(key))]
        frozen = [f"{key_hash} {log_hash} {ranking}"]
        assert ask_tool(seed, pool, pairs, keys) == frozen
        assert ask_model(seed, pool, pairs, keys) == frozen


def test_the_table_of_logarithms_is_the_one_that_is_generated():
    subprocess.run([ROOT / "tools" / "make-log2-table", "--check", ROOT / "src" / "algo" / "rank_log2.c"], check=True)
