import hashlib

import pytest

from support import proc, wire
from support.client import Client, parse_answer
from support.servers import answers_http

BODY = hashlib.shake_256(b"post").digest(8 << 20)


def _head_of(size):
    empty = wire.request("/upload", {"Content-Length": len(BODY), "X-Filler": "", "X-User": "ann"}, method="POST")
    filler = "f" * (size - len(empty))
    return wire.request("/upload", {"Content-Length": len(BODY), "X-Filler": filler, "X-User": "ann"}, method="POST")


def _post(proxy, head, body):
    with Client(proxy) as client:
        client.send_byte_by_byte(head)
        client.send(body)
        return parse_answer(client.read_to_end())


def test_a_big_post_whose_head_comes_byte_by_byte_arrives_whole(limpet, server):
    proxy = limpet([server("a", answers_http)], key="header:X-User")
    answer = _post(proxy, _head_of(16000), BODY)
    assert answer.status == 200
    assert answer.headers["x-body-digest"] == hashlib.sha256(BODY).hexdigest()
    visit = proxy.visit()
    assert (visit["source"], visit["bytes_in"]) == ("header:X-User", 16000 + len(BODY))


@pytest.mark.plain
def test_its_cost_is_linear_in_the_head(limpet, server):
    proxy = limpet([server("a", answers_http)], key="header:X-User", log={"access": "off"})

    def cost_of_one(size):
        before = proc.cpu_seconds(proxy.engine)
        with Client(proxy) as client:
            client.send_byte_by_byte(_head_of(size))
            client.finish()
            client.read_to_end()
        return proc.cpu_seconds(proxy.engine) - before

    def cost_of(size):
        """The least of several: on a busy machine the client pauses, and each pause is a look more."""
        return min(cost_of_one(size) for _ in range(8))

    cost_of(4096)
    small, large = cost_of(4096), cost_of(16000)
    print(f"4 KiB: {small * 1e3:.2f} ms, 16 KiB: {large * 1e3:.2f} ms")
    assert large < 6 * small
