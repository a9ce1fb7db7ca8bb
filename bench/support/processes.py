"""Programs that are measured: started on one core, known with all their children, ended by their ids."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Where `./dev build` leaves things; another place can be named to measure another build.
BUILD = os.environ.get("LIMPET_BUILD", os.path.join(ROOT, "build"))

# The proxy has a core for itself; clients and servers share the other.
PROXY_CORE = 0
OTHER_CORE = 1

# Below the range from which the kernel takes ports for outgoing connections: thousands of those are made here.
FIRST_PORT, LAST_PORT = 20000, 32000

PR_SET_PDEATHSIG = 1  # prctl(2)

_next_port = FIRST_PORT + os.getpid() % 5000


def free_ports(count=1):
    """The first of `count` successive ports of 127.0.0.1 on which nobody listens."""
    global _next_port
    while _next_port + count < LAST_PORT:
        first, _next_port = _next_port, _next_port + count
        if all(_is_free(first + i) for i in range(count)):
            return first
    raise RuntimeError("no free ports")


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listening(port):
    """Asks the kernel instead of connecting: a connection would be carried on to a server."""
    return any(_is_in(table, f":{port:04X}") for table in ("/proc/net/tcp", "/proc/net/tcp6"))


def _is_in(table, port):
    try:
        with open(table) as lines:
            return any(line.split()[1].endswith(port) and line.split()[3] == "0A" for line in lines)
    except FileNotFoundError:  # a kernel without IPv6
        return False


def family(pid):
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as f:
                    found += map(int, f.read().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def cores(core):
    """That one, or all that there are where it is not to be had."""
    return {core} & os.sched_getaffinity(0) or os.sched_getaffinity(0)


def _prepare(core):
    """In the child, before it becomes the program: it must not outlive the bench, not even one that was killed; and some
    hold ten thousand connections, which is more than the usual soft limit."""
    os.sched_setaffinity(0, cores(core))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Process:
    """A running program. `ports` are those it must listen on before it counts as started."""

    def __init__(self, words, core, ports=(), environment=None, **pipes):
        # Not a pipe: nobody would read it while the program is measured.
        self.errors = tempfile.TemporaryFile()
        self.name = os.path.basename(words[0])
        self.popen = subprocess.Popen(
            words,
            stdin=pipes.get("stdin", subprocess.DEVNULL),
            stdout=pipes.get("stdout", subprocess.DEVNULL),
            stderr=self.errors,
            env={**os.environ, **(environment or {})},
            # Where the scheduler shares by session (autogroup, sched(7)), nobody gets more for having more processes.
            start_new_session=True,
            preexec_fn=lambda: _prepare(core),
        )
        try:
            self._wait_for(ports)
        except BaseException:
            self.stop()
            raise

    def _wait_for(self, ports):
        deadline = time.monotonic() + 10
        while not all(map(_listening, ports)):
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start: {self.complaint()}")
            time.sleep(0.02)
        self._settle()

    def _settle(self):
        """Some listen first and start their workers then."""
        before = None
        while before != (before := self.family()):
            time.sleep(0.1)

    def complaint(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def family(self):
        return family(self.popen.pid)

    def stop(self):
        """A polite end, then a certain one, for each process of the family."""
        members = {pid: _birth(pid) for pid in self.family()}
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                pass
        for pid, birth in members.items():
            if birth and _birth(pid) == birth:  # else it is gone, and the number may be somebody else's by now
                _end(pid)
        self.popen.wait()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _birth(pid):
    """When the process began, in ticks since the machine did; None for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def _end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def limpet():
    """The limpet to be measured: of this build, or the one that LIMPET names."""
    return os.environ.get("LIMPET") or built("limpet")


def built(name):
    """The path of a program that the build has made."""
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is not there: ./dev build")
    return path


def installed(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise RuntimeError(f"{name} is not there: ./dev deps")
    return path
