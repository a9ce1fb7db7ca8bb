"""The contenders that hand connections to a worker process, and those that stand in front of a server instead: each with
one worker or server, all with the same work for it."""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass

from support.load import visit_once
from support.processes import OTHER_CORE, PROXY_CORE, ROOT, Process, built, cores, free_ports, installed, limpet

NODE_MODULES = os.path.join(ROOT, "tests/node/node_modules")
PATIENCE = 15

# limpet's defaults, but one thread and no log, as everybody else has none.
CONFIGURATION = """\
seed: bench
threads: 1
log: {{access: "off"}}
listeners:
  - {{bind: "127.0.0.1:{port}", mode: tcp, {listener}pool: app}}
pools:
  app: {{key: client, workers: {{command: [{command}], count: 1, contract: {contract}}}}}
"""
ANY_PEER = "client-from: none, "


@dataclass
class Running:
    """What is measured: whom clients ask, who stands in front, and who serves."""

    name: str
    port: int
    front: list
    workers: list


def wait_until_served(port):
    """Listening is not enough: the workers may still be on their way."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return visit_once(port, 1, 1)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def node(script):
    return [installed("node"), os.path.join(ROOT, "bench/node", script)]


@dataclass
class Workers:
    """A program that starts its workers itself. {port} in its words and its configuration is where it has to listen,
    {path} in the words is the configuration. Workers are those of its descendants that run the program `worker`."""

    name: str
    words: list
    worker: str
    configuration: str = ""
    worker_core: int = PROXY_CORE

    @contextmanager
    def started(self, folder):
        port = free_ports()
        path = os.path.join(folder, f"{port}.yaml")
        with open(path, "w") as f:
            f.write(self.configuration.replace("{port}", str(port)))
        words = [w.replace("{port}", str(port)).replace("{path}", path) for w in self.words]
        environment = {"PORT": str(port), "NODE_PATH": NODE_MODULES}
        with Process(words, PROXY_CORE, [port], environment) as process:
            wait_until_served(port)
            family = process.family()
            workers = [pid for pid in family[1:] if _runs(pid, self.worker)]
            for pid in workers:
                _move(pid, self.worker_core)
            try:
                yield Running(self.name, port, [pid for pid in family if pid not in workers], workers)
            except RuntimeError as problem:
                raise RuntimeError(f"{problem}\n{self.name} said:\n{process.complaint()}") from problem


def _runs(pid, program):
    return os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(program)


def _move(pid, core):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), cores(core))


@dataclass
class Alone:
    """A server that listens itself, and behind a relay if there is one."""

    name: str
    words: list
    core: int
    relay: object = None

    @contextmanager
    def started(self, folder):
        port = free_ports()
        words = [w.replace("{port}", str(port)) for w in self.words]
        with Process(words, self.core, [port], {"PORT": str(port)}) as server:
            if self.relay is None:
                yield Running(self.name, port, [], server.family())
                return
            with self.relay.start([port], folder) as relay:
                yield Running(self.name, relay.port, relay.family(), server.family())


def _limpet(name, command, contract, worker_core, listener=""):
    quoted = ", ".join(f'"{w}"' for w in command)
    text = CONFIGURATION.format(port="{port}", listener=listener, command=quoted, contract=contract)
    return Workers(name, [limpet(), "serve", "-c", "{path}"], command[0], text, worker_core)


def limpet_of_node(name="limpet", listener=""):
    return _limpet(name, node("app.js"), "node", PROXY_CORE, listener)


def limpet_of_c(name="limpet", listener=""):
    """The worker shares the other core with the clients, as a server behind a relay does."""
    return _limpet(name, [built("bench/c_worker")], "limpet", OTHER_CORE, listener)


def limpet_run(name="limpet run"):
    words = [limpet(), "run", "--mode", "tcp", "-l", "127.0.0.1:{port}", "-w", "1", "--", *node("app.js")]
    return Workers(name, words, installed("node"))


def forked(name, script):
    """A Node program that forks its one worker."""
    return Workers(name, node(script), installed("node"))


def alone_of_node(name="Node alone"):
    return Alone(name, node("app.js"), PROXY_CORE)


def alone_of_c(name, relay=None):
    return Alone(name, [built("bench/c_worker"), "{port}"], OTHER_CORE, relay)
