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
_TAKES_CONNECTIONS = re.compile(r"limpet: (\S+ \(process \d+\)) takes connections")
_STRICT = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/leaks.txt:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}

# Programs that stay above the one that they start; others become it.
_WRAPPERS = ("strace", "unshare")


def environment():
    return {**_STRICT, **os.environ, "LC_ALL": "C"}


def configuration(servers=(), key=None, listener=None, pool=None, bind=None, workers=None, **top):
    """A configuration with one listener and one pool. JSON is YAML too, and quotes everything.

    `servers` are objects with a name and an address, or a dictionary as in the file. Without a key and a listener of
    the test's own nobody is trusted, so that no byte is needed to tell who the client is. With `bind=False` the
    `workers` say where to listen. A listener may have routes, to `pools` of its own."""
    if key is None and listener is None:
        listener = {"trust": "none"}
    if not isinstance(servers, dict):
        servers = {server.name: server.address for server in servers}
    pool = {"servers": servers, **(pool or {})} if servers else {**(pool or {})}
    if workers:
        pool["workers"] = workers
    if key:
        pool["key"] = key
    listener = {"mode": "tcp", **({} if "routes" in (listener or {}) else {"pool": "app"}), **(listener or {})}
    if bind is not False:
        listener = {"bind": bind or f"127.0.0.1:{free_port()}", **listener}
    return {"seed": "tests", "log": {"format": "json"}, "listeners": [listener], "pools": {"app": pool}, **top}


def room_for_growth():
    """Bytes that a process which grows no more may use beyond what it had. A sanitizer keeps 256 MiB of what was freed."""
    return (400 if b"__asan_init" in Path(PROGRAM).read_bytes() else 4) << 20


class Limpet:
    """Starts at once and returns when it is ready: that is, when so many `workers` take connections, too. `config` is a
    dictionary, a text, or None with `arguments`. `verb` is serve or run; `stdout` and `stderr` are where its output
    goes if not to files."""

    def __init__(self, folder, config=None, arguments=(), wrapper=(), env=None, stdout=None, ready=True, verb="serve",
                 workers=0, stderr=None, directory=None):
        self.folder = Path(folder)
        self.errors = self.folder / "stderr"
        self.access = self.folder / "stdout"
        self.messages = [self.errors]
        self.address = None
        if isinstance(config, dict):
            if "errors" in config.get("log", {}):
                self.messages.append(Path(config["log"]["errors"]))
            bind = config["listeners"][0].get("bind")
            self.address = bind if bind is None or isinstance(bind, str) else bind[0]
            config = json.dumps(config, indent=1, ensure_ascii=False)
        if config is not None:
            self.file = self.folder / "limpet.yaml"
            self.file.write_text(config)
            self.file.chmod(0o644)
            arguments = ["-c", str(self.file), *arguments]
        command = [*wrapper, PROGRAM, verb, *arguments]
        with open(self.errors, "ab") as errors, open(self.access, "ab") as access:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or access, stderr=stderr or errors,
                                            env={**environment(), **(env or {})}, cwd=directory or self.folder,
                                            start_new_session=True)
        if ready:
            self._wait_until_ready(workers)

    def _is_ready(self, workers):
        return (self.engine and "limpet: ready" in self.stderr
                and len(set(_TAKES_CONNECTIONS.findall(self.stderr))) >= workers)

    def _wait_until_ready(self, workers):
        proc.wait_until(lambda: self.process.poll() is not None or self._is_ready(workers), 30)
        if self.process.poll() is not None or not self._is_ready(workers):
            self.kill()
            raise AssertionError(f"limpet does not start:\n{self.stderr[-4000:]}")

    @property
    def keeper(self):
        """The process that holds the listeners; None before it is there."""
        family = [self.process.pid, *proc.descendants(self.process.pid)]
        return next((pid for pid in family if proc.program(pid) not in (None, *_WRAPPERS)), None)

    @property
    def engine(self):
        """The process that carries bytes; None while there is none."""
        found = proc.children(self.keeper) if self.keeper else []
        return next((pid for pid in found if "engine" in proc.arguments(pid)
                     and "LIMPET_SLOT" not in proc.environment(pid)), None)

    @property
    def workers(self):
        """Those of its worker processes that run: {slot: process}; of two in one slot, the newer."""
        family = proc.children(self.keeper) if self.keeper else []
        found = {pid: proc.environment(pid).get("LIMPET_SLOT") for pid in sorted(family, key=proc.age, reverse=True)}
        return {slot: pid for pid, slot in found.items() if slot}

    @property
    def output(self):
        """What its workers have said, beside the access log."""
        return self.access.read_text(errors="replace")

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
