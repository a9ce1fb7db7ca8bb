"""What every test may ask for. Whatever a test starts ends with it, and limpet must end well."""

import shutil
import tempfile
from pathlib import Path

import pytest

from support.limpet import Limpet, configuration
from support.proc import wait_until
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
def limpet(folder):
    """Starts limpets: `limpet(servers, key=..., listener={...}, pool={...}, limits={...})`, or `limpet(config=...)`."""
    started = []

    def start(servers=None, config=None, arguments=(), wrapper=(), env=None, stdout=None, ready=True, **options):
        if config is None and (servers is not None or "workers" in options.get("pool", ())):
            config = configuration(servers, **options)
        own = folder / f"limpet-{len(started)}"
        own.mkdir()
        own.chmod(0o755)
        started.append(None)
        started[-1] = Limpet(own, config, arguments, wrapper, env, stdout, ready)
        return started[-1]

    yield start
    _stop_all(started)


@pytest.fixture
def workers(limpet, folder):
    """Starts a limpet that starts workers: `workers(command, count, pool={...}, key=..., limits={...})`, and waits until
    they take connections. `more` is what else stands under `workers:`; what they serve is listed in the file
    `folder / "served"`."""
    def start(command, count=4, servers=None, pool=None, ready=True, more=None, **options):
        own = {"command": command, "count": count, "environment": {"SERVED": str(folder / "served")}, **(more or {})}
        started = limpet(servers, pool={"workers": own, **(pool or {})}, ready=ready, **options)
        if ready:
            assert wait_until(lambda: started.stderr.count("takes connections") >= count, 30), started.stderr
        return started

    return start


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

