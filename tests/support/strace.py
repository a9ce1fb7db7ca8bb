"""Faults and delays put into the system calls of a process that is running already."""

import shutil
import subprocess

from support.proc import wait_until

MAY_TRACE = bool(shutil.which("strace")) and subprocess.run(
    ["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


class Strace:
    """From the start until stop(), this one process (not its children) has `fault`, as in strace's -e inject=..."""

    def __init__(self, pid, fault):
        call = fault.split(":")[0]
        self.process = subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={call}", "-e", f"inject={fault}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: _is_traced(pid) or self.process.poll() is not None)
        assert self.process.poll() is None, "strace cannot attach"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def _is_traced(pid):
    with open(f"/proc/{pid}/status") as file:
        return any(line.split() != ["TracerPid:", "0"] for line in file if line.startswith("TracerPid:"))
