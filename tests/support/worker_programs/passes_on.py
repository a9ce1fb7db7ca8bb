"""A worker that speaks limpet's own contract and serves nobody: it passes every connection on to the Unix socket that its
argument names (support.http_servers.ScriptedWorker), and keeps none."""

import os
import socket
import struct
import sys

import habits

CHANNEL = socket.socket(fileno=int(os.environ["LIMPET_FD"]))


def main(path):
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    CHANNEL.send(struct.pack("=IB3x", 0, habits.READY))
    while True:
        data, descriptors, _, _ = socket.recv_fds(CHANNEL, 256, 4)
        if not data:
            return
        answer = habits.PONG
        if data[1] == habits.CONNECTION:
            socket.send_fds(server, [b"c"], descriptors)
            os.close(descriptors[0])
            answer = habits.TAKEN
        CHANNEL.send(struct.pack("=IB3x", struct.unpack_from("=I", data, 4)[0], answer))


main(sys.argv[1])
