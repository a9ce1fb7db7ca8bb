"""Answers that somebody has damaged, some with a second one hidden behind, on connections that many clients share. Whoever
asks next must get his own answer, and what is passed on must be read in one way: limpet's, and Node's."""

import asyncio
import re

from support.judge import node_methods, node_reads_answers
from support.mutations import answers
from support.strict import Strict

COUNT = 3000
SEED = 5
AT_ONCE = 16

HEAD = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\t -~\x80-\xff]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*)\r\n")
CHUNK = re.compile(rb"([0-9a-f]+)\r\n")
TRAILERS = re.compile(rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*)\r\n")


class Liar(Strict):
    """Answers "/n7" as damaged, and "/end7" right. What it does not follow up it ends soon."""

    def __init__(self, name, methods, damaged):
        super().__init__(name, methods, patience=0.03)
        self.damaged = damaged

    def answer(self, request):
        if request.target.startswith("/end"):
            word = request.target.encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(word), word)
        return self.damaged[int(request.target[2:])]


async def _ask(port, number, gate):
    """Everything that comes for two requests, one right behind the other."""
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /n%d HTTP/1.1\r\nHost: h\r\n\r\nGET /end%d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                     % (number, number))
        data = b""
        try:
            while piece := await asyncio.wait_for(reader.read(1 << 16), 20):
                data += piece
            reset = False
        except ConnectionError:
            reset = True
        writer.close()
        return data, reset


async def _ask_all(port):
    gate = asyncio.Semaphore(AT_ONCE)
    return await asyncio.gather(*[_ask(port, number, gate) for number in range(COUNT)])


def _read_chunks(data, at):
    """The data, and where the chunks end; None if they do not."""
    body = b""
    while found := CHUNK.match(data, at):
        at = found.end()
        size = int(found[1], 16)
        if not size:
            end = TRAILERS.match(data, at)
            return body, end.end() if end else None
        body += data[at:at + size]
        at += size
        if data[at:at + 2] != b"\r\n":
            break
        at += 2
    return body, None


def _read_answer(data, at, reset):
    """(status, body, end of the answer or None if it was cut off), or None if not even the head is there."""
    while True:
        found = HEAD.match(data, at)
        if not found:
            assert b"\r\n\r\n" not in data[at:], f"no answer: {data[at:at + 300]}"
            return None
        status, fields, at = int(found[1]), found[2].lower(), found.end()
        if status >= 200:
            break
    lengths = re.findall(rb"(?:^|\n)content-length: (\d+)\r", fields)
    codings = re.findall(rb"(?:^|\n)transfer-encoding: (.*)\r", fields)
    assert len(lengths) + len(codings) <= 1 and codings in ([], [b"chunked"]), fields
    if status in (204, 304):
        return status, b"", at
    if codings:
        body, end = _read_chunks(data, at)
        return status, body, end
    end = at + int(lengths[0]) if lengths else len(data)
    whole = end <= len(data) and not (reset and not lengths)
    return status, data[at:end], end if whole else None


def test_damaged_answers_reach_nobody_else(limpet, keep):
    damaged = answers(COUNT, SEED)
    server = keep(Liar("liar", node_methods(), damaged))
    proxy = limpet([server], listener={"mode": "http", "trust": "none"})
    came = asyncio.run(_ask_all(proxy.port))

    right, passed = 0, []
    for number, (data, reset) in enumerate(came):
        first = _read_answer(data, 0, reset)
        if not first or first[2] is None:
            continue
        status, body, end = first
        if status != 502:
            passed.append((number, status, body.hex(), data[:end]))
        second = _read_answer(data, end, reset)
        if not second:
            assert data[end:] == b"", (number, data)
            continue
        assert second[:2] == (200, b"/end%d" % number), (number, damaged[number], data)
        assert second[2] == len(data)
        right += 1
    assert right > COUNT // 4 and len(passed) > COUNT // 4

    # As they were passed on, and as they were sent: Node may refuse what was sent, but not understand something else.
    passed_on = node_reads_answers([data for *_, data in passed])
    sent = node_reads_answers([damaged[number] for number, *_ in passed])
    for (number, status, body, data), judged, raw in zip(passed, passed_on, sent):
        assert (judged["status"], judged["body"], judged["whole"]) == (status, body, True), (damaged[number], data, judged)
        # A tab behind "chunked" is white space (RFC 9110 section 5.6.3); for Node it is part of the word.
        if raw["whole"] and raw["error"] is None and b"\t\r\n" not in damaged[number]:
            assert (raw["status"], raw["body"]) == (status, body), (damaged[number], data, raw)
