"""Requests that somebody has damaged, against Node's parser as judge. A request that two readers understand in two ways can
carry another one inside, past whatever the first reader guards (request smuggling)."""

import asyncio
import random
from collections import Counter
from itertools import takewhile
from urllib.parse import urlsplit

import pytest

from support.judge import limpet_reads, node_methods, node_reads
from support.mutations import conversations
from support.proc import wait_until
from support.strict import Strict

COUNT = 10_000
SEED = 4
AT_ONCE = 16


@pytest.fixture(scope="module")
def damaged():
    return conversations(COUNT, SEED)


@pytest.fixture(scope="module")
def methods():
    return node_methods()


async def _send(port, data, cut, gate):
    """One client, who sends, says that it was all, and listens to the end."""
    async with gate:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data[:cut])
            if cut < len(data):
                await asyncio.sleep(0.001)
                writer.write(data[cut:])
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
        except OSError:
            return b""  # limpet has refused it before all was sent
        return answer


async def _send_all(port, damaged):
    gate = asyncio.Semaphore(AT_ONCE)
    cuts = random.Random(SEED)
    clients = [_send(port, data, cuts.randrange(2 * len(data) + 1), gate) for data in damaged]
    return await asyncio.gather(*clients)


def _as_read(requests):
    return [(one["method"], one["url"], one["body"]) for one in requests if one["whole"]]


def _as_taken(talk):
    return [(one.method, one.target, one.body.hex()) for one in talk.requests]


def _is_passed_on(request):
    """Others are answered 405, and are the last on their connection."""
    return request[0] not in ("CONNECT", "TRACE")


def _forwarded(method, target, body):
    """As it is forwarded: of an absolute target, what is behind the host (RFC 9112 sections 3.2.1 and 3.2.4)."""
    if not target.startswith("/") and target != "*":
        parts = urlsplit(target)
        query = f"?{parts.query}" if "?" in target else ""
        target = (parts.path or ("*" if method == "OPTIONS" and not query else "/")) + query
    return method, target, body


def _differs(talk, judged, methods):
    """What is wrong with what Node has read of one connection, if anything is. A method that Node does not know is an error
    for it; our server closes behind one."""
    taken, read = _as_taken(talk), _as_read(judged["requests"])
    unknown = bool(talk.methods) and talk.methods[-1] not in methods
    expected = [request for request in taken if request[0] in methods]
    error = "HPE_INVALID_METHOD" if unknown else None
    begun = sum(not one["whole"] for one in judged["requests"])
    if talk.trouble or judged["error"] != error or read != expected or begun > 1:
        return talk.trouble, judged["error"], expected[len(read) - 1:], read[-2:], bytes(talk.received[-400:])
    return None


def test_what_is_forwarded_is_read_the_same(limpet, keep, damaged, methods):
    server = keep(Strict("strict", methods))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"})
    answers = asyncio.run(_send_all(proxy.port, damaged))
    visits = proxy.visits(len(answers) // 2)
    proxy.stop()
    assert wait_until(lambda: all(talk.over for talk in server.talks), 10)

    judged = node_reads([talk.received for talk in server.talks])
    differences = [_differs(talk, one, methods) for talk, one in zip(server.talks, judged)]
    assert [one for one in differences if one] == []

    # What limpet believes, says in its log, and answers is the same.
    taken = Counter(request for talk in server.talks for request in _as_taken(talk))
    assert taken.total() > COUNT // 4
    assert sum(visit.get("status") == 200 for visit in visits) == taken.total()
    assert sum(answer.count(b"HTTP/1.1 200 OK\r\n") for answer in answers) <= taken.total()

    # And it is what was sent: nothing that a client wrote as data came out as a request, or the other way round.
    sent = Counter(_forwarded(*request) for requests, _ in limpet_reads(damaged)
                   for request in takewhile(_is_passed_on, requests))
    assert (taken - sent, sent - taken) == (Counter(), Counter())


def test_what_is_accepted_is_read_the_same_or_refused(damaged, methods):
    """Without a proxy, which writes what it forwards anew: the bytes as they come, for both."""
    differences, accepted = [], 0
    for data, (requests, why), judged in zip(damaged, limpet_reads(damaged), node_reads(damaged)):
        read = _as_read(judged["requests"])
        accepted += len(requests)
        refused = judged["error"] is not None
        same = read[:len(requests)] == requests[:len(read)] and (refused or len(read) >= len(requests))
        if not same or (why in ("none", "more", "closed") and len(read) > len(requests)):
            differences.append((data, requests, why, judged))
    assert differences == []
    assert accepted > COUNT // 4
