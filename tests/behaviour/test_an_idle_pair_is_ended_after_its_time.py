import time

from support.client import Client
from support.servers import echoes


def test_an_idle_pair_is_ended_after_its_time(limpet, server):
    proxy = limpet([server("a", echoes)], timeouts={"idle": "400ms"})
    with Client(proxy) as client:
        start = time.monotonic()
        for _ in range(3):
            time.sleep(0.25)
            client.send(b"still here")
            assert client.read_exactly(10) == b"still here"
        assert client.read() == b""
        assert 1.1 < time.monotonic() - start < 2.5
    assert proxy.visit()["reason"] == "idle_timeout"


def test_bytes_in_one_direction_keep_the_pair(limpet, server):
    def ticks(talk, server):
        for _ in range(5):
            time.sleep(0.2)
            talk.send(b".")

    proxy = limpet([server("a", ticks)], timeouts={"idle": "500ms"})
    with Client(proxy) as client:
        assert client.read_to_end() == b"....."
