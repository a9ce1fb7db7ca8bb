"""RFC 9110 section 7.8: a connection changes its protocol when the client asked for it, the listener allows it and the
server agrees. Until then its bytes are HTTP, and from then on nobody's business."""

import pytest

from support.http_client import HttpClient
from support.http_servers import END, RESET, HonestServer, Scripted, answer
from support.proc import wait_until
from support.ranking import Ranking
from support.refusals import assert_refused, field, line, post

HANDSHAKE = field(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                  b"dGhlIHNhbXBsZSBub25jZQ==")
AGREES = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
NEXT = line(b"GET /next HTTP/1.1")


def _upgrade(protocol, more=b""):
    return field(b"Connection: upgrade\r\nUpgrade: " + protocol + more)


class Tunnel(Scripted):
    """Agrees, says `first`, then echoes until the client is done, and says `last`."""

    def __init__(self, name, first=b"", last=b"bye", wait=0.0):
        self.first, self.last = first, last
        super().__init__(name, self._agree)
        self.wait = wait

    def _agree(self, request):
        if self.wait:
            yield self.wait
        yield AGREES.replace(b"websocket", request.get("upgrade").encode()) + self.first
        while data := request.talk.read():
            yield data
        yield self.last
        yield END


@pytest.fixture(scope="module")
def tunnel(lasting):
    return lasting(Tunnel("a"))


@pytest.fixture(scope="module")
def proxy(http_proxy, tunnel):
    return http_proxy([tunnel], timeouts={"tunnel": "1s"})


@pytest.fixture(scope="module")
def home(lasting):
    return lasting(HonestServer())


@pytest.fixture(scope="module")
def to_home(http_proxy, home):
    return http_proxy([home])


def test_bytes_pass_both_ways_unchanged(proxy, tunnel):
    with HttpClient(proxy) as client:
        handshake = client.ask(HANDSHAKE)
        assert handshake.status == 101
        assert handshake.lists("connection", "upgrade") and handshake.get("upgrade") == "websocket"
        assert handshake.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        data = bytes(range(256)) * 2000
        client.send(data)
        assert client.read_exactly(len(data)) == data
        client.send(field(b"X: y"))
        assert client.read_exactly(len(field(b"X: y"))) == field(b"X: y")
        assert client.finish().read_to_end() == b"bye"
    assert not tunnel.complaints


def test_bytes_right_behind_the_handshake_are_held(http_proxy, lasting):
    server = lasting(Tunnel("a", wait=0.2))
    with HttpClient(http_proxy([server])) as client:
        client.send(HANDSHAKE + b"early")
        assert wait_until(lambda: server.requests)
        assert bytes(server.talks[0].received).endswith(b"\r\n\r\n")
        assert client.answer().status == 101
        assert client.read_exactly(5) == b"early"


def test_bytes_right_behind_the_agreement_arrive(http_proxy, lasting):
    server = lasting(Tunnel("a", first=b"welcome" * 3000))
    with HttpClient(http_proxy([server])) as client:
        assert client.ask(HANDSHAKE).status == 101
        assert client.read_exactly(21000) == b"welcome" * 3000


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "426 Upgrade Required", "503 Service Unavailable"])
def test_a_server_may_decline(http_proxy, lasting, status):
    """CVE-2026-2833: what the client sent behind the handshake is a request, and is read as one."""
    server = lasting(Scripted("a", lambda request: [
        answer(request.target.encode(), status if request.target == "/" else "200 OK")]))
    proxy = http_proxy([server])
    with HttpClient(proxy) as client:
        client.send(HANDSHAKE + NEXT)
        assert client.answer().status == int(status[:3])
        assert client.answer().body == b"/next"
    with HttpClient(proxy) as client:
        client.send(HANDSHAKE + field(b"X : y") + NEXT)
        assert client.answer().status == int(status[:3])
        assert client.answer().status == 400
        assert client.ending() == "fin"
    assert not server.complaints


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_upgrade_with_a_body_is_answered_400(to_home, home, framing):
    body = b"hello" if framing.startswith(b"C") else b"5\r\nhello\r\n0\r\n\r\n"
    for method in (b"GET", b"POST"):
        assert_refused(to_home, home, HANDSHAKE.replace(b"GET", method)[:-2] + framing + b"\r\n" + body)


@pytest.mark.parametrize("protocol", [b"h2c", b"TLS/1.0", b"unknown", b"h2c, websocket-not", b"HTTP/2.0", b"websocketx",
                                      b""])
def test_other_protocols_are_not_asked_for(to_home, home, protocol):
    """The request goes on without."""
    more = b"\r\nHTTP2-Settings: AAMAAABkAAQAAP__" if protocol == b"h2c" else b""
    with HttpClient(to_home) as client:
        client.send(_upgrade(protocol, more) + NEXT)
        names = {key for key, _ in client.answer().json()["fields"]}
        assert not names & {"upgrade", "http2-settings"}
        assert client.answer().json()["target"] == "/next"
    assert not home.new_complaints()


def test_upgrade_that_connection_does_not_name_is_no_upgrade(to_home, home):
    with HttpClient(to_home) as client:
        told = client.ask(field(b"Upgrade: websocket")).json()
        assert "upgrade" not in dict(told["fields"])
    assert not home.new_complaints()


def test_http_1_0_cannot_upgrade(to_home, home):
    with HttpClient(to_home) as client:
        told = client.ask(HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0")).json()
        assert "upgrade" not in dict(told["fields"])
    assert not home.new_complaints()


def test_a_listener_may_allow_more_protocols(http_proxy, tunnel):
    proxy = http_proxy([tunnel], listener={"upgrade": ["websocket", "irc"]})
    for protocol in (b"irc", b"WebSocket"):
        with HttpClient(proxy) as client:
            assert client.ask(_upgrade(protocol)).status == 101
            assert client.send(b"x").read_exactly(1) == b"x"


@pytest.mark.parametrize("request_", [line(b"GET / HTTP/1.1"), _upgrade(b"h2c"), post(b"Content-Length: 5", b"hello"),
                                      line(b"HEAD / HTTP/1.1")], ids=["GET", "h2c", "POST", "HEAD"])
def test_101_that_nobody_asked_for_is_answered_502(http_proxy, lasting, request_):
    """CVE-2024-23326."""
    server = lasting(Scripted("a", [AGREES + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", END]))
    proxy = http_proxy([server])
    with HttpClient(proxy) as client:
        assert client.ask(request_).status == 502
    with HttpClient(proxy) as client:
        assert client.ask(request_).status == 502
    assert len(server.talks) >= 2, "the connection was used again"


@pytest.mark.parametrize("agreement", [AGREES.replace(b"websocket", b"h2c"), AGREES.replace(b"Upgrade: websocket\r\n", b"")],
                         ids=["to another protocol", "to none"])
def test_101_to_something_else_is_answered_502(http_proxy, lasting, agreement):
    proxy = http_proxy([lasting(Scripted("a", [agreement, END]))])
    with HttpClient(proxy) as client:
        assert client.ask(HANDSHAKE).status == 502


def test_an_idle_tunnel_is_ended_after_its_time(proxy):
    with HttpClient(proxy) as client:
        assert client.ask(HANDSHAKE).status == 101
        client.send(b"x")
        assert client.read_exactly(1) == b"x"
        assert client.ending(0.5) == "open"
        assert client.ending(3) in ("fin", "reset")


def test_a_client_may_finish_and_still_listen(proxy):
    with HttpClient(proxy) as client:
        assert client.ask(HANDSHAKE).status == 101
        client.send(b"last words").finish()
        assert client.read_to_end() == b"last wordsbye"


def test_a_server_may_finish_and_still_listen(http_proxy, lasting):
    server = lasting(Scripted("a", [AGREES + b"that is all", END]))
    with HttpClient(http_proxy([server])) as client:
        assert client.ask(HANDSHAKE).status == 101
        assert client.read_to_end() == b"that is all"
        client.send(b"but I go on").finish()
        assert wait_until(lambda: server.talks[0].received.endswith(b"but I go on"))


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_reset_passes_through_the_tunnel(http_proxy, lasting, side):
    server = lasting(Scripted("a", lambda request: [AGREES, *([0.1, RESET] if side == "server" else [END])]))
    with HttpClient(http_proxy([server])) as client:
        assert client.ask(HANDSHAKE).status == 101
        if side == "client":
            client.reset()
            assert wait_until(lambda: server.talks[0].over.is_set())
        else:
            assert client.ending() == "reset"


def test_the_session_of_a_dead_server_goes_on_at_the_next_ranked(http_proxy, lasting):
    """Not at a random one: whoever asks with that session meets the same server."""
    def server(name):
        taken = AGREES[:-2] + b"X-Server: " + name.encode() + b"\r\n\r\n"
        greeting = answer(name.encode(), fields=[b"Set-Cookie: SID=of-" + name.encode()])
        return lasting(Scripted(name, lambda request: [taken, END] if request.get("upgrade") else [greeting]))

    servers = {name: server(name) for name in "abc"}
    proxy = http_proxy(servers.values(), key="header:X-User", pool={"stick": [{"session": "cookie:SID"}]}, threads=1)
    ranking = Ranking("tests", "app", dict.fromkeys("abc", 1))
    order = ranking.order_of_text("ann")
    bob = next(f"bob{number}" for number in range(99) if ranking.order_of_text(f"bob{number}")[0] != order[0])

    def upgraded(user, sid):
        request = HANDSHAKE[:-2] + f"X-User: {user}\r\nCookie: SID=of-{sid}\r\n\r\n".encode()
        with HttpClient(proxy) as client:
            return client.ask(request).get("x-server")

    with HttpClient(proxy) as client:
        assert client.ask(field(b"X-User: ann")).body.decode() == order[0]
    assert upgraded(bob, order[0]) == order[0]
    servers[order[0]].stop()
    rest = [name for name in ranking.order_of_text(bob) if name != order[0]]
    assert {upgraded(bob, order[0]) for _ in range(6)} == {rest[0]}
    assert {upgraded("ann", order[0]) for _ in range(6)} == {order[1]}
