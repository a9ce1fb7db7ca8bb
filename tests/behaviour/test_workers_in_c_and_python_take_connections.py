"""The helpers that are installed, C and Python, in the programs that are there to be copied."""

import os
import resource
import signal
import socket

import pytest

from support import proc
from support.strace import MAY_TRACE, Strace
from support.worker_channel import (CONNECTION, PING, PONG, REFUSED, TAKEN, WorkerChannel, example_in_c, example_in_python,
                                    has_unread, message)

pytestmark = pytest.mark.parametrize("example", [example_in_c, example_in_python], ids=["c", "python"])


@pytest.fixture
def worker(example, folder, keep):
    return lambda slot=1, **more: keep(WorkerChannel(example(), folder, slot, **more)).ready()


def test_a_connection_is_taken_and_served_with_its_client(worker):
    limpet = worker(slot=3)
    client = limpet.give(client=("2001:db8::7", 4711))
    assert limpet.hear() == (TAKEN, client.number)
    assert client.ask().endswith("\r\n\r\nworker 3, client [2001:db8::7]:4711\n")


@pytest.mark.plain
@pytest.mark.skipif(not MAY_TRACE, reason="this machine does not let us trace")
def test_it_is_taken_before_a_byte_is_read(worker, keep):
    """The answer takes its time: so long the bytes stay where they are, though the worker has the connection already."""
    limpet = worker()
    keep(Strace(limpet.process.pid, "sendto:delay_enter=500000"))
    client = limpet.give(first=b"GET / HTTP/1.1\r\n\r\n")
    assert proc.wait_until(lambda: not has_unread(limpet.socket))
    assert has_unread(client.socket)
    assert limpet.hears_nothing(0.1) and has_unread(client.socket)
    assert limpet.hear() == (TAKEN, client.number)
    assert "client 203.0.113.9:4711" in client.read()


@pytest.fixture
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_connections_are_served_one_after_the_other(worker):
    limpet = worker()
    before = proc.descriptors(limpet.process.pid)
    for number in range(1000):
        client = limpet.give(client=(f"198.51.100.{number % 256}", 1 + number))
        assert limpet.hear() == (TAKEN, client.number)
        assert f"client 198.51.100.{number % 256}:{1 + number}\n" in client.ask()
        client.close()
    assert proc.wait_until(lambda: proc.descriptors(limpet.process.pid) == before)


def test_a_thousand_connections_are_served_at_once(worker, many_descriptors):
    """More than a window of them may be under way: the channel keeps what is not read yet."""
    limpet = worker()
    clients = []
    while len(clients) < 1000:
        turn = [limpet.give(client=("198.51.100.1", 1 + len(clients) + i)) for i in range(25)]
        assert [limpet.hear() for _ in turn] == [(TAKEN, client.number) for client in turn]
        clients += turn
    for client in clients:
        assert f"client 198.51.100.1:{client.number}\n" in client.ask()
    assert limpet.counted(1000)


def test_pings_are_answered_between_connections(worker):
    limpet = worker()
    limpet.say(message(PING, 77))
    client = limpet.give()
    limpet.say(message(PING, 78))
    assert [limpet.hear() for _ in range(3)] == [(PONG, 77), (TAKEN, client.number), (PONG, 78)]


def test_what_is_not_understood_is_passed_over_and_nothing_is_kept(worker):
    limpet = worker()
    before = proc.descriptors(limpet.process.pid)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for word in (0, 3, 99, 255):
        limpet.say(message(word, 5), [nothing])
    limpet.say(b"x" * 63, [nothing])
    limpet.say(message(PING, 6) + b"from a later version" * 50, [nothing] * 4)
    assert limpet.hear() == (PONG, 6)
    assert proc.descriptors(limpet.process.pid) == before
    os.close(nothing)


def test_surplus_descriptors_are_closed(worker):
    limpet = worker()
    before = proc.descriptors(limpet.process.pid)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    limpet.say(message(CONNECTION, 5), [theirs.fileno()] * 20)
    theirs.close()
    assert limpet.hear() == (TAKEN, 5)
    assert proc.descriptors(limpet.process.pid) == before + 1
    ours.close()
    assert proc.wait_until(lambda: proc.descriptors(limpet.process.pid) == before)


def test_a_connection_that_came_without_its_descriptor_is_refused(worker):
    limpet = worker()
    limpet.say(message(CONNECTION, 5))
    assert limpet.hear() == (REFUSED, 5)


def test_a_full_table_of_descriptors_refuses_what_does_not_fit_and_serves_the_others(worker):
    limpet = worker(descriptors=30)
    given = [limpet.give() for _ in range(60)]
    heard = dict(reversed(limpet.hear()) for _ in given)
    taken = [client for client in given if heard[client.number] == TAKEN]
    assert 10 < len(taken) < 30
    assert {heard[client.number] for client in given} == {TAKEN, REFUSED}
    assert all("worker 1" in client.ask() for client in taken)
    for client in given:
        client.close()
    assert proc.wait_until(lambda: proc.descriptors(limpet.process.pid) < 15)
    assert limpet.give() and limpet.hear()[0] == TAKEN


def test_the_end_of_the_channel_lets_conversations_end_and_then_the_worker(worker):
    limpet = worker()
    client = limpet.give()
    assert "worker 1" in client.ask()
    client.socket.sendall(b"GET / HTTP/1.1\r\n")
    assert limpet.hear() == (TAKEN, client.number)
    assert limpet.give().ask()  # what was sent before the end is served
    assert proc.wait_until(lambda: not has_unread(client.socket))
    limpet.drain()
    assert limpet.ended(0.3) is None
    assert "Connection: close" in client.ask(b"\r\n")
    assert client.read() == ""
    assert limpet.ended() == 0, limpet.stderr


def test_an_idle_worker_ends_at_once(worker):
    limpet = worker()
    limpet.drain()
    assert limpet.ended() == 0
    assert limpet.hear() is None


def test_a_limpet_that_dies_in_the_middle_is_a_drain(worker):
    """With answers unread the kernel calls it a reset."""
    limpet = worker()
    client = limpet.give()
    assert "worker 1" in client.ask()
    limpet.say(message(PING, 1))
    client.socket.sendall(b"GET / HTTP/1.1\r\n")
    assert proc.wait_until(lambda: not has_unread(client.socket))
    limpet.socket.close()
    assert limpet.ended(0.3) is None
    assert "worker 1" in client.ask(b"\r\n")
    assert limpet.ended() == 0, limpet.stderr


def test_a_worker_that_stood_still_goes_on(worker):
    limpet = worker()
    with proc.paused(limpet.process.pid):
        clients = [limpet.give() for _ in range(32)]
        limpet.say(message(PING, 1000))
        assert limpet.hears_nothing()
    assert [limpet.hear() for _ in clients] == [(TAKEN, client.number) for client in clients]
    assert limpet.hear() == (PONG, 1000)


def test_children_of_the_worker_get_neither_channel_nor_variable(worker):
    """Seen in the descriptor's flags, for the example has no children."""
    limpet = worker()
    flags = []
    for descriptor in os.listdir(f"/proc/{limpet.process.pid}/fdinfo"):
        if os.readlink(f"/proc/{limpet.process.pid}/fd/{descriptor}").startswith("socket:") and int(descriptor) > 2:
            with open(f"/proc/{limpet.process.pid}/fdinfo/{descriptor}") as file:
                flags += [int(line.split()[1], 8) for line in file if line.startswith("flags:")]
    assert flags and all(each & os.O_CLOEXEC for each in flags)


def test_a_term_signal_ends_it(worker):
    limpet = worker()
    limpet.process.send_signal(signal.SIGTERM)
    assert limpet.ended() == -signal.SIGTERM
