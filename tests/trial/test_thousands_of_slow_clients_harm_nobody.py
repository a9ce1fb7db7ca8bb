"""Clients that send a byte now and then must cost nothing but a little memory, and be gone at the deadline."""

import resource
import socket
import time

import pytest

from support import proc
from support.client import who_answers
from support.proc import wait_until

SLOW = 8000


@pytest.mark.timeout(300)
def test_thousands_of_slow_clients_harm_nobody(limpet, server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < SLOW + 500:
        pytest.skip(f"needs {SLOW + 500} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    proxy = limpet([server("a")], key="header:X-User", timeouts={"first-bytes": "12s"}, pool={"no-key": "end"},
                   log={"access": "off"})
    user = {"X-User": "ann"}
    for _ in range(200):
        who_answers(proxy, headers=user)
    before = proc.memory(proxy.engine)
    slow = []
    host, port = proxy.address.split(":")
    try:
        for number in range(SLOW):
            one = socket.create_connection((host, int(port)), source_address=(f"127.4.{number // 4000}.1", 0))
            one.send(b"G")
            slow.append(one)
        each = (proc.memory(proxy.engine) - before) / SLOW
        took = []
        for _ in range(100):
            at = time.monotonic()
            assert who_answers(proxy, headers=user) == "a"
            took.append(time.monotonic() - at)
        print(f"{each:.0f} bytes each; the others wait {sorted(took)[98] * 1e3:.1f} ms at most (p99)")
        assert each <= 1024
        assert sorted(took)[98] < 0.1
        assert wait_until(lambda: proc.descriptors(proxy.engine) < 200, 14), "they are not gone at the deadline"
    finally:
        for one in slow:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
