"""Bad habits of workers that speak limpet's own contract. Each is given the channel, and most never end."""

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


def never_ends(channel):
    """Nor does SIGTERM impress it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(channel, READY)
    while True:
        time.sleep(60)
