"""Waits are counted on a clock that only goes forward; the wall clock is printed and nothing else."""

import os
import shutil
import subprocess
import time

import pytest

from support.client import Client
from support.servers import echoes


def _can_have_its_own_time():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-T", "--boottime=1", "--monotonic=1", "true"],
                                                capture_output=True).returncode == 0


@pytest.mark.plain
@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
@pytest.mark.parametrize("jump", ["+3600", "-3600", "+315360000"])
def test_the_wall_clock_may_jump_while_connections_are_open(limpet, server, folder, jump):
    clock = folder / "clock"
    clock.write_text("+0")
    clock.chmod(0o644)
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    if not os.path.exists(library):
        pytest.skip("libfaketimeMT is elsewhere")
    proxy = limpet([server("a", echoes)], timeouts={"idle": "1500ms"}, env={
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        clock.write_text(jump)
        time.sleep(0.8)
        assert client.send(b"still here").read_exactly(10) == b"still here"
        start = time.monotonic()
        assert client.read() == b""
        assert 1.2 < time.monotonic() - start < 3
    visit = proxy.visit()
    assert visit["reason"] == "idle_timeout"
    assert 2000 < visit["total_ms"] < 6000


@pytest.mark.skipif(not _can_have_its_own_time(), reason="a time namespace of one's own needs root")
def test_a_machine_that_runs_for_years_is_no_different(limpet, server):
    years = 10 * 365 * 86400
    proxy = limpet([server("a", echoes)], timeouts={"idle": "600ms"}, wrapper=[
        "unshare", "-T", f"--boottime={years}", f"--monotonic={years}"])
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        start = time.monotonic()
        assert client.read() == b""
        assert 0.4 < time.monotonic() - start < 2
    assert proxy.visit()["reason"] == "idle_timeout"
