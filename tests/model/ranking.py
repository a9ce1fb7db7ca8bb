#!/usr/bin/python3
"""The ranking once more, written from its description in src/algo/rank.h and from nothing else.

BLAKE2b comes from hashlib; SipHash-2-4 and the logarithm are done here. Run as a program it prints
tests/vectors/ranking.tsv, which is frozen: if it would change, every client of every limpet would move.
"""
import decimal
import functools
import hashlib
import struct
import sys

MASK = 0xFFFFFFFFFFFFFFFF
FRACTION_BITS = 56
LOG_STEPS = 1024
MESSAGE_MOST = 16384 + 1

TAG_ADDRESS = 1
TAG_TEXT = 2


def sip_hash_2_4(key, message):
    """SipHash-2-4 (Aumasson and Bernstein, 2012), the digest as a number."""
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 0xFF])
    words = struct.unpack(f"<{len(padded) // 8}Q", padded)
    for word, rounds in [(word, 2) for word in words] + [(None, 4)]:
        if word is None:
            v2 ^= 0xFF
        else:
            v3 ^= word
        for _ in range(rounds):
            v0 = (v0 + v1) & MASK
            v1 = (v1 << 13 & MASK | v1 >> 51) ^ v0
            v0 = v0 << 32 & MASK | v0 >> 32
            v2 = (v2 + v3) & MASK
            v3 = (v3 << 16 & MASK | v3 >> 48) ^ v2
            v0 = (v0 + v3) & MASK
            v3 = (v3 << 21 & MASK | v3 >> 43) ^ v0
            v2 = (v2 + v1) & MASK
            v1 = (v1 << 17 & MASK | v1 >> 47) ^ v2
            v2 = v2 << 32 & MASK | v2 >> 32
        if word is not None:
            v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def derive(master, number, context):
    """What libsodium calls crypto_kdf: BLAKE2b of nothing, keyed, with the number as salt and the context as person."""
    salt = struct.pack("<Q", number) + bytes(8)
    return hashlib.blake2b(b"", digest_size=16, key=master, salt=salt, person=context + bytes(8)).digest()


@functools.lru_cache(maxsize=None)
def log_table():
    with decimal.localcontext() as context:
        context.prec = 50
        two = decimal.Decimal(2).ln()
        exact = [(decimal.Decimal(LOG_STEPS + i) / LOG_STEPS).ln() / two for i in range(LOG_STEPS + 1)]
        return [int((value * 2**FRACTION_BITS).to_integral_value()) for value in exact]


def distance_of(draw):
    """-log2((draw + 1) / 2^64) in 1/2^56, straight lines between 1,024 steps."""
    x = draw + 1
    exponent = x.bit_length() - 1
    table = log_table()
    # x / 2^exponent - 1 is the fraction, of which `exponent` bits are known.
    step, rest = divmod((x - (1 << exponent)) * LOG_STEPS, 1 << exponent)
    rise = table[step + 1] - table[step] if step < LOG_STEPS else 0
    log2 = (exponent << FRACTION_BITS) + table[step] + rise * rest // (1 << exponent)
    return max(1, (64 << FRACTION_BITS) - log2)


class Ranking:
    def __init__(self, seed, pool, servers):
        """Seed and pool are bytes; servers are pairs of a name (bytes) and a weight."""
        master = hashlib.blake2b(seed, digest_size=32).digest()
        self.rank_key = derive(master, 1, b"limpetrk")
        self.log_key = derive(master, 2, b"limpetlg")
        self.servers = [(name, weight, self.identity(pool, name)) for name, weight in servers]

    def identity(self, pool, name):
        return sip_hash_2_4(self.rank_key, (b"\0" + pool + b"\0" + name)[:MESSAGE_MOST])

    def key_hash(self, tag, key):
        return sip_hash_2_4(self.rank_key, (bytes([tag]) + key)[:MESSAGE_MOST])

    def log_hash(self, tag, key):
        return sip_hash_2_4(self.log_key, (bytes([tag]) + key)[:MESSAGE_MOST]) & 0xFFFFFFFF

    def order(self, key_hash):
        """Pairs of a name and its distance, best first."""
        entries = []
        for name, weight, identity in self.servers:
            draw = sip_hash_2_4(self.rank_key, struct.pack("<QQ", key_hash, identity))
            entries.append((name, weight, distance_of(draw)))

        def compare(a, b):
            ours, theirs = a[1] * b[2], b[1] * a[2]
            if ours != theirs:
                return -1 if ours > theirs else 1
            return -1 if a[0] < b[0] else 1

        entries.sort(key=functools.cmp_to_key(compare))
        return [(name, distance) for name, _, distance in entries]


def address(text):
    """An IPv4 address as key bytes: 16 bytes, IPv4-mapped."""
    return bytes(10) + b"\xff\xff" + bytes(int(part) for part in text.split("."))


VECTOR_COLUMNS = ["seed", "pool", "servers", "tag", "key", "key_hash", "log_hash", "ranking"]

VECTOR_SETS = [
    ("", "app", [("a", 1)], [(TAG_TEXT, b""), (TAG_TEXT, b"x")]),
    ("", "app", [("a", 1), ("b", 1), ("c", 1)],
     [(TAG_ADDRESS, address("203.0.113.9")), (TAG_ADDRESS, address("203.0.113.10")), (TAG_TEXT, b"alice"),
      (TAG_TEXT, address("203.0.113.9"))]),
    ("prod-eu", "app", [("a", 1), ("b", 2), ("c", 4)],
     [(TAG_ADDRESS, address("203.0.113.9")), (TAG_ADDRESS, bytes.fromhex("20010db8000000000000000000000001")),
      (TAG_TEXT, b"alice"), (TAG_TEXT, bytes(range(256)))]),
    ("prod-eu", "app", [("c", 4), ("a", 1), ("b", 2)], [(TAG_TEXT, b"alice")]),
    ("prod-eu", "app", [("a", 1), ("b", 2), ("c", 4), ("d", 256)], [(TAG_TEXT, b"alice"), (TAG_TEXT, b"bob")]),
    ("prod-eu", "other", [("a", 1), ("b", 2), ("c", 4)], [(TAG_TEXT, b"alice")]),
    ("a longer seed than the sixty-four bytes of a block, to see that all of it counts: \u00e9\u00e8", "game",
     [("10.0.0.21:7000", 1), ("[2001:db8::22]:7000", 1), ("unix:/run/game.sock", 3)],
     [(TAG_ADDRESS, address("198.51.100.1")), (TAG_TEXT, b"\x00"), (TAG_TEXT, b"z" * 1000)]),
    ("many", "app", [(f"s{i}", 1 + i % 5) for i in range(20)], [(TAG_TEXT, b"key %d" % i) for i in range(5)]),
]


def vectors():
    yield "\t".join(VECTOR_COLUMNS)
    for seed, pool, servers, keys in VECTOR_SETS:
        ranking = Ranking(seed.encode(), pool.encode(), [(name.encode(), weight) for name, weight in servers])
        for tag, key in keys:
            key_hash = ranking.key_hash(tag, key)
            yield "\t".join([
                seed, pool, " ".join(f"{name}={weight}" for name, weight in servers), str(tag), key.hex(),
                f"{key_hash:016x}", f"{ranking.log_hash(tag, key):08x}",
                " ".join(f"{name.decode()}={distance}" for name, distance in ranking.order(key_hash)),
            ])


if __name__ == "__main__":
    sys.stdout.write("\n".join(vectors()) + "\n")
