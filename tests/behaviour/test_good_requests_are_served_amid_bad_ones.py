"""Hostile clients and broken servers at random, for three seconds (a minute, as a trial): good clients of a good server
notice nothing, and in the end nothing is left behind."""

import time

from support import proc
from support.chaos import Broken, Chaos
from support.http_servers import HonestServer
from support.limpet import room_for_growth
from support.proc import wait_until


def try_for(seconds, http_proxy, keep):
    good, bad = keep(HonestServer("good")), keep(Broken("bad"))
    times = {"head": "500ms", "answer": "500ms", "idle": "2s", "tunnel": "300ms"}
    proxy = http_proxy([good, bad], key="header:X-User", timeouts=times, log={"access": "off"})
    before, memory = proc.sockets(proxy.engine), proc.memory(proxy.engine)
    chaos = keep(Chaos(proxy, 4, 12))
    time.sleep(seconds)
    chaos.stop()
    print(dict(chaos.outcomes))
    assert chaos.wrong == []
    assert chaos.outcomes["good"] > 50 * seconds and len(chaos.outcomes) > 5
    assert not good.new_complaints()
    good.stop()
    bad.hang_up()
    assert wait_until(lambda: proc.sockets(proxy.engine) <= before, 5), proc.sockets(proxy.engine) - before
    used = proc.cpu_seconds(proxy.engine)
    time.sleep(0.5)
    assert proc.cpu_seconds(proxy.engine) - used < 0.02
    assert proc.memory(proxy.engine) - memory < room_for_growth()


def test_for_three_seconds(http_proxy, keep):
    try_for(3, http_proxy, keep)
