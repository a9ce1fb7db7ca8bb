#!/usr/bin/python3
"""A pin in memcached once more, written from its description in src/seal/pin.h and from nothing else.

XChaCha20-Poly1305 is the cookie's. Run as a program it prints tests/vectors/pin.tsv, which is frozen: if it would change,
frontends of two versions could not share a memcached.
"""
import hashlib
import struct
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from model import cookie  # noqa: E402

MASK = 0xFFFFFFFFFFFFFFFF
VERSION = 1
MOST = cookie.FRAME_SIZE + 160  # time, length and the longest name, up to the next multiple of 32
KINDS = {"address": 1, "text": 2, "session": 3}


def _round(v0, v1, v2, v3):
    v0 = (v0 + v1) & MASK
    v1 = (v1 << 13 & MASK | v1 >> 51) ^ v0
    v0 = v0 << 32 & MASK | v0 >> 32
    v2 = (v2 + v3) & MASK
    v3 = (v3 << 16 & MASK | v3 >> 48) ^ v2
    v0 = (v0 + v3) & MASK
    v3 = (v3 << 21 & MASK | v3 >> 43) ^ v0
    v2 = (v2 + v1) & MASK
    v1 = (v1 << 17 & MASK | v1 >> 47) ^ v2
    return v0, v1, v2 << 32 & MASK | v2 >> 32, v3


def _rounds(count, state):
    for _ in range(count):
        state = _round(*state)
    return state


def sip_hash_2_4_128(key, message):
    """SipHash-2-4 with a digest of 128 bits (reference implementation, OUTLEN 16)."""
    k0, k1 = struct.unpack("<QQ", key)
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _rounds(2, (v0, v1, v2, v3 ^ word))
        state = v0 ^ word, v1, v2, v3
    v0, v1, v2, v3 = state
    first = _rounds(4, (v0, v1, v2 ^ 0xEE, v3))
    v0, v1, v2, v3 = first
    second = _rounds(4, (v0, v1 ^ 0xDD, v2, v3))
    return b"".join(struct.pack("<Q", a ^ b ^ c ^ d) for a, b, c, d in (first, second))


def pin_key(seed):
    master = hashlib.blake2b(seed, digest_size=32).digest()
    return hashlib.blake2b(b"", digest_size=16, key=master, salt=struct.pack("<Q", 3) + bytes(8),
                           person=b"limpetpn" + bytes(8)).digest()


def name(seed, pool, kind, what):
    """Under which key a pin is stored. Everything but the kind is bytes."""
    message = struct.pack("<H", len(pool)) + pool + bytes([KINDS[kind]]) + what
    return b"limpet:" + sip_hash_2_4_128(pin_key(seed), message).hex().encode()


def _binding(pool, key):
    return bytes([VERSION, len(pool)]) + pool + bytes([len(key)]) + key


def _key(secret):
    return cookie.derive(secret, b"lmppinpi")


def seal(secret, nonce, pool, key, made, server):
    """A value. Names and secret are bytes, `made` counts whole seconds; no server: the key was unpinned."""
    content = made.to_bytes(6, "big") + bytes([len(server)]) + server
    content += bytes(-len(content) % cookie.STEP)
    return bytes([VERSION]) + nonce + cookie.encrypt(_key(secret), nonce, _binding(pool, key), content)


def open_pin(secrets, pool, key, value):
    """The server and when the pin was made, or None."""
    if not cookie.FRAME_SIZE < len(value) <= MOST or (len(value) - cookie.FRAME_SIZE) % cookie.STEP or value[0] != VERSION:
        return None
    contents = (cookie.decrypt(_key(secret), value[1:25], _binding(pool, key), value[25:]) for secret in secrets)
    content = next((content for content in contents if content is not None), None)
    if content is None or not content[6] <= min(cookie.SERVER_MOST, len(content) - 7):
        return None
    return content[7:7 + content[6]], int.from_bytes(content[:6], "big")


VECTOR_COLUMNS = ["secret", "nonce", "seed", "pool", "kind", "what", "key", "made", "server", "value"]

_ONE, _TWO = bytes(range(32)), bytes.fromhex("ff" * 32)

VECTOR_SETS = [
    (_ONE, bytes(24), "tests", "app", "text", b"ann", 1800000000, "a"),
    (_ONE, bytes(range(24)), "tests", "app", "text", b"ann", 1800000000, "10.0.0.11:3000"),
    (_TWO, bytes(range(24)), "tests", "app", "text", b"ann", 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "prod-eu", "app", "text", b"ann", 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "tests", "chat", "text", b"ann", 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "tests", "app", "session", b"ann", 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "tests", "app", "address", bytes(10) + b"\xff\xff\xcb\x00\x71\x09", 1800000000, "a"),
    (_ONE, bytes(range(24)), "tests", "app", "text", bytes(range(256)), 1800000000, "unix:/run/app.sock"),
    (_ONE, bytes(range(24)), "tests", "app", "session", b"x" * 3000, 1800000000, "a"),
    (_ONE, bytes(range(24)), "tests", "app", "text", b"bob", 1800000000, ""),
    (_ONE, bytes(range(24)), "tests", "app", "text", b"bob", 0, "exactly twenty-five lette"),
    (_ONE, bytes(range(24)), "tests", "app", "text", b"bob", 1, "exactly twenty-six letters"),
    (_ONE, bytes(range(24)), "tests", "p" * 255, "text", b"bob", 4102444800, "s" * 127),
    (_ONE, bytes(range(24)), "caf\u00e9", "caf\u00e9", "text", "\u00e9".encode(), 1800000000, "\u00e9\u00e8"),
]


def vectors():
    yield "\t".join(VECTOR_COLUMNS)
    for secret, nonce, seed, pool, kind, what, made, server in VECTOR_SETS:
        key = name(seed.encode(), pool.encode(), kind, what)
        value = seal(secret, nonce, pool.encode(), key, made, server.encode())
        yield "\t".join([secret.hex(), nonce.hex(), seed, pool, kind, what.hex(), key.decode(), str(made), server,
                         value.hex()])


if __name__ == "__main__":
    sys.stdout.write("\n".join(vectors()) + "\n")
