"""System calls that are interrupted, or find the kernel out of something, put in by strace: no byte is lost and nobody
is turned away. (A call that says EAGAIN although there are bytes is no fault that a kernel has: an edge would be lost.)"""

import os
import shutil
import subprocess

import pytest

from support import wire
from support.client import Client, ask, parse_answer
from support.servers import answers_http
from support.strace import Strace

pytestmark = [
    pytest.mark.plain,
    pytest.mark.skipif(not shutil.which("strace")
                       or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0,
                       reason="strace may not trace here"),
]

BODY = os.urandom(300000)

FAULTS = [
    "accept4:error=EINTR:when=1+3",
    "accept4:error=ECONNABORTED:when=1+3",
    "accept4:error=EPROTO:when=1+3",
    "accept4:error=EMFILE:when=2+4",
    "accept4:error=ENFILE:when=2+4",
    "accept4:error=ENOMEM:when=2+4",
    "accept4:error=ENOBUFS:when=2+4",
    "connect:error=ENETUNREACH:when=1",
    "recvfrom:error=EINTR:when=1+3",
    "recvmsg:error=EINTR:when=1+3",
    "read:error=EINTR:when=20+3",
    "sendto:error=EINTR:when=1+3",
    "sendmsg:error=EINTR:when=1+3",
    "writev:error=EINTR:when=1+3",
    "epoll_wait:error=EINTR:when=1+2",
    "epoll_pwait:error=EINTR:when=1+2",
    "epoll_pwait2:error=EINTR:when=1+2",
    "splice:error=EINTR:when=1+3",
    "pipe2:error=EMFILE:when=3+1",
]


@pytest.fixture
def limpet_with(limpet, server, folder):
    def start(fault):
        homes = [server(name, answers_http) for name in "ab"]
        call = fault.split(":")[0]
        return limpet(homes, key="header:X-User", threads=1, wrapper=[
            "strace", "-f", "-qq", "-o", str(folder / "trace"), "-e", f"trace={call}", "-e", f"inject={fault}"])
    return start


@pytest.mark.parametrize("fault", FAULTS)
def test_system_calls_may_fail_now_and_then(limpet_with, fault):
    proxy = limpet_with(fault)
    for number in range(6):
        with Client(proxy) as client:
            client.send(wire.request(headers={"X-User": f"user{number}"}, method="POST", body=BODY))
            answer = parse_answer(client.read_to_end())
        assert (answer.status, answer.headers["x-body-length"]) == (200, str(len(BODY)))
    assert {visit["reason"] for visit in proxy.visits(6)} == {"done"}


def test_a_server_of_a_family_that_this_machine_does_not_speak_is_passed_over(limpet, server, keep):
    proxy = limpet([server(name, answers_http) for name in "ab"], key="header:X-User", threads=1)
    keep(Strace(proxy.engine, "socket:error=EAFNOSUPPORT:when=1"))
    assert [ask(proxy, headers={"X-User": "ann"}).status for _ in range(2)] == [200, 200]
    visits = proxy.visits(2)
    assert [visit["reason"] for visit in visits] == ["done", "done"]
    assert visits[0]["why"].startswith("next_ranked:") and visits[0]["why"].endswith(":no_such_family")


def test_without_a_port_for_its_connect_a_client_goes_to_the_next_server_and_none_is_blamed(limpet_with):
    proxy = limpet_with("connect:error=EADDRNOTAVAIL:when=1")
    answers = [ask(proxy, headers={"X-User": "ann"}) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    visits = proxy.visits(3)
    assert [visit["reason"] for visit in visits] == ["done", "done", "done"]
    assert visits[0]["why"].startswith("next_ranked:") and visits[0]["why"].endswith(":no_port_or_address")
    assert visits[0]["total_ms"] < 50
    assert visits[1]["why"] == "home"
