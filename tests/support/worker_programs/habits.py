"""Bad habits of workers that speak limpet's own contract. Each is given the channel; most never end."""

import os
import random
import signal
import socket
import struct
import time

PING, CONNECTION = 2, 1
READY, TAKEN, REFUSED, PONG, LIVE = 1, 2, 3, 4, 5


def say(channel, word, number=0):
    channel.send(struct.pack("=IB3x", number, word))


def hear(channel):
    """Word, number and descriptors of the next message; the word is 0 at the end."""
    data, descriptors, _, _ = socket.recv_fds(channel, 256, 4)
    return (data[1], struct.unpack_from("=I", data, 4)[0], descriptors) if data else (0, 0, [])


def wait_for_ever():
    while True:
        time.sleep(60)


def answer(descriptor):
    """One request, and that is all."""
    connection = socket.socket(fileno=descriptor)
    connection.settimeout(5)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096) or b"\r\n\r\n"
    line = f"{os.environ['LIMPET_SLOT']} {os.getpid()} {data.split()[1].decode().split('/')[-1]}\n".encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(line), line))
    connection.close()


def serve(channel, around=lambda number: None):
    """As it should be, but for what is said before and after each answer."""
    while True:
        word, number, descriptors = hear(channel)
        if word == 0:
            return
        if word == PING:
            say(channel, PONG, number)
            continue
        around(number)
        say(channel, TAKEN, number)
        around(number)
        answer(descriptors[0])


# Those who do nothing.


def never_ends(channel):
    """Nor does SIGTERM impress it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(channel, READY)
    wait_for_ever()


def never_reads(channel):
    say(channel, READY)
    wait_for_ever()


def swallows(channel):
    """Takes what comes, and says nothing."""
    say(channel, READY)
    kept = []
    while True:
        word, number, descriptors = hear(channel)
        kept += descriptors
        if word == PING:
            say(channel, PONG, number)
        if word == 0:
            return


def swallows_all(channel):
    """... not even that it is there."""
    say(channel, READY)
    while hear(channel)[0]:
        pass


def closes_its_channel(channel):
    """And lives on."""
    say(channel, READY)
    channel.close()
    wait_for_ever()


def closes_its_channel_later(channel):
    say(channel, READY)
    for _ in range(3):
        hear(channel)
    channel.close()
    wait_for_ever()


# Those who refuse or die.


def refuses(channel):
    say(channel, READY)
    while True:
        word, number, descriptors = hear(channel)
        for descriptor in descriptors:
            os.close(descriptor)
        if word == 0:
            return
        say(channel, PONG if word == PING else REFUSED, number)


def dies_before_it_answers(channel):
    say(channel, READY)
    while hear(channel)[0] == PING:
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def dies_with_some_unread(channel):
    say(channel, READY)
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at_once(channel):
    raise SystemExit(3)


# Those who talk nonsense, but serve.


def answers_twice(channel):
    say(channel, READY)
    say(channel, READY)

    def again(number):
        for word in (TAKEN, REFUSED, TAKEN, PONG):
            say(channel, word, number - 1)

    serve(channel, again)


def answers_what_nobody_asked(channel):
    """Numbers of the past, of the future and of nowhere; also before it is ready."""
    def babble(number):
        for other in (0, number - 7, number + 1, number + 2, number + 40, 2**31, 2**32 - 1):
            for word in (TAKEN, REFUSED, PONG, LIVE):
                say(channel, word, other % 2**32)

    babble(0)
    say(channel, READY)
    serve(channel, babble)


def says_words_of_another_version(channel):
    def babble(number):
        for word in (0, 6, 7, 77, 255):
            say(channel, word, number)
        channel.send(struct.pack("=IB3B", number, REFUSED + 9, 1, 2, 3))

    say(channel, READY)
    serve(channel, babble)


def sends_messages_of_any_length(channel):
    """Those that are too long or too short mean nothing, even if they begin like an answer."""
    refused = struct.pack("=IB3x", 0, REFUSED)

    def babble(number):
        refusal = struct.pack("=IB3x", number, REFUSED)
        for size in (1, 4, 7):
            channel.send(refusal[:size])
        for size in (9, 64, 4096, 60000):
            channel.send(refusal + bytes(size - 8))
        channel.send(random.randbytes(100))

    channel.send(refused * 2)
    say(channel, READY)
    serve(channel, babble)


def sends_descriptors(channel):
    """Of every kind, up to as many as the kernel takes: with answers, and with what is none."""
    nothing = os.open("/dev/null", os.O_RDWR)
    listening = socket.create_server(("127.0.0.1", 0))
    kinds = [nothing, listening.fileno(), channel.fileno()]

    def throw(number):
        for count in (1, 2, 253):
            chosen = [kinds[i % 3] for i in range(count)]
            socket.send_fds(channel, [struct.pack("=IB3x", number + 3, LIVE)], chosen)
            socket.send_fds(channel, [b"x" * count], chosen)

    throw(0)
    socket.send_fds(channel, [struct.pack("=IB3x", 0, READY)], [nothing])
    serve(channel, throw)


def closes_by_an_empty_message(channel):
    """Which looks like the end of the channel."""
    say(channel, READY)
    channel.send(b"")
    serve(channel)


# Those who never stop.


def _flood(channel, message, descriptors=()):
    say(channel, READY)
    while True:
        try:
            socket.send_fds(channel, [message], descriptors)
        except OSError:
            time.sleep(0.001)


def floods_with_answers(channel):
    _flood(channel, struct.pack("=IB3x", 0xdeadbeef, TAKEN))


def floods_with_noise(channel):
    _flood(channel, b"n" * 2000)


def floods_with_readiness(channel):
    _flood(channel, struct.pack("=IB3x", 0, READY))


def floods_with_descriptors(channel):
    _flood(channel, struct.pack("=IB3x", 1, LIVE), [os.open("/dev/null", os.O_RDONLY)])


def says_ready_too_long(channel):
    channel.send(struct.pack("=IB3x", 0, READY) + b"\0")
    serve(channel)
