"""How an asyncio program becomes a worker of limpet. One file, to be copied or put on PYTHONPATH; it needs Python 3.9 and
nothing else. limpet-worker(7) tells the whole story.

    import asyncio
    import limpet_worker

    async def handle(reader, writer, client):
        line = await reader.readline()
        writer.write(b"%s says %s" % (str(client).encode(), line))
        await writer.drain()

    asyncio.run(limpet_worker.serve(handle))

limpet starts the program (`limpet run -w 4 -l :8080 -- python3 program.py`), gives it connections, and ends the channel
when it is done with the worker: then serve() takes no more, waits for those that are open, and returns.
"""

import array
import asyncio
import contextlib
import os
import socket
import struct

__all__ = ["Address", "Client", "NotAWorker", "is_worker", "serve", "serve_protocol"]

# The words of the contract, as in limpet/worker.h.
_CONNECTION, _PING = 1, 2
_READY, _TAKEN, _REFUSED, _PONG, _LIVE = 1, 2, 3, 4, 5
_TLS, _PAIR = 1, 2
_NONE, _IP, _UNIX = 0, 1, 2

# version, word, flags, number, key, readable, nothing; client and peer: ip, port, kind, nothing
_MESSAGE = struct.Struct("=BBHIQI4x16sHBx16sHBx")
_ANSWER = struct.Struct("=IB3x")
_MAPPED = bytes(10) + b"\xff\xff"

# So many messages in one go; then the connections that are there already have their turn.
_TURN = 32
# More than the one that is due, so that surplus ones are seen and closed.
_DESCRIPTORS = 16
# Seconds between two words about how many connections there are.
_LIVE_EVERY = 1


class NotAWorker(RuntimeError):
    """The program was not started by limpet."""


class Address:
    """One end of a connection. `ip` is a text ("203.0.113.9", "2001:db8::1") or None; `port` is 0 where it is not known;
    `unix` is true for somebody on a Unix socket."""

    __slots__ = ("ip", "port", "unix")

    def __init__(self, ip=None, port=0, unix=False):
        self.ip, self.port, self.unix = ip, port, unix

    def __str__(self):
        if self.ip is None:
            return "unix" if self.unix else "-"
        if self.port == 0:
            return self.ip
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    def __repr__(self):
        return f"<Address {self}>"


class Client:
    """Who a connection is from. str(client) is its address.

    address   whom a trusted proxy, a PROXY header or a prefix named; else the peer
    peer      who connected to limpet
    tls       the client speaks TLS, which limpet has taken off
    pair      the socket is one end of a socketpair, not the client's own
    key       a number that is the same for the same client
    readable  so many bytes are known to be there to read; there may be more
    draining  an asyncio.Event: limpet is done with this worker. Long conversations may want to end.
    """

    __slots__ = ("address", "peer", "tls", "pair", "key", "readable", "draining")

    def __str__(self):
        return str(self.address)

    def __repr__(self):
        return f"<Client {self.address} peer={self.peer} tls={self.tls} pair={self.pair}>"


def is_worker():
    """True if limpet started this program and nobody has called serve() yet."""
    return "LIMPET_FD" in os.environ


async def serve(handle, *, limit=None, deadline=None, ssl=None, channel=None):
    """Is a worker until limpet is done with it. For each connection the coroutine handle(reader, writer, client) runs as a
    task of its own; when it returns, the connection is closed. A client who leaves in the middle (ConnectionError,
    asyncio.IncompleteReadError) is no trouble; other exceptions go to the event loop's exception handler.

    limit     so many connections at a time; more are refused, and limpet gives them to other workers
    deadline  so many seconds may connections live on after limpet is done with us; then they are cut off. None: as
              long as they like; limpet has a deadline of its own
    ssl       an ssl.SSLContext: this worker speaks TLS itself
    channel   the socket to limpet; None: the one that limpet named in the environment
    """
    worker = _Worker(channel, limit, ssl)

    def factory(client):
        reader = asyncio.StreamReader()
        return asyncio.StreamReaderProtocol(
            reader, lambda _, writer: worker.spawn(_handle(handle, reader, writer, client)))

    await worker.run(factory, deadline)


async def serve_protocol(factory, *, limit=None, deadline=None, ssl=None, channel=None):
    """As serve(), for an asyncio.Protocol that factory(client) makes for each connection."""
    await _Worker(channel, limit, ssl).run(factory, deadline)


async def _handle(handle, reader, writer, client):
    try:
        await handle(reader, writer, client)
    except asyncio.CancelledError:
        writer.transport.abort()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    except Exception as error:  # pylint: disable=broad-except # one connection's trouble is not the worker's
        _report(f"limpet_worker: the connection of {client} ends in an exception", error)
        writer.transport.abort()
    finally:
        writer.close()


def _report(message, error):
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


def _open_channel():
    """The socket that limpet named, which children shall not get."""
    name = os.environ.pop("LIMPET_FD", None)
    if name is None:
        raise NotAWorker("not started by limpet: LIMPET_FD is not set. Try: limpet run -w 4 -l :8080 -- python3 ...")
    try:
        channel = socket.socket(fileno=int(name))
    except (ValueError, OSError) as error:
        raise NotAWorker(f"LIMPET_FD={name} is no socket") from error
    if channel.type != socket.SOCK_SEQPACKET:
        channel.detach()
        raise NotAWorker(f"LIMPET_FD={name} is another kind of socket")
    channel.set_inheritable(False)
    _forget_node()
    return channel


def _forget_node():
    """As long as limpet does not know how a program speaks, it also offers what Node programs look for. A child that is
    one would speak there."""
    name = os.environ.pop("NODE_CHANNEL_FD", None)
    for other in ("NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID"):
        os.environ.pop(other, None)
    with contextlib.suppress(TypeError, ValueError, OSError):
        os.set_inheritable(int(name), False)


class _Socket(socket.socket):
    """Tells when it is closed, by whomever: a transport has no way to say so that survives a change of protocol."""

    closed = None

    def close(self):
        super().close()
        closed, self.closed = self.closed, None
        if closed:
            closed()


class _Worker:
    """The channel, and what came through it."""

    def __init__(self, channel, limit, ssl):
        self.loop = asyncio.get_running_loop()
        self.channel = channel or _open_channel()
        self.limit = limit
        self.ssl = ssl
        self.factory = None
        self.open = {}  # sockets, and their transports once they have one
        self.tasks = set()  # that put transports around sockets, and that handle connections
        self.draining = asyncio.Event()
        self.changed = asyncio.Event()
        self.over = False  # whatever is open now is cut off
        self.live_told = None  # the timer that will tell it

    async def run(self, factory, deadline):
        self.factory = factory
        with self.channel:
            # Answers wait for room. The flag belongs to the open file, so reads say for themselves that they do not wait.
            self.channel.settimeout(None)
            self.answer(_READY, 0)
            self.loop.add_reader(self.channel, self.on_readable)
            try:
                await self.draining.wait()
                await self.finish(deadline)
            finally:
                self.loop.remove_reader(self.channel)
                self.cut_off()
                if self.live_told:
                    self.live_told.cancel()

    async def finish(self, deadline):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.all_gone(), deadline)
        self.cut_off()
        await self.all_gone()

    async def all_gone(self):
        while self.open or self.tasks:
            self.changed.clear()
            await self.changed.wait()

    def cut_off(self):
        self.over = True
        for task in self.tasks:
            task.cancel()
        for transport in list(self.open.values()):
            if transport:
                transport.abort()

    def spawn(self, coroutine, done=None):
        """A task that is waited for."""
        def finished(task):
            self.tasks.discard(task)
            self.changed.set()
            if done:
                done(task)

        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(finished)

    # What limpet says.

    def on_readable(self):
        for _ in range(_TURN):
            try:
                data, descriptors = self.receive()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionResetError:
                continue  # told once when limpet died with answers unread; what it had sent before is still there
            if not data:
                self.loop.remove_reader(self.channel)
                self.draining.set()
                return
            self.on_message(data, descriptors)

    def receive(self):
        """One message and its descriptors."""
        room = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
        flags = socket.MSG_DONTWAIT | getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        data, parts, _, _ = self.channel.recvmsg(_MESSAGE.size, room, flags)
        descriptors = array.array("i")
        for level, kind, part in parts:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(part[:len(part) - len(part) % descriptors.itemsize])
        return data, descriptors

    def on_message(self, data, descriptors):
        """Nothing is kept of what is no connection: words and longer messages of later versions."""
        message = _MESSAGE.unpack(data) if len(data) == _MESSAGE.size else None
        wanted = 1 if message and message[1] == _CONNECTION else 0
        for surplus in descriptors[wanted:]:
            os.close(surplus)
        if wanted:
            self.on_connection(message, descriptors[0] if descriptors else None)
        elif message and message[1] == _PING:
            self.answer(_PONG, message[3])

    def on_connection(self, message, descriptor):
        number = message[3]
        connection = _socket_of(descriptor)
        if connection is None or (self.limit is not None and len(self.open) >= self.limit):
            if connection:
                connection.close()
            self.answer(_REFUSED, number)
            return
        if not self.answer(_TAKEN, number):
            connection.close()  # limpet may give it to somebody else
            return
        connection.closed = lambda: self.on_closed(connection)
        self.open[connection] = None
        self.tell_live_soon()
        client = self.client_of(message)
        starting = self.loop.connect_accepted_socket(lambda: self.factory(client), connection, ssl=self.ssl)
        self.spawn(starting, lambda task: self.on_started(connection, client, task))

    def client_of(self, message):
        client = Client()
        flags = message[2]
        client.tls, client.pair = bool(flags & _TLS), bool(flags & _PAIR)
        client.key, client.readable = message[4], message[5]
        client.address, client.peer = _address(*message[6:9]), _address(*message[9:12])
        client.draining = self.draining
        return client

    def on_started(self, connection, client, task):
        """It has a transport now, which reads; or it was cut off, the client cannot speak TLS, the factory has failed."""
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error:
            connection.close()
        elif self.over:
            task.result()[0].abort()
        elif connection in self.open:
            self.open[connection] = task.result()[0]
        if error and not isinstance(error, OSError):
            _report(f"limpet_worker: no protocol for the connection of {client}", error)

    def on_closed(self, connection):
        self.open.pop(connection, None)
        self.changed.set()
        self.tell_live_soon()

    # What limpet is told.

    def answer(self, word, number, flags=0):
        """Waits for room, of which there always is enough for what limpet lets be under way. False: limpet is gone."""
        try:
            self.channel.send(_ANSWER.pack(number, word), flags)
            return True
        except OSError:
            return False

    def tell_live_soon(self):
        if self.live_told is None:
            self.live_told = self.loop.call_later(_LIVE_EVERY, self.tell_live)

    def tell_live(self):
        self.live_told = None
        self.answer(_LIVE, len(self.open), socket.MSG_DONTWAIT)


def _socket_of(descriptor):
    """None if there is none, because the table of descriptors is full, or if it is no connection."""
    if descriptor is None:
        return None
    try:
        connection = _Socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        return None
    if connection.type == socket.SOCK_STREAM:
        return connection
    connection.close()
    return None


def _address(ip, port, kind):
    if kind != _IP:
        return Address(unix=kind == _UNIX)
    if ip.startswith(_MAPPED):
        return Address(socket.inet_ntop(socket.AF_INET, ip[len(_MAPPED):]), port)
    return Address(socket.inet_ntop(socket.AF_INET6, ip), port)
