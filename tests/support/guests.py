"""Clients that keep the cookies they are given, as browsers do; many of them share a few connections, as behind a CDN."""

from support.http_client import HttpClient

LIMPET = "limpet"

# So many requests stand on a connection unanswered.
PIPELINE = 50


def set_cookies(answer):
    """{name: (value, [attribute, ...])} of what an answer sets."""
    found = {}
    for line in answer.all("set-cookie"):
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        assert name not in found, f"{name} is set twice"
        found[name] = value, attributes
    return found


class Guest:
    """`user` is its key. `met` are the servers that answered it, `given` counts the cookies of limpet that it got."""

    def __init__(self, user):
        self.user = user
        self.cookies, self.met, self.given = {}, [], 0

    @property
    def home(self):
        """Where it was last."""
        return self.met[-1]

    def request(self, user=None):
        lines = f"GET / HTTP/1.1\r\nHost: example.org\r\nX-User: {user or self.user}\r\n"
        if self.cookies:
            lines += "Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()) + "\r\n"
        return lines.encode("latin-1") + b"\r\n"

    def take(self, answer):
        assert answer.status == 200, answer
        self.met.append(answer.body.decode().strip())
        for name, (value, _) in set_cookies(answer).items():
            self.cookies[name] = value
            self.given += name == LIMPET


def guests(count):
    return [Guest(f"user-{number}") for number in range(count)]


def all_ask(proxy, everybody, times=1, user=None):
    """Each of them so many times, in turn. `user(guest, turn)`: the key that it comes with, if not its own."""
    with HttpClient(proxy, timeout=15) as client:
        for turn in range(times):
            for start in range(0, len(everybody), PIPELINE):
                some = everybody[start:start + PIPELINE]
                client.send(b"".join(guest.request(user and user(guest, turn)) for guest in some))
                for guest in some:
                    guest.take(client.answer())


def ask_once(proxy, cookie=None, user="somebody", fields=()):
    """The answer to one request; `cookie` is the value of its Cookie field, in bytes or Latin-1."""
    lines = [b"GET / HTTP/1.1", b"Host: example.org", b"X-User: " + user.encode(), *fields]
    if cookie is not None:
        lines.append(b"Cookie: " + (cookie if isinstance(cookie, bytes) else cookie.encode("latin-1")))
    with HttpClient(proxy) as client:
        return client.ask(b"\r\n".join(lines) + b"\r\n\r\n")
