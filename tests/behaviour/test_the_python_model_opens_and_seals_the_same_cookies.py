"""Cookies outlive an upgrade and count on every machine: two programs in two languages, and frozen vectors, say so."""

import os
import random
import subprocess
from pathlib import Path

from model import cookie

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("LIMPET_TOOLS", ROOT / "build" / "tools")) / "cookie_tool"
VECTORS = ROOT / "tests" / "vectors" / "cookie.tsv"

NOW = 1800000000
LIFETIME = 86400
ONE, TWO = bytes(range(32)), bytes.fromhex("ff" * 32)
CLIENTS = {"-": None, "unix": "", "203.0.113.9": "203.0.113.9", "2001:db8::1": "2001:db8::1"}


def ask_tool(tasks):
    lines = "".join("\t".join(map(str, task)) + "\n" for task in tasks)
    done = subprocess.run([TOOL], input=lines.encode(), capture_output=True, check=True)
    return done.stdout.decode().splitlines()


def hexed(secrets):
    return ",".join(secret.hex() for secret in secrets)


def open_both(secrets, pool, name, client, texts, lifetime=LIFETIME, now=NOW):
    """What the program says, once the model has said the same."""
    tasks = [("open", hexed(secrets), pool, name, client, lifetime, now, text) for text in texts]
    answers = ask_tool(tasks)
    for text, answer in zip(texts, answers, strict=True):
        verdict, server, issued = cookie.open_cookie(secrets, pool.encode(), name.encode(), CLIENTS[client], text,
                                                     lifetime, now)
        expected = verdict if server is None else f"{verdict}\t{server.decode()}\t{issued}"
        assert answer == expected, text
    return answers


def scopes(count):
    source = random.Random(4)
    for _ in range(count):
        pool = "".join(source.choices("abcdefgh-", k=source.randrange(1, 40)))
        server = "".join(source.choices("abcdefgh:.0123456789", k=source.randrange(1, 128)))
        yield pool, source.choice(["limpet", "__Host-home", "x"]), source.choice(list(CLIENTS)), server


def test_the_model_keeps_to_the_published_vectors():
    """draft-irtf-cfrg-xchacha-03 A.3.1, RFC 8439 section 2.5.2."""
    plain = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
             b"would be it.")
    sealed = cookie.encrypt(bytes(range(0x80, 0xa0)), bytes(range(0x40, 0x58)),
                            bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), plain)
    assert sealed[:16].hex() == "bd6d179d3e83d43b9576579493c0e939"
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    assert cookie.poly_1305(key, b"Cryptographic Forum Research Group").hex() == "a8061dc1305136c6c22b8baf0c0127a9"


def test_the_model_opens_what_limpet_seals():
    for pool, name, client, server in scopes(100):
        (text,) = ask_tool([("seal", hexed([ONE, TWO]), pool, name, client, NOW, server)])
        assert open_both([ONE, TWO], pool, name, client, [text]) == [f"fresh\t{server}\t{NOW}"]
        assert open_both([TWO, ONE], pool, name, client, [text]) == [f"old-key\t{server}\t{NOW}"]


def test_limpet_opens_what_the_model_seals():
    source = random.Random(5)
    for pool, name, client, server in scopes(100):
        text = cookie.seal(ONE, source.randbytes(24), pool.encode(), name.encode(), CLIENTS[client], NOW, server.encode())
        assert open_both([ONE], pool, name, client, [text]) == [f"fresh\t{server}\t{NOW}"]


def test_both_refuse_what_was_changed():
    source = random.Random(6)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. "
    text = cookie.seal(ONE, bytes(range(24)), b"app", b"limpet", None, NOW, b"a")
    changed = []
    for _ in range(300):
        place = source.randrange(len(text))
        changed.append(text[:place] + source.choice(letters) + text[place + source.randrange(3):])
    changed = [other for other in changed if other != text]
    assert set(open_both([ONE], "app", "limpet", "-", changed)) == {"bad"}


def test_both_refuse_contents_that_limpet_never_writes():
    """Sealed with the right key all the same: a name of no bytes, of more than there are, of more than are allowed."""
    def sealed(content):
        data = cookie.encrypt(cookie.derive(ONE), bytes(24), cookie.associated_data(b"app", b"limpet", None), content)
        return cookie.base64.urlsafe_b64encode(b"\x01" + bytes(24) + data).decode().rstrip("=")

    issued = NOW.to_bytes(6, "big")
    bad = [sealed(issued + bytes([length]) + bytes(25)) for length in (0, 26, 127, 128, 255)]
    bad += [sealed(issued + b"\x80" + bytes(153)), sealed(issued + b"\x01a"), sealed(bytes(192))]
    assert set(open_both([ONE], "app", "limpet", "-", bad)) == {"bad"}
    assert open_both([ONE], "app", "limpet", "-", [sealed(issued + b"\x01a" + bytes(24))]) == [f"fresh\ta\t{NOW}"]


def test_both_know_when_time_has_run_out():
    text = cookie.seal(ONE, bytes(24), b"app", b"limpet", None, NOW, b"a")
    for now, verdict in [(NOW - 301, "expired"), (NOW - 300, "fresh"), (NOW + LIFETIME, "fresh"),
                         (NOW + LIFETIME + 1, "expired")]:
        (answer,) = open_both([ONE], "app", "limpet", "-", [text], now=now)
        assert answer.split("\t")[0] == verdict, now


def test_both_agree_on_the_frozen_vectors():
    rows = [line.split("\t") for line in VECTORS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 10
    for secret, nonce, pool, name, client, issued, server, text in rows[1:]:
        again = cookie.seal(bytes.fromhex(secret), bytes.fromhex(nonce), pool.encode(), name.encode(), CLIENTS[client],
                            int(issued), server.encode())
        assert again == text
        assert open_both([bytes.fromhex(secret)], pool, name, client, [text], now=int(issued)) == [
            f"fresh\t{server}\t{issued}"]
