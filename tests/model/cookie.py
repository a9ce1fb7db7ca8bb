#!/usr/bin/python3
"""The affinity cookie once more, written from its description in src/seal/cookie.h and from nothing else.

BLAKE2b comes from hashlib; XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha) is done here. Run as a program it prints
tests/vectors/cookie.tsv, which is frozen: if it would change, every client would lose its cookie at an upgrade.
"""
import base64
import hashlib
import hmac
import ipaddress
import struct
import sys

MASK = 0xFFFFFFFF
VERSION = 1
SKEW = 300
FRAME_SIZE = 1 + 24 + 16
STEP = 32
SERVER_MOST = 127

FRESH, OLD_KEY, BAD, EXPIRED = "fresh", "old-key", "bad", "expired"


def _rotate(x, n):
    return (x << n | x >> 32 - n) & MASK


def _quarter(s, a, b, c, d):
    s[a] = s[a] + s[b] & MASK
    s[d] = _rotate(s[d] ^ s[a], 16)
    s[c] = s[c] + s[d] & MASK
    s[b] = _rotate(s[b] ^ s[c], 12)
    s[a] = s[a] + s[b] & MASK
    s[d] = _rotate(s[d] ^ s[a], 8)
    s[c] = s[c] + s[d] & MASK
    s[b] = _rotate(s[b] ^ s[c], 7)


def _rounds(words):
    state = list(words)
    for _ in range(10):
        for column in range(4):
            _quarter(state, column, 4 + column, 8 + column, 12 + column)
        for diagonal in range(4):
            _quarter(state, diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4)
    return state


def _state(key, sixteen):
    return struct.unpack("<16I", b"expand 32-byte k" + key + sixteen)


def h_cha_cha_20(key, sixteen):
    """A subkey of 32 bytes (draft-irtf-cfrg-xchacha section 2.2)."""
    state = _rounds(_state(key, sixteen))
    return struct.pack("<8I", *state[:4], *state[12:])


def cha_cha_20(key, counter, nonce, text):
    """Nonce of 12 bytes (RFC 8439 section 2.4)."""
    out = bytearray()
    for block, start in enumerate(range(0, len(text), 64), counter):
        words = _state(key, struct.pack("<I", block) + nonce)
        stream = struct.pack("<16I", *(a + b & MASK for a, b in zip(words, _rounds(words))))
        out += bytes(a ^ b for a, b in zip(text[start:start + 64], stream))
    return bytes(out)


def poly_1305(key, message):
    """RFC 8439 section 2.5."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for start in range(0, len(message), 16):
        block = message[start:start + 16] + b"\x01"
        total = (total + int.from_bytes(block, "little")) * r % ((1 << 130) - 5)
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")


def _tag(key, nonce, associated, sealed):
    def padded(part):
        return part + bytes(-len(part) % 16)
    once = cha_cha_20(key, 0, nonce, bytes(32))
    return poly_1305(once, padded(associated) + padded(sealed) + struct.pack("<QQ", len(associated), len(sealed)))


def _inner(key, nonce):
    return h_cha_cha_20(key, nonce[:16]), bytes(4) + nonce[16:]


def encrypt(key, nonce, associated, plain):
    """XChaCha20-Poly1305: sealed bytes with their tag behind them."""
    key, nonce = _inner(key, nonce)
    sealed = cha_cha_20(key, 1, nonce, plain)
    return sealed + _tag(key, nonce, associated, sealed)


def decrypt(key, nonce, associated, sealed):
    """The plain bytes, or None."""
    key, nonce = _inner(key, nonce)
    sealed, tag = sealed[:-16], sealed[-16:]
    if not hmac.compare_digest(tag, _tag(key, nonce, associated, sealed)):
        return None
    return cha_cha_20(key, 1, nonce, sealed)


def derive(secret, context=b"lmpcooki"):
    """crypto_kdf of libsodium for id 1: BLAKE2b of nothing, keyed, the id as salt and the context as person."""
    return hashlib.blake2b(b"", digest_size=32, key=secret, salt=struct.pack("<Q", 1) + bytes(8),
                           person=context + bytes(8)).digest()


def client_bytes(client):
    """What binds to a client: None to nobody, "" to one without an address, else a text such as 203.0.113.9."""
    if client is None:
        return b"\0"
    if client == "":
        return b"\2"
    address = ipaddress.ip_address(client)
    return b"\1" + (bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed)


def associated_data(pool, name, client):
    return bytes([VERSION, len(pool)]) + pool + bytes([len(name)]) + name + client_bytes(client)


def seal(secret, nonce, pool, name, client, issued, server):
    """The text of a cookie. Names and secret are bytes, `issued` counts whole seconds."""
    content = issued.to_bytes(6, "big") + bytes([len(server)]) + server
    content += bytes(-len(content) % STEP)
    sealed = encrypt(derive(secret), nonce, associated_data(pool, name, client), content)
    return base64.urlsafe_b64encode(bytes([VERSION]) + nonce + sealed).decode().rstrip("=")


def decode(text):
    """The bytes behind a text, or None: of each cookie there is one text alone."""
    try:
        cookie = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return cookie if base64.urlsafe_b64encode(cookie).decode().rstrip("=") == text else None


def open_cookie(secrets, pool, name, client, text, lifetime, now):
    """A verdict, and the server with the time of issue if it is FRESH or OLD_KEY."""
    cookie = decode(text)
    if (cookie is None or len(cookie) <= FRAME_SIZE or (len(cookie) - FRAME_SIZE) % STEP or cookie[0] != VERSION):
        return BAD, None, None
    for place, secret in enumerate(secrets):
        content = decrypt(derive(secret), cookie[1:25], associated_data(pool, name, client), cookie[25:])
        if content is not None:
            break
    else:
        return BAD, None, None
    issued, length = int.from_bytes(content[:6], "big"), content[6]
    if not 0 < length <= min(SERVER_MOST, len(content) - 7):
        return BAD, None, None
    if issued > now + SKEW or now - issued > lifetime:
        return EXPIRED, None, None
    return (OLD_KEY if place else FRESH), content[7:7 + length], issued


VECTOR_COLUMNS = ["secret", "nonce", "pool", "name", "client", "issued", "server", "cookie"]

_ONE, _TWO = bytes(range(32)), bytes.fromhex("ff" * 32)

VECTOR_SETS = [
    (_ONE, bytes(24), "app", "limpet", None, 1800000000, "a"),
    (_ONE, bytes(range(24)), "app", "limpet", None, 1800000000, "10.0.0.11:3000"),
    (_TWO, bytes(range(24)), "app", "limpet", None, 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "chat", "limpet", None, 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "app", "__Host-home", None, 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "app", "limpet", "203.0.113.9", 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "app", "limpet", "2001:db8::1", 1800000000, "10.0.0.11:3000"),
    (_ONE, bytes(range(24)), "app", "limpet", "", 1800000000, "unix:/run/app.sock"),
    (_ONE, bytes(range(24)), "app", "limpet", None, 0, "exactly twenty-five lette"),
    (_ONE, bytes(range(24)), "app", "limpet", None, 1, "exactly twenty-six letters"),
    (_ONE, bytes(range(24)), "p" * 255, "c" * 255, None, 4102444800, "s" * 127),
    (_ONE, bytes(range(24)), "caf\u00e9", "limpet", None, 1800000000, "\u00e9\u00e8"),
]


def vectors():
    yield "\t".join(VECTOR_COLUMNS)
    for secret, nonce, pool, name, client, issued, server in VECTOR_SETS:
        cookie = seal(secret, nonce, pool.encode(), name.encode(), client, issued, server.encode())
        who = {None: "-", "": "unix"}.get(client, client)
        yield "\t".join([secret.hex(), nonce.hex(), pool, name, who, str(issued), server, cookie])


if __name__ == "__main__":
    sys.stdout.write("\n".join(vectors()) + "\n")
