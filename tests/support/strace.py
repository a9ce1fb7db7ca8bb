"""Faults and delays put into the system calls of a process that is running already."""

import os
import shutil
import subprocess

from support.proc import wait_until

MAY_TRACE = bool(shutil.which("strace")) and subprocess.run(
    ["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


class Strace:
    """From the start until stop(), the threads that this process has (not its children) have `fault`, as in strace's
    -e inject=..."""

    def __init__(self, pid, fault):
        call = fault.split(":")[0]
        threads = os.listdir(f"/proc/{pid}/task")
        self.process = subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-p", ",".join(threads), "-e", f"trace={call}", "-e",
             f"inject={fault}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: all(map(_is_traced, threads)) or self.process.poll() is not None)
        assert self.process.poll() is None, "strace cannot attach"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def _is_traced(thread):
    with open(f"/proc/{thread}/status") as file:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in file)
