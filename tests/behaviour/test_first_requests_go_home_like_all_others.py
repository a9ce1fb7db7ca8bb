"""A limpet that has just begun knows nothing of anybody: its very first requests go where the ranking says, too."""

from contextlib import ExitStack

import pytest

from support.client import Client
from support.ranking import Ranking

RANKING = Ranking("tests", "app", dict.fromkeys("abc", 1))


@pytest.mark.parametrize("mode", ["http", "auto"])
def test_first_requests_go_home_like_all_others(limpet, server, mode):
    proxy = limpet([server(name) for name in "abc"], key="header:X-User", listener={"mode": mode, "trust": "loopback"})
    homes = {f"user-{number}": RANKING.order_of_text(f"user-{number}")[0] for number in range(12)}
    with ExitStack() as stack:
        # All have begun before the first one ends, so that none is served with what another one has left behind.
        clients = {user: stack.enter_context(Client(proxy)) for user in homes}
        for user, client in clients.items():
            client.send(f"GET / HTTP/1.1\r\nHost: limpet.test\r\nX-User: {user}\r\n".encode())
        answers = {user: client.send(b"Connection: close\r\n\r\n").read_to_end() for user, client in clients.items()}
    assert {user: answer.split(b"\r\n\r\n")[1].decode().strip() for user, answer in answers.items()} == homes
    assert [visit["why"] for visit in proxy.visits(len(homes))] == ["home"] * len(homes)
