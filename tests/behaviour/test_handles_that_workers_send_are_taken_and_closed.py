"""process.send(message, socket) to limpet, which is no parent that wants sockets: each is acknowledged, or Node would send
nothing more on its channel, connections included."""

from support import proc
from support.client import ask
from support.limpet import room_for_growth
from support.proc import wait_until
from support.programs import node, node_script


def _send_many(workers, path):
    """A server of Node that has sent a socket away waits in vain for its end, so it does not end by itself either."""
    proxy = workers([node(), node_script("sends_handles_app.js")], 1, timeouts={"drain": "1s"}, env={"PORT": "3000"})
    engine = proxy.engine
    before, memory = proc.descriptors(engine), proc.memory(engine)
    for _ in range(40):
        assert ask(proxy, path, {"Connection": "close"}).text == "sent"
    assert wait_until(lambda: proc.descriptors(engine) <= before + 1)
    assert proc.memory(engine) - memory < room_for_growth()


def test_a_program_that_sends_its_sockets_is_answered_each_time(workers):
    _send_many(workers, "/small")


def test_also_with_a_message_of_a_mebibyte(workers):
    """Which is longer than any line that limpet cares for."""
    _send_many(workers, "/big")
