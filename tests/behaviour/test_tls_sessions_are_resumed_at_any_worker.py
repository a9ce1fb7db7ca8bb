"""An https server in the program: its workers share the keys of their session tickets, as under Node's own cluster module."""

import os
import signal
import ssl

import pytest

from support import proc, wire
from support.client import open_socket, parse_answer
from support.ports import free_port
from support.ranking import ranking_of_workers

CLIENTS = [f"127.1.0.{number}" for number in range(1, 40)]


def _client_of(slot):
    ranking = ranking_of_workers(3)
    return next(client for client in CLIENTS if ranking.home_of_address(client) == slot)


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def context(request):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion[request.param]
    return context


def _visit(proxy, context, source, session=None):
    """Who answered, and whether it knew the session; and the session for the next visit."""
    with context.wrap_socket(open_socket(proxy.address, source), session=session) as client:
        client.sendall(wire.request(headers={"Connection": "close"}))
        data = b""
        while piece := client.recv(65536):
            data += piece
        assert client.session_reused == (parse_answer(data).text.endswith(" resumed"))
        return parse_answer(data).text, client.session


def test_a_session_of_one_worker_is_resumed_by_the_others(run, certificate, context):
    proxy = run("https_app.js", *certificate, count=3)
    text, session = _visit(proxy, context, _client_of("1"))
    assert text == "1 new"
    for slot in "231":
        assert _visit(proxy, context, _client_of(slot), session)[0] == f"{slot} resumed"


def test_also_where_limpet_was_told_to_listen(run, certificate, context):
    """Then no worker opens the port, and the keys of the first one that asks are for all."""
    proxy = run("https_app.js", *certificate, count=3, listen=f"127.0.0.1:{free_port()}")
    _, session = _visit(proxy, context, _client_of("3"))
    assert _visit(proxy, context, _client_of("1"), session)[0] == "1 resumed"


@pytest.mark.parametrize("context", ["TLSv1_3"], indirect=True)
def test_whoever_takes_the_place_of_a_dead_worker_knows_them_too(run, certificate, context):
    proxy = run("https_app.js", *certificate, count=3)
    _, session = _visit(proxy, context, _client_of("2"))
    dead = proxy.workers["2"]
    os.kill(dead, signal.SIGKILL)
    assert proc.wait_until(lambda: proxy.workers.get("2") not in (None, dead))
    assert proxy.says(f"app/2 (process {proxy.workers['2']}) takes connections")
    assert _visit(proxy, context, _client_of("2"), session)[0] == "2 resumed"
