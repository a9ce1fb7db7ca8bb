import os
import socket

from support import proc
from support.client import Client
from support.proc import wait_until
from support.servers import echoes


def test_bytes_behind_a_passed_descriptor_arrive_without_waiting_for_more(limpet, server, socket_folder):
    """A read stops behind bytes that came with a descriptor (unix(7)), though more are there already."""
    def waits_for_eight(talk, server):
        talk.read_at_least(8)
        talk.finish()
        talk.read_to_end()

    home = server("a", waits_for_eight)
    proxy = limpet([home], bind=f"unix:{socket_folder}/in")
    nothing = os.open("/dev/null", os.O_RDONLY)
    with Client(proxy, timeout=5) as client:
        assert wait_until(lambda: home.talks)
        with proc.paused(proxy.engine):
            socket.send_fds(client.socket, [b"abc"], [nothing])
            client.send(b"defgh")
        assert client.read() == b""
    os.close(nothing)
    assert home.only_talk().received == b"abcdefgh"
    assert proxy.visit()["reason"] == "done"


def test_passed_descriptors_are_not_kept(limpet, server, socket_folder):
    proxy = limpet([server("a", echoes)], bind=f"unix:{socket_folder}/in")
    nothing = os.open("/dev/null", os.O_RDONLY)
    with Client(proxy) as client:
        assert client.send(b"hello").read_exactly(5) == b"hello"
        before = proc.descriptors(proxy.engine)
        for _ in range(20):
            socket.send_fds(client.socket, [b"x"], [nothing] * 10)
            assert client.read_exactly(1) == b"x"
        assert proc.descriptors(proxy.engine) == before
    os.close(nothing)
