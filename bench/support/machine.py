"""Where figures come from: they mean little without the machine, the kernel and the versions."""

import os
import platform
import re
import subprocess
import time

from support import cpu, network
from support.processes import installed


def describe():
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": _first(r"^model name\s*: (.*)$", "/proc/cpuinfo"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "congestion": network.congestion_control(),
        "libc": " ".join(platform.libc_ver()),
    }


def version(words, pattern=r"(\d+\.\d+[\w.+-]*)"):
    """The first thing that looks like a version in what a program says of itself."""
    out = subprocess.run([installed(words[0]), *words[1:]], capture_output=True, text=True, check=False)
    found = re.search(pattern, out.stdout + out.stderr)
    return found.group(1) if found else "unknown"


def busy_share(seconds=1.0):
    """How much of the machine is in use already, 0 to 1."""
    before, _ = cpu.busy()
    time.sleep(seconds)
    after, _ = cpu.busy()
    return max(0.0, (after - before) / (seconds * os.cpu_count()))


def _first(pattern, path):
    with open(path) as f:
        found = re.search(pattern, f.read(), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"
