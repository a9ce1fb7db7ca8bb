"""Descriptors that are under way in Unix sockets, which the kernel counts for each user.

usage, as a program: in_flight.py COUNT: has so many under way until it is ended; says "ready" when they are."""

import array
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

_EACH = 250  # descriptors in a message


class InFlight:
    """As the user of this process, `pid`, whoever we are."""

    def __init__(self, pid, count):
        owner = os.stat(f"/proc/{pid}")
        # He may not be allowed to read this file.
        command = [sys.executable, "-B", "-c", Path(__file__).read_text(), str(count)]
        if os.geteuid() == 0 and owner.st_uid != 0:
            command = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/")
        assert self.process.stdout.readline() == b"ready\n"

    def stop(self):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()


def fill(count):
    ours, theirs = socket.socketpair()
    nothing = os.open("/dev/null", os.O_RDONLY)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    while count > 0:
        some = min(count, _EACH)
        ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [nothing] * some))])
        count -= some
    print("ready", flush=True)
    while theirs:
        time.sleep(60)


if __name__ == "__main__":
    fill(int(sys.argv[1]))
