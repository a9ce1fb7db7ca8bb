"""Faults and delays put into the system calls of a process that is running already."""

import os
import shutil
import subprocess

from support.proc import wait_until

MAY_TRACE = bool(shutil.which("strace")) and subprocess.run(
    ["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


class Strace:
    """From the start until stop(), all threads of this one process have `fault`, as in strace's -e inject=..."""

    def __init__(self, pid, fault):
        call = fault.split(":")[0]
        self.process = subprocess.Popen(
            ["strace", "-qq", "-f", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={call}", "-e", f"inject={fault}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: _is_traced(pid) or self.process.poll() is not None)
        assert self.process.poll() is None, "strace cannot attach"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def _is_traced(pid):
    return all(_has_tracer(f"/proc/{pid}/task/{thread}/status") for thread in os.listdir(f"/proc/{pid}/task"))


def _has_tracer(status):
    with open(status) as file:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in file)
