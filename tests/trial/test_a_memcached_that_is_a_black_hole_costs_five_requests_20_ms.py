"""Requests with keys that nobody knows, one after the other and in turn: to a limpet that remembers nothing, and to one whose memcached
takes everything and says nothing. The latter waits five times."""

import time

import pytest

from support import metrics
from support.alternation import addresses
from support.client import Client
from support.limpet import configuration
from support.meddler import Meddler
from support.memcached import Memcached
from support.names import NamedServers
from support.ports import free_port
from support.wire import request

COUNT = 4000


class _Line:
    def __init__(self, proxy):
        self.client = Client(proxy)

    def took(self, user):
        """Milliseconds until the answer is there."""
        data, begun = request(headers={"X-Forwarded-For": user}), time.perf_counter()
        self.client.send(data)
        answer = self.client.read()
        took = (time.perf_counter() - begun) * 1e3
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return took


def _share(times, share):
    return sorted(times)[int(share * (len(times) - 1))]


def _in_turn(lines, users):
    """Milliseconds of each line: they meet with the same weather."""
    times = [[line.took(user) for line in lines] for user in users]
    return [list(column) for column in zip(*times)]


@pytest.mark.timeout(300)
def test_new_keys(start, folder, keep):
    secret = folder / "secret"
    secret.write_text("00112233445566778899aabbccddeeff" * 2 + "\n")
    secret.chmod(0o600)
    servers, between = keep(NamedServers("abc")).servers, keep(Meddler(keep(Memcached())))
    common = {"key": "client", "listener": {"mode": "http", "trust": "loopback"}, "log": {"access": "off"}, "threads": 2}
    shown = f"127.0.0.1:{free_port()}"
    without = start(configuration(servers, **common))
    shared = start(configuration(servers, pool={"stick": {"table": "memcached", "for": "1h"}}, memcached=[between.address],
                                 secret=str(secret), metrics=shown, **common))
    lines = [_Line(without), _Line(shared)]
    users = addresses("10.1", COUNT)
    for what, keys in (("new keys", users), ("known keys", users)):
        plain, pinned = _in_turn(lines, keys)
        print(f"memcached answers, {what}: p50 {_share(plain, 0.5):.3f} without, {_share(pinned, 0.5):.3f} with; "
              f"p99 {_share(plain, 0.99):.2f} without, {_share(pinned, 0.99):.2f} with, in ms")
    between.set("hole")
    before = metrics.read(shown)("limpet_pin_failures_total")
    plain, pinned = _in_turn(lines, addresses("10.2", COUNT))
    failures = metrics.read(shown)("limpet_pin_failures_total") - before
    print(f"memcached is a black hole: the first ten {[round(took, 1) for took in pinned[:10]]}; then "
          f"p50 {_share(plain, 0.5):.3f} without, {_share(pinned[5:], 0.5):.3f} with; p99 {_share(plain, 0.99):.2f} without, "
          f"{_share(pinned[5:], 0.99):.2f} with, in ms; {failures:.0f} questions in {COUNT} requests")
    assert max(pinned[:5]) <= 20 + 2 + max(plain)
    assert sum(took > 15 for took in pinned) - sum(took > 15 for took in plain) <= 5 + COUNT / 1000
    assert _share(pinned[5:], 0.99) <= 1.5 * _share(plain, 0.99) + 1
    assert failures <= 12
