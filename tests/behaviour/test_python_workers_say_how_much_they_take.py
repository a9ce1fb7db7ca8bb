"""What python/limpet_worker.py offers beside the plain serve(handle): limits, deadlines, protocols, TLS."""

import signal
import socket
import ssl
import subprocess
import textwrap

import pytest

from support import proc
from support.limpet import ROOT
from support.worker_channel import CONNECTION, PING, PONG, PYTHON, REFUSED, TAKEN, TLS, WorkerChannel, message

BEGIN = "import asyncio, sys\nimport limpet_worker\n"


@pytest.fixture
def worker(folder, keep):
    """Runs a program of the test's own as a worker."""
    def start(program, **more):
        file = folder / "program.py"
        file.write_text(BEGIN + textwrap.dedent(program))
        return keep(WorkerChannel([PYTHON, "-B", "-X", "dev", "-W", "error", str(file)], folder, **more)).ready()

    return start


ECHO = """
    async def handle(reader, writer, client):
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    asyncio.run(limpet_worker.serve(handle, {}))
"""


def assert_ends_well(limpet):
    assert limpet.ended() == 0, limpet.stderr
    assert limpet.stderr == ""


def test_more_than_the_limit_is_refused_until_somebody_leaves(worker):
    limpet = worker(ECHO.format("limit=3"))
    first, *others = [limpet.give() for _ in range(5)]
    assert [limpet.hear() for _ in range(5)] == [(TAKEN, 1), (TAKEN, 2), (TAKEN, 3), (REFUSED, 4), (REFUSED, 5)]
    assert [each.read() for each in others[2:]] == ["", ""]
    first.close()
    assert limpet.counted(2)
    again = limpet.give()
    assert limpet.hear() == (TAKEN, again.number)
    assert again.ask(b"hello\n") == "hello\n"


def test_a_conversation_may_go_on_until_the_deadline(worker):
    limpet = worker(ECHO.format("deadline=1"))
    client = limpet.give()
    assert client.ask(b"hello\n") == "hello\n"
    limpet.drain()
    assert client.ask(b"still here\n") == "still here\n"
    assert client.read() == ""
    assert_ends_well(limpet)


def test_without_a_deadline_the_last_one_ends_it(worker):
    limpet = worker(ECHO.format(""))
    client, other = limpet.give(), limpet.give()
    assert client.ask(b"hello\n") == other.ask(b"hello\n") == "hello\n"
    limpet.drain()
    client.close()
    assert limpet.ended(0.5) is None
    assert other.ask(b"still here\n") == "still here\n"
    other.close()
    assert_ends_well(limpet)


def test_who_is_cut_off_at_once_is_cut_off_in_every_state(worker):
    """Some are taken, some have a transport, some are talking when the deadline of nought seconds is there."""
    limpet = worker(ECHO.format("deadline=0"))
    with proc.paused(limpet.process.pid):
        for _ in range(100):
            limpet.give()
        limpet.drain()
    assert_ends_well(limpet)


def test_long_conversations_are_told_that_limpet_is_done(worker):
    limpet = worker("""
        async def handle(reader, writer, client):
            writer.write(b"welcome\\n")
            await client.draining.wait()
            writer.write(b"goodbye\\n")
        asyncio.run(limpet_worker.serve(handle))
    """)
    client = limpet.give()
    assert client.read() == "welcome\n"
    limpet.drain()
    assert client.read() == "goodbye\n"
    assert_ends_well(limpet)


def test_what_is_known_of_the_client_is_told(worker):
    limpet = worker("""
        async def handle(reader, writer, client):
            writer.write(f"{client.address} {client.peer} {client.address.ip} {client.address.port} {client.tls} "
                         f"{client.pair} {client.key:x} {client!r}\\n".encode())
        asyncio.run(limpet_worker.serve(handle))
    """)
    told = limpet.give(flags=TLS, key=0xFEDCBA9876543210, client=("2001:db8::1", 0), peer=("192.0.2.7", 99)).read()
    assert told == ("2001:db8::1 192.0.2.7:99 2001:db8::1 0 True False fedcba9876543210 "
                    "<Client 2001:db8::1 peer=192.0.2.7:99 tls=True pair=False>\n")
    assert limpet.give(kind=2).read().startswith("unix unix None 0 ")
    assert limpet.give(kind=0).read().startswith("- - None 0 ")


def test_an_exception_ends_its_own_connection_and_is_reported(worker):
    limpet = worker("""
        async def handle(reader, writer, client):
            line = await reader.readexactly(6)
            if line == b"break\\n":
                raise ValueError("broken")
            writer.write(line)
        asyncio.run(limpet_worker.serve(handle))
    """)
    broken, left, fine = limpet.give(), limpet.give(), limpet.give()
    left.socket.sendall(b"ab")
    left.close()
    assert broken.ask(b"break\n") == ""
    assert fine.ask(b"hello\n") == "hello\n"
    limpet.drain()
    assert limpet.ended() == 0
    assert "broken" in limpet.stderr and "the connection of 203.0.113.9:4711" in limpet.stderr
    assert "Incomplete" not in limpet.stderr


PROTOCOL = """
    class Upper(asyncio.Protocol):
        def __init__(self, client):
            self.client = client
        def connection_made(self, transport):
            self.transport = transport
        def data_received(self, data):
            if data == b"other\\n":
                self.transport.set_protocol(asyncio.Protocol())
            self.transport.write(f"{self.client}: ".encode() + data.upper())
    def factory(client):
        if client.address.port == 13:
            raise ValueError("unlucky")
        return Upper(client)
    asyncio.run(limpet_worker.serve_protocol(factory, limit=2))
"""


def test_protocols_are_served_and_counted_whatever_becomes_of_them(worker):
    limpet = worker(PROTOCOL)
    first, second = limpet.give(), limpet.give()
    assert first.ask(b"hello\n") == "203.0.113.9:4711: HELLO\n"
    assert second.ask(b"other\n") == "203.0.113.9:4711: OTHER\n"
    assert [limpet.hear() for _ in range(2)] == [(TAKEN, 1), (TAKEN, 2)]
    limpet.give()
    assert limpet.hear() == (REFUSED, 3)
    second.close()
    assert limpet.counted(1)
    limpet.give()
    assert limpet.hear() == (TAKEN, 4)


def test_a_factory_that_fails_loses_its_own_connection_alone(worker):
    limpet = worker(PROTOCOL)
    assert limpet.give(client=("203.0.113.9", 13)).read() == ""
    assert limpet.give().ask(b"hello\n") == "203.0.113.9:4711: HELLO\n"
    assert "unlucky" in limpet.stderr and "203.0.113.9:13" in limpet.stderr


def test_a_worker_may_speak_tls_itself(worker, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-keyout", "key.pem",
                    "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
    limpet = worker(f"""
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("{folder}/cert.pem", "{folder}/key.pem")
        async def handle(reader, writer, client):
            writer.write(await reader.readline())
        asyncio.run(limpet_worker.serve(handle, ssl=context))
    """)
    wrong, right, early = limpet.give(), limpet.give(), limpet.give()
    early.close()
    wrong.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with trusting.wrap_socket(right.socket) as talk:
        talk.sendall(b"secret\n")
        assert talk.recv(100) == b"secret\n"
    limpet.drain()
    assert limpet.ended() == 0, limpet.stderr


def test_what_is_no_connection_is_refused(worker):
    limpet = worker(ECHO.format(""))
    with open("/dev/null") as file, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        limpet.say(message(CONNECTION, 1), [file.fileno()])
        limpet.say(message(CONNECTION, 2), [datagrams.fileno()])
        limpet.say(message(PING, 3))
    assert [limpet.hear() for _ in range(3)] == [(REFUSED, 1), (REFUSED, 2), (PONG, 3)]


def test_children_get_nothing_of_the_channels(worker):
    limpet = worker("""
        import subprocess
        async def handle(reader, writer, client):
            ask = "import os; print(os.listdir('/proc/self/fd'), [k for k in os.environ if k.endswith('_FD') or 'UNIQUE' in k])"
            writer.write(subprocess.run([sys.executable, "-c", ask], close_fds=False, stdout=subprocess.PIPE).stdout)
        asyncio.run(limpet_worker.serve(handle))
    """)
    assert limpet.give().read() == "['0', '1', '2', '3'] []\n"


def test_interrupted_it_lets_go_of_everything(worker):
    limpet = worker("""
        async def handle(reader, writer, client):
            writer.write(b"welcome\\n")
            await reader.read()
        try:
            asyncio.run(limpet_worker.serve(handle))
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
    """)
    client = limpet.give()
    assert client.read() == "welcome\n"
    limpet.process.send_signal(signal.SIGINT)
    assert limpet.ended() == 0
    assert limpet.stderr == "interrupted\n"


@pytest.mark.parametrize("variable", [None, "", "x", "0", "999"])
def test_a_program_that_limpet_did_not_start_is_told_so(variable):
    program = BEGIN + textwrap.dedent("""
        try:
            asyncio.run(limpet_worker.serve(None))
        except limpet_worker.NotAWorker as error:
            print(limpet_worker.is_worker(), error)
    """)
    env = {"PYTHONPATH": str(ROOT / "python"), **({} if variable is None else {"LIMPET_FD": variable})}
    done = subprocess.run([PYTHON, "-B", "-c", program], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=10, check=False)
    assert done.stdout.startswith("False ") and "LIMPET_FD" in done.stdout, done.stderr
