"""HTTP/1 as RFC 9112 writes it, and not otherwise: whatever a test reads, it reads strictly.

A reader is a generator: it yields when it wants more bytes in its Feed, and returns what it has read. So the same one serves
a blocking socket (see `drive`) and an event loop."""

import json
import re
from dataclasses import dataclass, field

HEAD_MOST = 1 << 17

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/1\.1")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_HOST = re.compile(r"[0-9A-Za-z._~!$&'()*+;=%-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")

# Fields that belong to one connection, or that scripts take for a setting. Connection and Upgrade are looked at apart.
_OF_ONE_HOP = {"keep-alive", "proxy-connection", "http2-settings", "proxy"}


class Malformed(Exception):
    """These bytes are not what was expected; says why."""


class Cut(Exception):
    """The connection ended, or stalled, before the message did. `how`: "fin", "reset" or "stall"."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class Feed:
    """Bytes that have come and were not read yet."""

    def __init__(self):
        self.kept = bytearray()

    def take(self, count):
        data = bytes(self.kept[:count])
        del self.kept[:count]
        return data

    def line(self):
        """Without its CRLF, which is the only end that a line has."""
        line = (yield from self.until(b"\r\n"))[:-2]
        if b"\r" in line or b"\n" in line:
            raise Malformed(f"a lone line end in {line[:80]}")
        return line

    def until(self, mark, most=HEAD_MOST):
        while (at := self.kept.find(mark)) < 0:
            if len(self.kept) > most:
                raise Malformed(f"no {mark} within {most} bytes: {bytes(self.kept[:80])}")
            yield
        return self.take(at + len(mark))

    def exactly(self, count):
        while len(self.kept) < count:
            yield
        return self.take(count)


def drive(reader, feed, receive):
    """What `reader` returns, with bytes from `receive()`, which gives b"" at the end and raises as sockets do."""
    try:
        next(reader)
        while True:
            try:
                data = receive()
            except TimeoutError:
                reader.throw(Cut("stall"))
            except ConnectionError:
                reader.throw(Cut("reset"))
            if data:
                feed.kept += data
                next(reader)
            else:
                reader.throw(Cut("fin"))
    except StopIteration as done:
        return done.value


@dataclass
class Message:
    """What requests and answers have in common. Names of fields are in lower case, values are Latin-1."""
    fields: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    framing: str = "none"  # "length", "chunked", "end": how the end of the body was told

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name):
        """Its value; None without it. Twice is not expected."""
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    def lists(self, name, word):
        return word in [entry.strip().lower() for value in self.all(name) for entry in value.split(",")]


@dataclass
class Request(Message):
    method: str = ""
    target: str = ""
    complaints: list = field(default_factory=list)
    whole: bool = False  # its body has been read to the end


@dataclass
class Answer(Message):
    status: int = 0
    reason: str = ""
    minor: int = 1
    interim: list = field(default_factory=list)

    @property
    def closes(self):
        return self.lists("connection", "close") or (self.minor == 0 and not self.lists("connection", "keep-alive"))

    def json(self):
        assert self.status == 200, self
        return json.loads(self.body)


def parse_fields(block):
    """[(name, value)] of the lines of a head or a trailer section, which end with CRLF each."""
    fields = []
    for line in block.split(b"\r\n")[:-1]:
        found = _FIELD.fullmatch(line)
        if not found:
            raise Malformed(f"not a field: {line[:80]}")
        fields.append((found[1].decode().lower(), found[2].decode("latin-1")))
    return fields


def _read_head(feed, start_line):
    """The match of the start line, and the fields."""
    first = yield from feed.line()
    found = start_line.fullmatch(first)
    if not found:
        raise Malformed(f"not a start line: {first[:80]}")
    return found, (yield from _read_fields(feed))


def _read_fields(feed):
    block = bytearray()
    while line := (yield from feed.line()):
        block += line + b"\r\n"
        if len(block) > HEAD_MOST:
            raise Malformed("a head without end")
    return parse_fields(bytes(block))


def _read_chunked(feed, message):
    message.framing, body = "chunked", bytearray()
    while True:
        size = yield from feed.line()
        if not _CHUNK_SIZE.fullmatch(size):
            raise Malformed(f"not a plain chunk size: {size[:80]}")
        if int(size, 16) == 0:
            break
        body += yield from feed.exactly(int(size, 16))
        if (yield from feed.exactly(2)) != b"\r\n":
            raise Malformed("a chunk is longer than it said")
    message.trailers = yield from _read_fields(feed)
    message.body = bytes(body)


def _read_length(feed, message, text):
    if not text.isascii() or not text.isdigit():
        raise Malformed(f"Content-Length: {text}")
    message.framing = "length"
    message.body = yield from feed.exactly(int(text))


def _framing_fields(message):
    """(Content-Length, is chunked), if they leave no doubt."""
    lengths, codings = message.all("content-length"), message.all("transfer-encoding")
    if len(lengths) + len(codings) > 1 or codings not in ([], ["chunked"]):
        raise Malformed(f"ambiguous framing: {lengths}, {codings}")
    return (lengths or [None])[0], bool(codings)


# Requests, as a server wants them from a proxy


def read_request_head(feed):
    """Complaints are in the request: it can be read, but no proxy should have sent it so."""
    found, fields = yield from _read_head(feed, _REQUEST_LINE)
    request = Request(fields, method=found[1].decode(), target=found[2].decode())
    request.complaints = list(_complaints(request))
    return request


def read_request_body(feed, request):
    length, chunked = _framing_fields(request)
    if chunked:
        yield from _read_chunked(feed, request)
    elif length is not None:
        yield from _read_length(feed, request, length)
    request.whole = True


def read_request(feed):
    request = yield from read_request_head(feed)
    yield from read_request_body(feed, request)
    return request


def _complaints(request):
    hosts = request.all("host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        yield f"Host: {hosts}"
    if not request.target.startswith("/") and (request.method, request.target) != ("OPTIONS", "*"):
        yield f"target: {request.target}"
    if "#" in request.target or "\\" in request.target:
        yield f"target: {request.target}"
    for name, value in request.fields:
        if name in _OF_ONE_HOP:
            yield f"{name} belongs to one hop: {value}"
        if "_" in name and name.replace("_", "-").startswith(("x-forwarded-", "content-l", "transfer-", "forwarded")):
            yield f"{name} can be taken for another field"
    yield from _complaints_of_connection(request)


def _complaints_of_connection(request):
    options = {entry.strip().lower() for value in request.all("connection") for entry in value.split(",")}
    if (request.get("upgrade") is not None) != ("upgrade" in options):
        yield f"Connection: {options}, Upgrade: {request.all('upgrade')}"
    if options - {"close", "keep-alive", "upgrade", "te"}:
        yield f"Connection: {options}"
    if request.all("te") not in ([], ["trailers"]):
        yield f"TE: {request.all('te')}"


# Answers, as a client wants them


def read_answer(feed, method="GET"):
    """The final one; those that came before it (1xx) are its `interim`. 101 is final."""
    interim = []
    while True:
        found, fields = yield from _read_head(feed, _STATUS_LINE)
        answer = Answer(fields, minor=int(found[1]), status=int(found[2]), reason=found[3].decode("latin-1"))
        if answer.status >= 200 or answer.status == 101:
            break
        interim.append(answer)
    answer.interim = interim
    yield from _read_answer_body(feed, answer, method)
    return answer


def _read_answer_body(feed, answer, method):
    length, chunked = _framing_fields(answer)
    if answer.status in (101, 204, 304) or method == "HEAD":
        if (chunked or length not in (None, "0")) and answer.status in (101, 204):
            raise Malformed(f"{answer.status} announces a body")
    elif chunked:
        yield from _read_chunked(feed, answer)
    elif length is not None:
        yield from _read_length(feed, answer, length)
    else:
        yield from _read_to_end(feed, answer)


def _read_to_end(feed, answer):
    if not answer.closes:
        raise Malformed("neither a length nor a close")
    answer.framing = "end"
    try:
        while True:
            answer.body += feed.take(len(feed.kept))
            yield
    except Cut as cut:
        if cut.how != "fin":
            raise
