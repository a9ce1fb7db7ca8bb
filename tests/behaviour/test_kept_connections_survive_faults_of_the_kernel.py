"""Mode http, when system calls are interrupted, descriptors run out, or connects fail for want of something: whoever can be
answered is, and whoever cannot is told so and may ask again."""

import os

import pytest

from support import proc
from support.http_client import HttpClient, one_answer
from support.http_servers import HonestServer, Scripted, answer, chunked
from support.proc import wait_until
from support.refusals import chunks, field, line, post
from support.strace import MAY_TRACE

pytestmark = pytest.mark.plain

GET = line(b"GET / HTTP/1.1")
BODY = os.urandom(300_000)
INTERRUPTED = [f"{call}:error=EINTR:when=1+3" for call in (
    "accept4", "recvfrom", "recvmsg", "sendto", "sendmsg", "writev", "epoll_wait", "epoll_pwait", "epoll_pwait2", "splice")]
SHORT = ["accept4:error=EMFILE:when=2+4", "pipe2:error=EMFILE:when=3+1"]


@pytest.mark.skipif(not MAY_TRACE, reason="strace may not trace here")
@pytest.mark.parametrize("faults", [INTERRUPTED, SHORT], ids=["interrupted", "short of descriptors"])
def test_system_calls_may_fail_now_and_then(limpet, keep, folder, faults):
    home, calls = keep(HonestServer()), ",".join(fault.split(":")[0] for fault in faults)
    injected = [word for fault in faults for word in ("-e", f"inject={fault}")]
    proxy = limpet([home], listener={"mode": "http", "trust": "none"}, threads=1, wrapper=[
        "strace", "-f", "-qq", "-o", str(folder / "trace"), "-e", f"trace={calls}", *injected])
    for _ in range(3):
        with HttpClient(proxy) as client:
            for _ in range(3):
                asked = field(b"X-Answer: chunked\r\nX-Padding: 200000")
                assert len(client.ask(asked).json()["padding"]) == 200_000
                assert client.ask(post(b"Content-Length: %d" % len(BODY), BODY)).json()["length"] == len(BODY)
                assert client.ask(chunks(chunked(BODY[:70_000], BODY[70_000:]))).json()["length"] == len(BODY)
    assert not home.new_complaints()
    assert "(INJECTED)" in (folder / "trace").read_text()


def test_without_descriptors_whoever_has_a_connection_is_served(http_proxy, keep):
    proxy = http_proxy([keep(HonestServer())], threads=1)
    with HttpClient(proxy) as client:
        assert [client.ask(GET).status for _ in range(3)] == [200] * 3
        with proc.without_new_descriptors(proxy.engine):
            assert [client.ask(GET).status for _ in range(5)] == [200] * 5
    assert one_answer(proxy, GET).status == 200


def test_without_descriptors_for_a_server_the_answer_is_503(http_proxy, keep):
    """And 200 when there are some again."""
    proxy = http_proxy([keep(HonestServer())], threads=1)
    with HttpClient(proxy) as client:
        wait_until(lambda: False, 0.1)
        with proc.without_new_descriptors(proxy.engine):
            assert client.ask(GET).status == 503
    assert wait_until(lambda: one_answer(proxy, GET).status == 200, 2)


def test_idle_connections_to_one_server_make_room_for_another(http_proxy, keep):
    """CVE of HAProxy "idle conn crash under low FD": taken, put back and shed while there are none to be had."""
    homes = [keep(HonestServer(name)) for name in "abcd"]
    proxy = http_proxy(homes, threads=1, key="header:X-User")
    clients = [HttpClient(proxy) for _ in range(12)]
    for number, client in enumerate(clients):
        assert client.ask(field(b"X-User: user%d" % number)).status == 200
    with proc.without_new_descriptors(proxy.engine):
        for turn in range(5):
            for number, client in enumerate(clients):
                assert client.ask(field(b"X-User: user%d" % (number + turn))).status in (200, 503)
    for number, client in enumerate(clients):
        with client:
            assert client.ask(field(b"X-User: user%d" % number)).status == 200


def test_nothing_is_left_of_many_that_came_and_went(http_proxy, keep):
    server = keep(Scripted("a", [answer(b"x" * 1000)]))
    proxy = http_proxy([server], threads=1)
    with HttpClient(proxy) as client:
        assert client.ask(GET).status == 200
    wait_until(lambda: False, 0.2)
    before, memory = proc.descriptors(proxy.engine), proc.memory(proxy.engine)
    for number in range(600):
        client = HttpClient(proxy)
        client.send(GET if number % 3 else GET[:-7])
        if number % 3 == 1:
            client.answer()
        (client.reset if number % 2 else client.close)()
    server.hang_up()
    assert wait_until(lambda: proc.descriptors(proxy.engine) <= before, 5)
    assert proc.memory(proxy.engine) - memory < 2 << 20
