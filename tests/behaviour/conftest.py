"""What every test may ask for. Whatever a test starts ends with it, and limpet must end well."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.admin import StandIn
from support.limpet import Limpet, configuration
from support.peers import start_peer
from support.ports import free_port
from support.programs import node, node_script
from support.servers import Server, answers_http


@pytest.fixture
def folder():
    """A folder of the test's own that other users may enter: started by root, the engine runs as somebody else."""
    path = Path(tempfile.mkdtemp(prefix="limpet-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def socket_folder(folder):
    """Where anybody may make a Unix socket."""
    path = folder / "sockets"
    path.mkdir()
    path.chmod(0o777)
    return path


@pytest.fixture
def start(folder):
    """Starts limpets, each in a folder of its own: `start(config, ...)` as in support.limpet."""
    started = []

    def one(*arguments, **options):
        own = folder / f"limpet-{len(started)}"
        own.mkdir()
        own.chmod(0o755)
        started.append(None)
        started[-1] = Limpet(own, *arguments, **options)
        return started[-1]

    yield one
    _stop_all(started)


@pytest.fixture
def limpet(start):
    """Starts limpets: `limpet(servers, key=..., listener={...}, pool={...}, limits={...})`, or `limpet(config=...)`.

    With `workers={"command": [...], "count": 4}`, which may stand beside servers, it waits for all of them."""
    def one(servers=(), config=None, arguments=(), wrapper=(), env=None, stdout=None, ready=True, **options):
        workers = options.get("workers", {}).get("count", 0)
        if config is None and (servers or workers):
            config = configuration(servers, **options)
        return start(config, arguments, wrapper, env, stdout, ready, workers=workers)

    return one


@pytest.fixture
def workers(limpet, folder):
    """Starts limpets with nothing but workers: `workers(command, count, key=...)`. `more` is what else stands under
    `workers:`. What the workers of support.workers serve is listed in the file `folder / "served"`."""
    def one(command, count=4, more=None, **options):
        own = {"command": command, "count": count, "environment": {"SERVED": str(folder / "served")}, **(more or {})}
        return limpet(workers=own, **options)

    return one


@pytest.fixture
def run(start):
    """Starts limpets by `limpet run`: `run("http_app.js", count=4)`, a script of tests/node that listens on the port
    PORT of 127.0.0.1, or `run(command=[...])`. Options of limpet's own are words: `run(..., options=["-k", "sni"])`.

    Sockets are handed over, unless another `mode` is asked for; with None limpet's own default holds."""
    def one(script=None, *words, count=2, version=None, command=None, options=(), listen=None, env=None, mode="tcp", **more):
        port = free_port()
        command = command or [node(version), node_script(script)]
        own = ["-w", str(count), "--seed", "tests", "--admin", "off", *(["-l", listen] if listen else []),
               *(["--mode", mode] if mode else [])]
        arguments = [*own, *options, "--", *command, *map(str, words)]
        more = {"workers": count, **more}
        proxy = start(arguments=arguments, verb="run", env={"PORT": str(port), **(env or {})}, **more)
        proxy.address = listen or f"127.0.0.1:{port}"
        return proxy

    return one


@pytest.fixture
def server():
    """Starts servers: `server("a", echoes)`; without a behaviour they answer HTTP with their name."""
    started = []

    def start(name="server", behaviour=answers_http, address=None, **more):
        started.append(Server(name, behaviour, address, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def lasting():
    """As keep(), for all tests of a file."""
    kept = []

    def one(thing):
        kept.append(thing)
        return thing

    yield one
    _stop_all(reversed(kept))


@pytest.fixture(scope="module")
def http_proxy(lasting):
    """Starts limpets in mode http, for all tests of a file: `http_proxy(servers, key=..., listener={...}, pool={...})`.
    Nobody is trusted, unless the listener says so. The engine must live until the end."""
    started, folder = [], Path(tempfile.mkdtemp(prefix="limpet-test-"))
    folder.chmod(0o755)

    def start(servers, listener=None, **options):
        own = folder / f"limpet-{len(started)}"
        own.mkdir(mode=0o755)
        listener = {"mode": "http", "trust": "none", **(listener or {})}
        proxy = Limpet(own, configuration(servers, listener=listener, **options))
        started.append((proxy, proxy.engine))
        return proxy

    yield start
    dead = [proxy.stderr for proxy, engine in started if proxy.engine != engine]
    _stop_all([proxy for proxy, _ in started])
    shutil.rmtree(folder)
    assert not dead, "\n".join(dead)


@pytest.fixture(scope="session")
def peers(tmp_path_factory):
    """HTTP servers that take a while to start and are harmed by nothing, so that tests share them: `peers("a")` is a
    peer_server.js of that name, `peers("python")`, `peers("old-python")` and `peers("nginx")` are those of support.peers."""
    folder = tmp_path_factory.mktemp("peers")
    folder.chmod(0o755)
    started = {}

    def one(name):
        if name not in started:
            started[name] = start_peer(folder, name, one)
        assert started[name].process.poll() is None, started[name].output.read_text()
        return started[name]

    yield one
    for program in started.values():
        program.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Paths of a key and a certificate for it."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "9", "-subj", "/CN=limpet.test", "-keyout", folder / "key", "-out", folder / "certificate"],
                   check=True, capture_output=True)
    return folder / "key", folder / "certificate"


@pytest.fixture
def keep():
    """Stops anything with a stop(), at the end: `hole = keep(BlackHole("hole"))`."""
    kept = []

    def one(thing):
        kept.append(thing)
        return thing

    yield one
    for thing in reversed(kept):
        thing.stop()


def _stop_all(started):
    trouble = []
    for one in filter(None, started):
        try:
            one.stop()
        except AssertionError as error:
            trouble.append(str(error))
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def stand_in(folder):
    """Starts somebody at an admin socket: `stand_in(answers)`, see support.admin."""
    started = []

    def start(answers):
        started.append(StandIn(folder / f"admin-{len(started)}.sock", answers))
        return started[-1]

    yield start
    for one in started:
        one.stop()


SECRET = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"


@pytest.fixture
def frontend(start, folder):
    """Starts limpets that share pins: `frontend(servers, [memcached, ...])`, in mode http unless another one is said. The key is
    X-User, unless another one is said."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)

    def one(servers, memcached, mode="http", **options):
        pool = {"stick": {"table": "memcached", "for": "1h"}, **options.pop("pool", {})}
        # A machine that is busy with other tests may keep memcached from its 20 ms.
        options.setdefault("timeouts", {"memcached": "1s"})
        options.setdefault("secret", str(secret))
        key = options.pop("key", "header:X-User")
        return start(configuration(servers, key=key, listener={"mode": mode, "trust": "loopback"}, pool=pool,
                                   memcached=[each.address for each in memcached], **options))

    return one
