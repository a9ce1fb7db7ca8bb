"""Exchanges of every kind, ended, reset or stalled behind each byte, by the client or by the server: nothing that was cut
short looks complete to the other side, and nothing is left behind in limpet."""

import os
import tempfile
import time
from dataclasses import dataclass

import pytest

from support import proc
from support.http_client import HttpClient
from support.http_servers import BODY, CLOSE, CONTINUE, RESET, STALL, Scripted, ScriptedWorker, answer, chunked, chunked_answer
from support.proc import wait_until
from support.refusals import HOST

AT_ONCE = 400


def _request(method, lines, body=b""):
    """The target gets the name of the case in place of CASE, of the same length each time."""
    return method + b" /CASE HTTP/1.1\r\n" + HOST + lines + b"\r\n" + body


SOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"

# What the client sends, and what the server answers. The body of the one that waits for 100 is sent when that has come.
EXCHANGES = {
    "getl": (_request(b"GET", b""), answer(b"hello", fields=[b"X-Some: thing"])),
    "getc": (_request(b"GET", b"Cookie: a=b\r\n"), chunked_answer(b"hello", b"world", trailers=[b"X-Sum: 1"])),
    "post": (_request(b"POST", b"Content-Length: 11\r\n", b"hello world"), answer(b"thanks")),
    "posc": (_request(b"POST", b"Transfer-Encoding: chunked\r\n", chunked(b"hello", b"world", trailers=[b"X-Sum: 1"])),
             answer(b"thanks")),
    "head": (_request(b"HEAD", b""), answer(b"hello")[:-5]),
    "not-": (_request(b"GET", b'If-None-Match: "1"\r\n'), b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'),
    "cont": (_request(b"POST", b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello"), CONTINUE + answer(b"thanks")),
    "sock": (_request(b"GET", SOCKET), b"HTTP/1.1 101 Switching Protocols\r\n" + SOCKET + b"\r\n" + b"first words"),
}
STATUS = {"not-": 304, "sock": 101}  # of the others: 200
HEAD_OF_SOCKET = EXCHANGES["sock"][1].index(b"\r\n\r\n") + 4
HOW = {"fin": CLOSE, "rst": RESET, "stl": STALL}


@dataclass
class Case:
    name: str
    how: str
    cut: int  # bytes that are sent
    by_client: bool

    @property
    def request(self):
        how, cut = ("all", 0) if self.by_client else (self.how, self.cut)
        return EXCHANGES[self.name][0].replace(b"CASE", f"{self.name}-{how}-{cut:04}".encode())

    @property
    def whole(self):
        """Everything is sent."""
        request, answered = EXCHANGES[self.name]
        return self.cut >= (len(self.request) if self.by_client else
                            HEAD_OF_SOCKET if self.name == "sock" else len(answered))

    def begin(self, proxy):
        client = HttpClient(proxy, timeout=5)
        client.send(self.request[:self.cut] if self.by_client else self.request)
        if self.by_client and self.how == "fin":
            client.finish()
        if self.by_client and self.how == "rst":
            client.reset()
        return client

    def conclude(self, client):
        """What the client saw: True if that was a whole answer of the server."""
        if self.by_client and self.how == "rst":
            return False
        with client:
            return client.outcome(self.request.split(b" ")[0].decode()) == STATUS.get(self.name, 200)


def _all_cases(how, by_client):
    for name, (request, answered) in EXCHANGES.items():
        length = len(Case(name, how, 0, True).request) if by_client else len(answered)
        yield from (Case(name, how, cut, by_client) for cut in range(length + 1))


def _script(request):
    """As much of the answer as the target says: /NAME-all-0000, or /NAME-HOW-CUT."""
    name, how, cut = request.target[1:5], request.target[6:9], int(request.target[10:])
    data = EXCHANGES[name][1]
    if how != "all":
        data = data[:cut]
    if name == "cont":
        yield data[:len(CONTINUE)]
        data = data[len(CONTINUE):]
    if name != "cont" or data:
        yield BODY
    yield data
    if how != "all":
        yield HOW[how]
    elif name == "sock":
        yield STALL


@pytest.fixture(scope="module", params=["tcp", "unix", "worker", "worker-auto"])
def server(request):
    """A Unix socket knows no reset, and tells of bytes that were not read in a way of its own; a worker gets one end of a
    socketpair. In mode auto a client who is cut before he is known to speak HTTP is handed to the worker himself."""
    with tempfile.TemporaryDirectory(prefix="limpet-test-") as folder:
        os.chmod(folder, 0o755)
        if request.param.startswith("worker"):
            server = ScriptedWorker("a", _script, folder, patience=1.5, early=True)
        else:
            server = Scripted("a", _script, f"unix:{folder}/server" if request.param == "unix" else None, early=True)
        server.mode = "auto" if request.param.endswith("auto") else "http"
        yield server
        server.stop()


@pytest.fixture(scope="module")
def proxy(http_proxy, server):
    times = dict.fromkeys(("head", "answer", "idle", "tunnel"), "1s")
    more = {"timeouts": {"first-bytes": "300ms", **times}, "log": {"access": "off"}}
    if not isinstance(server, ScriptedWorker):
        yield http_proxy([server], **more)
        return
    listener = {"mode": server.mode, "trust": "loopback" if server.mode == "auto" else "none"}
    proxy = http_proxy([], listener, workers={"command": server.command, "count": 1}, **more)
    assert proxy.says("takes connections")
    yield proxy
    assert "a new one is started" not in proxy.stderr


@pytest.fixture
def descriptors_are_as_before(proxy, server):
    server.hang_up()
    before = proc.descriptors(proxy.engine)
    yield
    server.hang_up()
    assert wait_until(lambda: proc.descriptors(proxy.engine) <= before, 5), (
        f"{proc.descriptors(proxy.engine)} descriptors, {before} before")


def _run(proxy, cases):
    """[(case, whether it looked whole to the client)]."""
    outcomes = []
    for at in range(0, len(cases), AT_ONCE):
        some = [(case, case.begin(proxy)) for case in cases[at:at + AT_ONCE]]
        outcomes += [(case, case.conclude(client)) for case, client in some]
    return outcomes


def _judge(proxy, cases):
    outcomes = _run(proxy, cases)
    assert [case for case, whole in outcomes if whole and not case.whole] == []
    failed = [case for case, whole in outcomes if case.whole and not whole and case.how != "rst"]
    assert [case for case, whole in _run(proxy, failed) if not whole] == []  # in a crowd, a deadline may have been too short


@pytest.mark.threads
@pytest.mark.parametrize("how", HOW)
def test_by_the_client(proxy, server, descriptors_are_as_before, how):
    before = len(server.requests)
    _judge(proxy, list(_all_cases(how, True)))
    time.sleep(0.1)
    assert sum(request.whole for request in server.requests[before:]) <= 2 * len(EXCHANGES)
    assert not server.complaints


@pytest.mark.threads
@pytest.mark.parametrize("how", HOW)
def test_by_the_server(proxy, server, descriptors_are_as_before, how):
    _judge(proxy, list(_all_cases(how, False)))
    assert not server.complaints
