"""System calls of processes, counted one by one with strace."""

import os
import re
import signal
import subprocess
import tempfile
import time

from support.processes import installed


def counted(pids, work):
    """Calls by name that the processes made while work() ran."""
    with tempfile.NamedTemporaryFile("r") as table:
        words = [installed("strace"), "-f", "-c", "-o", table.name]
        strace = subprocess.Popen(words + [w for pid in pids for w in ("-p", str(pid))], stderr=subprocess.DEVNULL)
        try:
            _wait_until_traced(pids, strace)
            work()
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait()
        return _read(table.read())


def _wait_until_traced(pids, strace):
    deadline = time.monotonic() + 5
    while not all(map(_is_traced, pids)):
        if strace.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("strace could not attach; may this user trace? (kernel.yama.ptrace_scope)")
        time.sleep(0.02)


def _is_traced(pid):
    def tracer(task):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            return re.search(r"^TracerPid:\t(\d+)$", f.read(), re.MULTILINE).group(1)

    return all(tracer(task) != "0" for task in os.listdir(f"/proc/{pid}/task"))


def _read(text):
    """Lines such as " 41.84    0.097683          25      3852       100 close"; the errors may be missing."""
    lines = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w*)$", text, re.MULTILINE)
    return {name: int(count) for count, name in lines if name != "total"}
