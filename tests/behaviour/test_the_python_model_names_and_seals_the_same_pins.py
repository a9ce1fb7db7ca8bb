"""Frontends share pins through memcached, of different versions too: two programs in two languages, and frozen vectors, say so."""

import os
import random
import subprocess
from pathlib import Path

from model import cookie, pin

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("LIMPET_TOOLS", ROOT / "build" / "tools")) / "pin_tool"
VECTORS = ROOT / "tests" / "vectors" / "pin.tsv"

NOW = 1800000000
ONE, TWO = bytes(range(32)), bytes.fromhex("ff" * 32)
KEY = "limpet:000102030405060708090a0b0c0d0e0f"


def ask_tool(tasks):
    lines = "".join("\t".join(map(str, task)) + "\n" for task in tasks)
    done = subprocess.run([TOOL], input=lines.encode(), capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def hexed(secrets):
    return ",".join(secret.hex() for secret in secrets)


def open_both(secrets, pool, key, values):
    """What the program says, once the model has said the same."""
    answers = ask_tool([("open", hexed(secrets), pool, key, value.hex()) for value in values])
    for value, answer in zip(values, answers, strict=True):
        opened = pin.open_pin(secrets, pool.encode(), key.encode(), value)
        assert answer == (f"pin\t{opened[0].decode()}\t{opened[1]}" if opened else "bad"), value.hex()
    return answers


def pins(count):
    source = random.Random(7)
    for number in range(count):
        pool = "".join(source.choices("abcdefgh-", k=source.randrange(1, 40)))
        server = "".join(source.choices("abcdefgh:.0123456789", k=source.randrange(128)))
        yield pool, f"limpet:{source.randbytes(16).hex()}", NOW + number, server


def test_the_model_keeps_to_the_published_vectors():
    """vectors_sip128 of the reference implementation: the key 00 01 ... 0f, and messages of no, one and 63 bytes."""
    key = bytes(range(16))
    assert pin.sip_hash_2_4_128(key, b"").hex() == "a3817f04ba25a8e66df67214c7550293"
    assert pin.sip_hash_2_4_128(key, b"\0").hex() == "da87c1d86b99af44347659119b22fc45"
    assert pin.sip_hash_2_4_128(key, bytes(range(63))).hex() == "5150d1772f50834a503e069a973fbd7c"


def test_both_store_a_pin_under_the_same_key():
    source = random.Random(8)
    tasks = [("seed-" + "x" * (n % 7), "pool" * (1 + n % 5), source.choice(list(pin.KINDS)), source.randbytes(n % 300))
             for n in range(300)]
    said = ask_tool([("name", seed, pool, kind, what.hex()) for seed, pool, kind, what in tasks])
    assert said == [pin.name(seed.encode(), pool.encode(), kind, what).decode() for seed, pool, kind, what in tasks]
    assert len(set(said)) > 290


def test_the_model_opens_what_limpet_seals():
    for pool, key, made, server in pins(100):
        (value,) = ask_tool([("seal", hexed([ONE, TWO]), pool, key, made, server)])
        for secrets in ([ONE, TWO], [TWO, ONE], [ONE]):
            assert open_both(secrets, pool, key, [bytes.fromhex(value)]) == [f"pin\t{server}\t{made}"]
        assert open_both([TWO], pool, key, [bytes.fromhex(value)]) == ["bad"]


def test_limpet_opens_what_the_model_seals():
    source = random.Random(9)
    for pool, key, made, server in pins(100):
        value = pin.seal(ONE, source.randbytes(24), pool.encode(), key.encode(), made, server.encode())
        assert open_both([ONE], pool, key, [value]) == [f"pin\t{server}\t{made}"]


def test_both_refuse_what_was_changed_or_moved():
    source = random.Random(10)
    value = pin.seal(ONE, bytes(range(24)), b"app", KEY.encode(), NOW, b"a")
    changed = []
    for _ in range(300):
        place = source.randrange(len(value))
        changed.append(value[:place] + source.randbytes(1) + value[place + source.randrange(3):])
    changed = [other for other in changed if other != value] + [b"", value[:-1], value + b"\0", value * 2]
    assert set(open_both([ONE], "app", KEY, changed)) == {"bad"}
    assert open_both([ONE], "chat", KEY, [value]) == ["bad"]
    assert open_both([ONE], "app", KEY[:-1] + "e", [value]) == ["bad"]


def test_a_cookie_is_no_pin():
    text = cookie.seal(ONE, bytes(24), b"app", KEY.encode(), None, NOW, b"a")
    assert open_both([ONE], "app", KEY, [cookie.decode(text)]) == ["bad"]


def test_both_refuse_contents_that_limpet_never_writes():
    """Sealed with the right key all the same: a name of more bytes than there are, or than are allowed."""
    def sealed(content):
        binding = bytes([1, 3]) + b"app" + bytes([len(KEY)]) + KEY.encode()
        return b"\x01" + bytes(24) + cookie.encrypt(cookie.derive(ONE, b"lmppinpi"), bytes(24), binding, content)

    made = NOW.to_bytes(6, "big")
    bad = [sealed(made + bytes([length]) + bytes(25)) for length in (26, 127, 128, 255)]
    bad += [sealed(made + b"\x80" + bytes(153)), sealed(made + b"\x01a"), sealed(bytes(192)), sealed(b"")]
    assert set(open_both([ONE], "app", KEY, bad)) == {"bad"}
    assert open_both([ONE], "app", KEY, [sealed(made + bytes(26))]) == [f"pin\t\t{NOW}"]


def test_both_agree_on_the_frozen_vectors():
    rows = [line.split("\t") for line in VECTORS.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == pin.VECTOR_COLUMNS and len(rows) > 12
    for secret, nonce, seed, pool, kind, what, key, made, server, value in rows[1:]:
        assert pin.name(seed.encode(), pool.encode(), kind, bytes.fromhex(what)).decode() == key
        assert ask_tool([("name", seed, pool, kind, what)]) == [key]
        again = pin.seal(bytes.fromhex(secret), bytes.fromhex(nonce), pool.encode(), key.encode(), int(made), server.encode())
        assert again.hex() == value
        assert open_both([bytes.fromhex(secret)], pool, key, [again]) == [f"pin\t{server}\t{made}"]
