"""Mode http: whatever a connection waits for, it waits asleep. (CVE-2024-45506 and its kind: a full buffer or a half-closed
connection, and a loop that never rests.)"""

import time

import pytest

from support import proc
from support.http_client import HttpClient
from support.http_servers import CONTINUE, STALL, Scripted, answer, chunked_answer
from support.refusals import chunks, field, line, post

BIG = bytes(20_000_000)
AGREES = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = b"Connection: upgrade\r\nUpgrade: websocket\r\n"

SCRIPTS = {
    "silent": [STALL],
    "begun": [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun", STALL],
    "begun-chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbe", STALL],
    "half-head": [b"HTTP/1.1 200 OK\r\nContent-", STALL],
    "big": [answer(BIG)],
    "big-chunks": [chunked_answer(*[BIG[:100_000]] * 200)],
    "early": [answer(b"early"), STALL],
    "tunnel": [AGREES, STALL],
    "tunnel-big": [AGREES + BIG, STALL],
    "continue": [CONTINUE, STALL],
    "deaf": [60.0],
    "good": [answer(b"good")],
    "long": [answer(BIG[:1_000_000])],
}


def _get(target, lines=b""):
    return line(b"GET /%s HTTP/1.1" % target)[:-2] + lines + b"\r\n"


def _post(target, request):
    return request.replace(b"/post", b"/" + target, 1)


# What the client sends; then it waits. With "fin" it says before that it is done; with "read" it has read a byte.
SITUATIONS = {
    "nothing sent": (b"", ""),
    "an empty line": (b"\r\n", ""),
    "half a head": (field(b"X: y")[:-5], ""),
    "a silent server": (_get(b"silent"), ""),
    "a silent server, and the client is done": (_get(b"silent"), "fin"),
    "more requests behind one": (_get(b"silent") + _get(b"good") * 5000, ""),
    "an answer that has begun": (_get(b"begun"), "read"),
    "an answer that has begun, and the client is done": (_get(b"begun"), "fin"),
    "a chunk that has begun": (_get(b"begun-chunk"), "read"),
    "half a head of an answer": (_get(b"half-head"), ""),
    "an answer that nobody reads": (_get(b"big"), ""),
    "an answer that nobody reads, and the client is done": (_get(b"big"), "fin"),
    "chunks that nobody reads": (_get(b"big-chunks"), ""),
    "requests and answers that nobody reads": (_get(b"long") * 100_000, ""),
    "a body that does not come": (_post(b"silent", post(b"Content-Length: 100", b"begun")), ""),
    "a chunk that does not come": (_post(b"silent", chunks(b"5\r\nbe")), ""),
    "a body that is not read": (_post(b"deaf", post(b"Content-Length: %d" % len(BIG), BIG)), ""),
    "a body that waits for 100": (_post(b"silent", post(b"Expect: 100-continue\r\nContent-Length: 5")), ""),
    "a body that does not come after 100": (_post(b"continue", post(b"Expect: 100-continue\r\nContent-Length: 5")), "read"),
    "a body after its answer": (_post(b"early", post(b"Content-Length: 100", b"begun")), "read"),
    "an idle tunnel": (_get(b"tunnel", UPGRADE), "read"),
    "a tunnel whose client is done": (_get(b"tunnel", UPGRADE), "fin"),
    "a tunnel that nobody reads": (_get(b"tunnel-big", UPGRADE), ""),
    "an idle connection": (_get(b"good"), "read"),
}


@pytest.mark.plain
def test_all_at_once(http_proxy, lasting):
    server = lasting(Scripted("a", lambda request: SCRIPTS[request.target[1:]], early=True))
    proxy = http_proxy([server], log={"access": "off"})
    clients = []
    for name, (data, then) in SITUATIONS.items():
        clients.append(HttpClient(proxy, prepare=lambda opened: opened.setsockopt(1, 8, 65536)))  # SO_RCVBUF
        clients[-1].socket.settimeout(0.2)
        clients[-1].send_what_is_taken(data)
        if then == "fin":
            clients[-1].finish()
        if then == "read":
            assert clients[-1].read(1), name
    time.sleep(0.5)
    before, woken = proc.cpu_seconds(proxy.engine), proc.switches(proxy.engine)
    time.sleep(1)
    used, woken = proc.cpu_seconds(proxy.engine) - before, proc.switches(proxy.engine) - woken
    for client in clients:
        client.reset()
    assert used < 0.02 and woken < 100, (used, woken)
