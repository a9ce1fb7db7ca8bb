"""The program under test as a test sees it: started from a configuration, listened to through its logs."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

from support import proc
from support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(os.environ.get("LIMPET", ROOT / "build" / "limpet"))

_REPORT = re.compile(r"(Address|Thread|Leak|UndefinedBehavior)Sanitizer|runtime error:|Assertion .* failed")
_STRICT = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}

# Programs that stay above the one that they start; others become it.
_WRAPPERS = ("strace", "unshare")


def environment():
    return {**_STRICT, **os.environ, "LC_ALL": "C"}


def configuration(servers=None, key=None, listener=None, pool=None, bind=None, **top):
    """A configuration with one listener and one pool. JSON is YAML too, and quotes everything.

    `servers` are objects with a name and an address, or a dictionary as in the file; None if the pool has only workers.
    Without a key and a listener of the test's own nobody is trusted, so that no byte is needed to tell who the client
    is."""
    if key is None and listener is None:
        listener = {"trust": "none"}
    if servers is not None and not isinstance(servers, dict):
        servers = {server.name: server.address for server in servers}
    pool = {**({} if servers is None else {"servers": servers}), **(pool or {})}
    if key:
        pool["key"] = key
    listener = {"bind": bind or f"127.0.0.1:{free_port()}", "mode": "tcp", "pool": "app", **(listener or {})}
    return {"seed": "tests", "log": {"format": "json"}, "listeners": [listener], "pools": {"app": pool}, **top}


class Limpet:
    """Starts at once and returns when it is ready. `config` is a dictionary, a text, or None with `arguments`."""

    def __init__(self, folder, config=None, arguments=(), wrapper=(), env=None, stdout=None, ready=True):
        self.folder = Path(folder)
        self.errors = self.folder / "stderr"
        self.access = self.folder / "stdout"
        self.messages = [self.errors]
        self.address = None
        if isinstance(config, dict):
            if "errors" in config.get("log", {}):
                self.messages.append(Path(config["log"]["errors"]))
            bind = config["listeners"][0]["bind"]
            self.address = bind if isinstance(bind, str) else bind[0]
            config = json.dumps(config, indent=1, ensure_ascii=False)
        if config is not None:
            self.file = self.folder / "limpet.yaml"
            self.file.write_text(config)
            self.file.chmod(0o644)
            arguments = ["-c", str(self.file), *arguments]
        command = [*wrapper, PROGRAM, "serve", *arguments]
        with open(self.errors, "ab") as errors, open(self.access, "ab") as access:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or access, stderr=errors,
                                            env={**environment(), **(env or {})}, cwd=self.folder,
                                            start_new_session=True)
        if ready:
            self._wait_until_ready()

    def _wait_until_ready(self):
        proc.wait_until(lambda: self.process.poll() is not None or self.engine and "limpet: ready" in self.stderr, 30)
        if self.process.poll() is not None or "limpet: ready" not in self.stderr:
            self.kill()
            raise AssertionError(f"limpet does not start:\n{self.stderr}")

    @property
    def keeper(self):
        """The process that holds the listeners; None before it is there."""
        family = [self.process.pid, *proc.descendants(self.process.pid)]
        return next((pid for pid in family if proc.program(pid) not in (None, *_WRAPPERS)), None)

    @property
    def engine(self):
        """The process that carries bytes; None while there is none. Its siblings are workers."""
        found = self.keeper and [pid for pid in proc.children(self.keeper) if "engine" in proc.words(pid)[:8]]
        return found[0] if found else None

    @property
    def workers(self):
        """The processes that it has started, by their slot; the newest of each."""
        found = {}
        for pid in proc.children(self.keeper) if self.keeper else []:
            slot = proc.environment(pid).get("LIMPET_SLOT")
            if slot and (int(slot) not in found or int(proc.born(pid) or 0) >= int(proc.born(found[int(slot)]) or 0)):
                found[int(slot)] = pid
        return dict(sorted(found.items()))

    @property
    def stderr(self):
        """What it has said to its operator."""
        return "".join(file.read_text(errors="replace") for file in self.messages if file.exists())

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def visits(self, count=0, within=10):
        """What the access log tells, once it has at least `count` lines."""
        proc.wait_until(lambda: self.access.read_bytes().count(b"\n") >= count, within)
        visits = [json.loads(line) for line in self.access.read_text().splitlines()]
        assert len(visits) >= count, f"{len(visits)} visits in the log, not {count}"
        return visits

    def visit(self, within=10):
        """The only one so far."""
        visits = self.visits(1, within)
        assert len(visits) == 1, visits
        return visits[0]

    def says(self, text, within=10):
        """True once standard error contains the text."""
        return proc.wait_until(lambda: text in self.stderr, within)

    def signal(self, number):
        """To nobody, if it has ended by itself just now."""
        if keeper := self.keeper:
            _signal(number, [keeper])

    def wait(self, within=30):
        """The exit code."""
        return self.process.wait(within)

    def stop(self, within=30):
        """Ends it as an operator would, and insists that nothing is wrong and nothing is left."""
        if self.process.poll() is None:
            family = {pid: proc.born(pid) for pid in proc.descendants(self.process.pid)}
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"limpet does not stop:\n{self.stderr}") from None
            left = [pid for pid, born in family.items() if proc.is_alive(pid) and proc.born(pid) == born]
            _signal(signal.SIGKILL, left)
            assert not left, f"processes left behind: {left}"
        self.check_health()
        assert self.process.returncode == 0, f"exit code {self.process.returncode}:\n{self.stderr}"

    def check_health(self):
        found = _REPORT.search(self.stderr)
        assert not found, self.stderr

    def kill(self):
        """Ends it at once, with all its descendants."""
        if self.process.poll() is None:
            _signal(signal.SIGKILL, [self.process.pid, *proc.descendants(self.process.pid)])
        self.process.wait(10)


def _signal(number, processes):
    for pid in processes:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def run(*arguments, stdin=None, within=30):
    """A command that ends by itself."""
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, timeout=within,
                          env=environment(), check=False)
