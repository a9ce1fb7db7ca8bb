"""Node's servers end a connection that has rested for 5 seconds, at the moment perhaps in which a request is sent over it; one
that is not idempotent is lost then. They say so beforehand (Keep-Alive: timeout=5), and limpet is quicker by one second."""

import time
from concurrent.futures import ThreadPoolExecutor

from support import proc, wire
from support.http_client import one_answer
from support.ports import free_port
from support.programs import Node

BODY = b"x" * 6000  # longer than what is kept to be sent once more


def test_a_request_does_not_use_what_is_about_to_end(limpet, folder, keep):
    """The server stands still, as in a garbage collection, while the connection's time runs out and the request comes. Of
    both it would do the ending first."""
    port = free_port()
    server = keep(Node(folder, "tired_server.js", port, 2, ports=[port]))
    proxy = limpet({"tired": f"127.0.0.1:{port}"}, key="client", listener={"mode": "http"}, threads=1)
    post = wire.request(method="POST", body=BODY)
    for _ in range(2):
        assert one_answer(proxy, post).body == b"6000"
    time.sleep(1.3)
    with ThreadPoolExecutor(1) as other, proc.paused(server.process.pid):
        asked = other.submit(one_answer, proxy, post)
        time.sleep(1.2)
        assert not asked.done()
    assert (asked.result().status, asked.result().body) == (200, b"6000")
    reached = [visit["connect_ms"] > 0 for visit in proxy.visits(3)]
    assert reached == [True, False, True]
