"""HTTP/1 requests and answers that somebody has damaged, all from a seed. Each conversation tells its number in the path of all
its requests: "/n7", and "/hidden7" in those that stand where another reader might see a request. So do answers in their bodies:
"answer7", "hidden7"."""

import random

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")

LENGTHS = ("+5", "-1", "5 5", "5,5", "5, 6", "0x5", "5_0", "", "5.0", "05", "00", "0", "3", "6", "99", " 5", "5\t", "\x0b5", "5;", "5e0",
           "9223372036854775807", "9223372036854775808", "18446744073709551621", "1" * 40, "4294967301", "\xb2")

CODINGS = ("chunked", "Chunked", "CHUNKED", "xchunked", "chunked, chunked", "identity", "gzip, chunked", "chunked, gzip",
           "chunked;q=1", ",chunked", "chunked,", "\x0bchunked", "\x0cchunked", "chunked\x0b", "\xa0chunked", "\tchunked",
           "chunked\t", "\"chunked\"", "chu\rnked", "chunked\0", "", "gzip", "identity, chunked", "chunked foo", "'chunked'")

NAMES = ("Content-Length", "content-length", "Content_Length", "Content-Length ", " Content-Length", "Content-Length\t",
         "Content-Length\0", "Content\rLength", "Content-Length:", "X\nContent-Length", "X\r\nContent-Length", "Content-Lengt",
         "Transfer-Encoding", "transfer-encoding", "Transfer_Encoding", "Transfer-Encoding ", "\x0bTransfer-Encoding",
         "Transfer-Encoding\x0b", "\xffTransfer-Encoding", "Transfer-\rEncoding", "Transfer.Encoding", "X\nTransfer-Encoding")

CONNECTIONS = ("close", "keep-alive", "close, keep-alive", "Content-Length", "Transfer-Encoding", "Host", "close, Content-Length",
               "Upgrade", "Upgrade, HTTP2-Settings", "TE", "Cookie, X-Request-Id", "X-A", ",,,", "", "cl\0ose", "X-A, X-B, X-C",
               "Expect", "Connection")

SIZES = ("0x5", "+5", "-5", " 5", "5 ", "05", "00000005", "5\t", "5_", "", "5;a", "5;a=b", "5;a=\"b\"", "5; a=b", "5;a=\"\n\"", "5;\n",
         "5;a\n", "0" * 14 + "5", "0" * 15 + "5", "0" * 40 + "5", "ffffffffffffffff5", "10000000000000005", "100000005", "4", "6", "0",
         "5\0", "5\x0b", "G", "5\n", "5\r", "\r\n5", "5;" + "x" * 1100, "000", "7fffffffffffffff", "fffffffffffffff")

ENDS = ("\n", "\r", "\r\r\n", "\n\r", "\r\n\r\n", "\r\n ", "\r\n\t", " \r\n", "\0\r\n", "\x0b\r\n", "", "\r\n\n", "\n\n", "\r\n\0")

BYTES = " \t\r\n\0\x0b\x0c\x1f\x7f\x80\x85\xa0\xff:;,\"'()/\\#?@=%+-_.0159aAfFxXzZ"

VERSIONS = ("HTTP/1.0", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/0.9", "HTTP/1.", "HTTP/1.10", "http/1.1", "HTTP/1.1 ", "HTTP/01.1",
            "HTTP/1,1", "HTTP/ 1.1", "HTTP /1.1", "", "HTTP/1.1\t", "HTTPS/1.1", "HTTP/1.1\x0b", "ICE/1.0")

TARGETS = ("*", "/%s#x", "/%s x", "http://other/%s", "http://u@h/%s", "http://h%s", "//%s", "/\\%s", "%s", "/%s\x80", "h:80", "/%s?a=b c",
           "HTTP://H/%s", "/%s|{}\"<>^`[]", "/%s\t", "/%s%%00", "ftp://h/%s", "http:///%s", "/%s;a=b", "http://h:80/%s?x")

FIELDS = ("Expect: 100-continue", "Expect: x", "Upgrade: websocket", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__",
          "TE: trailers", "Trailer: Content-Length", "Cookie: a=b", "Host: other", "X-A: b", "X-B:", "X-C: \t", "Via: 1.1 x",
          "X-Request-Id: 7", "Forwarded: for=\"\n\"", "X-Forwarded-For: 1.2.3.4", "Keep-Alive: 5", "Proxy-Connection: close",
          "Content-Length: 5", "Transfer-Encoding: chunked", "Content-Type: text/plain", ": x", "X-A", "Content-Encoding: gzip",
          "X-Forwarded-For: 1\r\n 2", "Content-Length: \r\n 5", "Transfer-Encoding:\r\n chunked", "X: \x80\xff",
          "Range: bytes=0-5", "Authorization: Basic x", "X-Long: " + "y" * 3000, "N" * 300 + ": y")

STATUS_LINES = ("HTTP/1.1 200", "HTTP/1.0 200 OK", "HTTP/2 200", "HTTP/1.1 2000 OK", "HTTP/1.1 99 x", "HTTP/1.1 101 Switching Protocols",
                "HTTP/1.1 600 x", "ICY 200 OK", "", "HTTP/1.1  200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified",
                "HTTP/1.1 100 Continue", "HTTP/1.1 200 \0", "HTTP/1.1 200 O\rK", "HTTP/1.1 2\xb20 OK", "http/1.1 200 OK", "HTTP/1.1 205 x",
                "HTTP/1.2 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 +200 OK", "HTTP/1.1 199 x")


class Pen:
    """Writes one conversation after the other."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def _pick(self, choices):
        return self.random.choice(choices)

    # What is right

    def _head(self, number, method, *fields):
        return "\r\n".join([f"{method} /n{number} HTTP/1.1", "Host: h", *fields, "", ""])

    def _hidden(self, number):
        return f"GET /hidden{number} HTTP/1.1\r\nHost: h\r\n\r\n"

    def _data(self, number):
        return self._pick(("hello", "x", "0\r\n\r\n", self._hidden(number), "\r\n\r\n", "a" * 300, "5\r\nhello\r\n0\r\n\r\n"))

    def _chunks(self, number):
        return self._chunked(self._data(number))

    def _chunked(self, data):
        cuts = sorted(self.random.sample(range(1, len(data)), self.random.randrange(min(3, len(data))))) if len(data) > 1 else []
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        trailers = self._pick(("", "", "", "X-T: u\r\n", "Content-Length: 5\r\n", f"Host: x\r\nX-U: v\r\n"))
        extension = self._pick(("", "", "", ";a", ";a=b", ";a=\"b\""))
        return "".join(f"{len(piece):x}{extension}\r\n{piece}\r\n" for piece in pieces) + f"0\r\n{trailers}\r\n"

    def _request(self, number):
        kind = self.random.randrange(5)
        extra = [self._pick(FIELDS[:14])] if self.random.random() < 0.2 else []
        if kind == 0:
            return self._head(number, self._pick(METHODS), *extra)
        if kind in (1, 2):
            data = self._data(number)
            return self._head(number, self._pick(METHODS[2:]), f"Content-Length: {len(data)}", *extra) + data
        return self._head(number, self._pick(METHODS[2:]), *extra, "Transfer-Encoding: chunked") + self._chunks(number)

    # What is wrong

    def _at_some_byte(self, text):
        at = self.random.randrange(len(text))
        byte = self._pick(BYTES)
        return self._pick((text[:at] + byte + text[at:], text[:at] + byte + text[at + 1:], text[:at] + text[at + 1:]))

    def _cut(self, text):
        return text[:self.random.randrange(len(text))]

    def _lines(self, text, change):
        """Changes one line, which is a text with its end."""
        lines = text.splitlines(keepends=True) if "\n" in text else [text]
        at = self.random.randrange(len(lines))
        lines[at] = change(lines[at])
        return "".join(lines)

    def _line_end(self, text):
        return self._lines(text, lambda line: line.removesuffix("\r\n") + self._pick(ENDS))

    def _line_twice(self, text):
        return self._lines(text, lambda line: line * 2)

    def _line_gone(self, text):
        return self._lines(text, lambda line: "")

    def _case(self, text):
        change = self._pick((bytes.upper, bytes.lower, bytes.swapcase))
        return self._lines(text, lambda line: change(line.encode("latin-1")).decode("latin-1"))

    def _field(self, text):
        return self._behind_first_line(text, self._pick(FIELDS))

    def _length(self, text):
        return self._behind_first_line(text, f"{self._pick(NAMES[:12])}:{self._pick((' ', '', '  '))}{self._pick(LENGTHS)}")

    def _coding(self, text):
        return self._behind_first_line(text, f"{self._pick(NAMES[12:])}:{self._pick((' ', '', '  '))}{self._pick(CODINGS)}")

    def _connection(self, text):
        return self._behind_first_line(text, f"Connection: {self._pick(CONNECTIONS)}")

    def _behind_first_line(self, text, line):
        lines = text.split("\r\n")
        lines.insert(self.random.randrange(1, max(2, min(4, len(lines)))), line)
        return "\r\n".join(lines)

    def _value(self, text):
        """Another length or coding in place of the right one."""
        lines = text.split("\r\n")
        for at, line in enumerate(lines):
            if line.startswith("Content-Length:"):
                lines[at] = f"{self._pick(NAMES[:12])}: {self._pick(LENGTHS)}"
                break
            if line.startswith("Transfer-Encoding:"):
                lines[at] = f"{self._pick(NAMES[12:])}: {self._pick(CODINGS)}"
                break
        return "\r\n".join(lines)

    def _size(self, text):
        """Another chunk size, or the end of a chunk."""
        head, _, body = text.partition("\r\n\r\n")
        lines = body.split("\r\n")
        at = self.random.randrange(len(lines))
        lines[at] = self._pick(SIZES)
        return head + "\r\n\r\n" + "\r\n".join(lines)

    def _version(self, text):
        return text.replace("HTTP/1.1", self._pick(VERSIONS), 1)

    def _target(self, text):
        first, end, rest = text.partition("\r\n")
        words = first.split(" ")
        pattern = self._pick(TARGETS)
        if len(words) > 1:
            words[1] = pattern % words[1].strip("/") if "%s" in pattern else pattern
        return " ".join(words) + end + rest

    def _method(self, text):
        method = self._pick(("GET", "get", "POST", "HEAD", "TRACE", "CONNECT", "PRI", "G\x0bT", "", "OPTIONS", "GET\t", "\0", "M-SEARCH"))
        return method + text[text.find(" "):]

    def _in_front(self, text):
        return self._pick(("\r\n", "\n", " ", "\t", "\0", "\r\n\r\n", "\xef\xbb\xbf", "\r")) + text

    def conversation(self, number):
        """The bytes that a client sends."""
        damage = (self._at_some_byte, self._at_some_byte, self._cut, self._line_end, self._line_end, self._line_twice, self._line_gone,
                  self._case, self._case, self._field, self._field, self._field, self._length, self._length, self._coding,
                  self._coding, self._connection, self._connection, self._connection, self._value, self._value, self._size,
                  self._size, self._version, self._target, self._target, self._method, self._in_front)
        text = self._request(number)
        for _ in range(self._pick((1, 1, 1, 1, 2, 2, 3))):
            text = self._pick(damage)(text) or "\r\n"
        if self.random.random() < 0.5:
            text += self._request(number)
        return text.encode("latin-1")

    # Answers

    def _right_answer(self, number):
        data = self._pick((f"answer{number}", f"answer{number}" * 30, self._hidden_answer(number), "", "0\r\n\r\n"))
        interim = self._pick(("", "", "", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"))
        status = self._pick(("200 OK", "200 OK", "200 OK", "404 Not Found", "204 No Content", "304 Not Modified", "500 Oh"))
        head = f"{interim}HTTP/1.1 {status}\r\nX-A: b\r\n"
        if status[:3] in ("204", "304"):
            return head + "\r\n"
        kind = self.random.randrange(5)
        if kind < 2:
            return f"{head}Content-Length: {len(data)}\r\n\r\n{data}"
        if kind < 4:
            return f"{head}Transfer-Encoding: chunked\r\n\r\n{self._chunked(data)}"
        return f"{head}\r\n{data}"

    def _hidden_answer(self, number):
        return f"HTTP/1.1 200 OK\r\nContent-Length: {6 + len(str(number))}\r\n\r\nhidden{number}"

    def _status(self, text):
        return self._pick(STATUS_LINES) + text[text.find("\r\n"):]

    def answer(self, number):
        """The bytes that a server sends, for GET."""
        damage = (self._at_some_byte, self._at_some_byte, self._cut, self._line_end, self._line_end, self._line_twice, self._line_gone,
                  self._case, self._field, self._length, self._length, self._coding, self._coding, self._connection, self._value,
                  self._value, self._size, self._size, self._status, self._status, self._in_front)
        text = self._right_answer(number)
        for _ in range(self._pick((0, 1, 1, 1, 2, 2, 3))):
            text = self._pick(damage)(text) or "\r\n"
        if self.random.random() < 0.3:
            text += self._hidden_answer(number)
        return text.encode("latin-1")


def answers(count, seed):
    pen = Pen(seed)
    return [pen.answer(number) for number in range(count)]


def conversations(count, seed):
    pen = Pen(seed)
    return [pen.conversation(number) for number in range(count)]
