"""Interrupted, short and refused system calls, put in by strace: no byte is lost and nobody is turned away."""

import os
import shutil
import subprocess

import pytest

from support.client import Client, parse_answer
from support import wire
from support.servers import answers_http

pytestmark = [
    pytest.mark.plain,
    pytest.mark.skipif(not shutil.which("strace")
                       or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0,
                       reason="strace may not trace here"),
]

BODY = os.urandom(300000)


@pytest.mark.parametrize("fault", [
    "accept4:error=EINTR:when=1+3",
    "accept4:error=ECONNABORTED:when=1+3",
    "recvfrom:error=EINTR:when=1+3",
    "recvfrom:error=EAGAIN:when=2+5",
    "recvmsg:error=EINTR:when=1+3",
    "read:error=EINTR:when=20+3",
    "readv:error=EINTR:when=1+3",
    "sendto:error=EINTR:when=1+3",
    "sendmsg:error=EINTR:when=1+3",
    "writev:error=EINTR:when=1+3",
    "connect:error=EINTR:when=1+4",
    "epoll_wait:error=EINTR:when=1+2",
    "epoll_pwait:error=EINTR:when=1+2",
    "epoll_pwait2:error=EINTR:when=1+2",
    "splice:error=EINTR:when=1+3",
    "splice:error=EAGAIN:when=2+5",
])
def test_system_calls_may_fail_now_and_then(limpet, server, folder, fault):
    call = fault.split(":")[0]
    proxy = limpet([server("a", answers_http)], key="header:X-User", threads=1, wrapper=[
        "strace", "-f", "-qq", "-o", str(folder / "trace"), "-e", f"trace={call}", "-e", f"inject={fault}"])
    for number in range(6):
        with Client(proxy) as client:
            client.send(wire.request(headers={"X-User": f"user{number}"}, method="POST", body=BODY))
            answer = parse_answer(client.read_to_end())
        assert (answer.text, answer.headers["x-body-length"]) == ("a", str(len(BODY)))
    assert {visit["reason"] for visit in proxy.visits(6)} == {"done"}
