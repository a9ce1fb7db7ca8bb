"""Requests that must not go on: pieces to make them of, and what refusing one means."""

from support.http_client import HttpClient

HOST = b"Host: example.org\r\n"


def line(request_line):
    """A request of this first line."""
    return request_line + b"\r\n" + HOST + b"\r\n"


def fields(block):
    """A request with these lines and no others."""
    return b"GET / HTTP/1.1\r\n" + block + b"\r\n\r\n"


def field(lines):
    """A request with these lines, behind Host."""
    return fields(HOST + lines)


def post(lines, body=b""):
    """A request with a body, whose framing the lines tell."""
    return b"POST /post HTTP/1.1\r\n" + HOST + lines + b"\r\n\r\n" + body


def chunks(body):
    """A request with a body in chunks, of which these bytes are meant to be some."""
    return post(b"Transfer-Encoding: chunked", body)


def assert_refused(proxy, home, data, *statuses, method="GET"):
    """It is answered with one of the statuses (400 if none is named) and told that the connection ends; the connection ends
    in order, behind that one answer; and no server has got a request. `home` is an HonestServer."""
    before = len(home.requests)
    with HttpClient(proxy) as client:
        answer = client.send(data).answer(method)
        ending = client.ending()
    assert answer.status in (statuses or (400,)), (answer.status, answer.reason)
    assert answer.closes and not answer.interim, answer
    assert ending == "fin"
    assert len(home.requests) == before, f"it went on: {home.requests[-1]}"
    assert not home.new_complaints()
