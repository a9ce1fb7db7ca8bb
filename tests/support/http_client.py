"""A client that sends exactly the bytes that a test wants, and believes only answers that are right in every byte."""

from contextlib import suppress

from support.client import Client
from support.http1 import Cut, Feed, Malformed, drive, read_answer


class HttpClient(Client):
    """One connection. Whatever takes longer than `timeout` counts as a stall."""

    def __init__(self, to, source=None, timeout=5, prepare=None):
        super().__init__(to, source, timeout, prepare)
        self.feed = Feed()

    def send(self, data):
        """What cannot be sent because the other side has ended is not sent: its answer is what counts."""
        with suppress(ConnectionError):
            self.socket.sendall(data)
        return self

    def send_what_is_taken(self, data):
        """As much as the other side takes before the timeout."""
        with suppress(OSError):
            self.socket.sendall(data)
        return self

    def send_in_pieces(self, data, size=1):
        for at in range(0, len(data), size):
            self.send(data[at:at + size])
        return self

    def read_exactly(self, count):
        """Beginning with what came with the last answer: bytes of another protocol."""
        kept = self.feed.take(count)
        return kept + super().read_exactly(count - len(kept))

    def read_to_end(self):
        return self.feed.take(len(self.feed.kept)) + super().read_to_end()

    def answer(self, method="GET", within=None):
        """The next one. Raises Malformed, or Cut when the connection ends or stalls before it is whole."""
        if within:
            self.socket.settimeout(within)
        return drive(read_answer(self.feed, method), self.feed, lambda: self.socket.recv(1 << 18))

    def ask(self, data, method=None):
        """Sends one request and reads its answer."""
        return self.send(data).answer(method or data.split(b" ", 1)[0].decode("latin-1"))

    def ending(self, within=5):
        """What comes behind the answers: "fin", "reset", "open" (nothing, for so long) or "bytes"."""
        if self.feed.kept:
            return "bytes"
        self.socket.settimeout(within)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return "open"
        except ConnectionError:
            return "reset"
        self.feed.kept += data
        return "bytes" if data else "fin"

    def outcome(self, method="GET", within=None):
        """In one word: the status of the next answer, or "fin", "reset", "stall", "malformed"."""
        try:
            return self.answer(method, within).status
        except Cut as cut:
            return cut.how
        except Malformed:
            return "malformed"


def one_answer(to, data, method=None, **options):
    """The answer to one request on a connection of its own."""
    with HttpClient(to, **options) as client:
        return client.ask(data, method)
