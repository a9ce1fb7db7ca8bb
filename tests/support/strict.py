"""A server that takes only what limpet itself writes: HTTP/1.1 in its plainest form. It remembers every connection."""

import asyncio
import re
import threading
from dataclasses import dataclass, field

LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
SIZE = re.compile(rb"[0-9a-f]{1,16}")


class NotStrict(Exception):
    """What came is not in the plainest form."""


@dataclass
class Request:
    method: str
    target: str
    fields: list  # (lower-case name, value)
    body: bytes = b""

    def values(self, name):
        return [value for key, value in self.fields if key == name]


@dataclass
class Talk:
    received: bytearray = field(default_factory=bytearray)
    requests: list = field(default_factory=list)  # whole ones
    methods: list = field(default_factory=list)  # of those whose head was
    trouble: str = None
    over: bool = False


class Reader:
    """Takes requests off a stream, one after the other."""

    def __init__(self, stream, talk, answer):
        self.stream = stream
        self.talk = talk
        self.answer = answer
        self.at = 0

    async def _fill(self):
        piece = await self.stream.read(1 << 16)
        self.talk.received += piece
        if not piece:
            raise EOFError

    async def _line(self):
        while (end := self.talk.received.find(b"\n", self.at)) < 0:
            await self._fill()
        line = bytes(self.talk.received[self.at:end + 1])
        self.at = end + 1
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise NotStrict(f"end of line: {line!r}")
        return line[:-2]

    async def _bytes(self, count):
        while len(self.talk.received) < self.at + count:
            await self._fill()
        data = bytes(self.talk.received[self.at:self.at + count])
        self.at += count
        return data

    async def _fields(self):
        fields = []
        while line := await self._line():
            found = FIELD.fullmatch(line)
            if not found:
                raise NotStrict(f"field: {line!r}")
            fields.append((found[1].lower().decode(), found[2].decode("latin-1")))
        return fields

    async def _chunks(self):
        data = b""
        while True:
            size = await self._line()
            if not SIZE.fullmatch(size):
                raise NotStrict(f"size of a chunk: {size!r}")
            if not int(size, 16):
                break
            data += await self._bytes(int(size, 16))
            if await self._line():
                raise NotStrict("end of a chunk")
        if {name for name, _ in await self._fields()} & {"content-length", "transfer-encoding", "host"}:
            raise NotStrict("trailers")
        return data

    async def _body(self, request):
        lengths, codings = request.values("content-length"), request.values("transfer-encoding")
        if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]):
            raise NotStrict(f"framing: {lengths} {codings}")
        if codings:
            return await self._chunks()
        if lengths and not lengths[0].isdecimal():
            raise NotStrict(f"length: {lengths[0]!r}")
        return await self._bytes(int(lengths[0])) if lengths else b""

    async def request(self):
        line = await self._line()
        found = LINE.fullmatch(line)
        if not found:
            raise NotStrict(f"request line: {line!r}")
        request = Request(found[1].decode(), found[2].decode(), await self._fields())
        if len(request.values("host")) != 1:
            raise NotStrict("not one Host")
        self.talk.methods.append(request.method)
        if request.values("expect"):
            self.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await self._body(request)
        self.talk.requests.append(request)
        return request


class Strict:
    """Listens at `address`, in a thread of its own. Answers everything with 200, and keeps connections but for methods that
    are not in `methods`; ends those that rest for more seconds than its `patience`."""

    def __init__(self, name, methods, patience=None):
        self.name = name
        self.patience = patience
        self.methods = methods
        self.talks = []
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512))
        self.address = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def answer(self, request):
        close = b"" if request.method in self.methods else b"Connection: close\r\n"
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\n%s" % (close, b"" if request.method == "HEAD" else b"ok")

    async def _serve(self, stream, writer):
        talk = Talk()
        self.talks.append(talk)
        reader = Reader(stream, talk, writer.write)
        try:
            while True:
                request = await asyncio.wait_for(reader.request(), self.patience)
                writer.write(self.answer(request))
                if request.method not in self.methods:
                    break
        except (EOFError, ConnectionError, TimeoutError):
            pass
        except NotStrict as trouble:
            talk.trouble = str(trouble)
        writer.close()
        talk.over = True
