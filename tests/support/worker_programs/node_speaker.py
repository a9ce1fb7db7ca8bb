"""Speaks Node's cluster protocol as a Node program would, but is none: in some slots it has a bad habit. In the others it
becomes the program behind the habits.

usage: node_speaker.py [SLOT:HABIT]... -- COMMAND...
"""

import json
import os
import random
import socket
import sys
import time

from habits import answer, wait_for_ever


class Channel:
    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ["NODE_CHANNEL_FD"]))
        self.unread = b""
        self.descriptors = []
        self.seq = 0

    def say(self, **line):
        self.socket.sendall(json.dumps(line).encode() + b"\n")

    def act(self, act, **more):
        self.say(cmd="NODE_CLUSTER", act=act, seq=self.seq, **more)
        self.seq += 1

    def ask_to_listen(self, port=3000, index=0, **more):
        where = {"address": None, "port": port, "addressType": 4, "index": index, **more}
        self.act("queryServer", **where)
        return where

    def start(self):
        self.act("online")
        where = self.ask_to_listen()
        self.key = self.hear(lambda line: "key" in line)["key"]
        self.act("listening", **where)

    def hear(self, wanted=lambda line: True):
        """The next such line; None at the end."""
        while True:
            while b"\n" in self.unread:
                line, self.unread = self.unread.split(b"\n", 1)
                if wanted(line := json.loads(line)):
                    return line
            data, descriptors, _, _ = socket.recv_fds(self.socket, 65536, 8)
            if not data:
                return None
            self.unread += data
            self.descriptors += descriptors

    def serve(self, around=lambda channel, seq: None):
        """As it should be, but for what is said before and after each answer."""
        while line := self.hear():
            inner = line.get("msg") or {}
            if line.get("cmd") != "NODE_HANDLE":
                if line.get("act") == "disconnect":
                    return
                continue
            if not self.descriptors:
                self.say(cmd="NODE_HANDLE_NACK")
                continue
            descriptor = self.descriptors.pop(0)
            self.say(cmd="NODE_HANDLE_ACK")
            mine = inner.get("key") == self.key
            if inner:
                around(self, inner["seq"])
                self.say(cmd="NODE_CLUSTER", ack=inner["seq"], accepted=mine, seq=self.seq)
                around(self, inner["seq"])
            if mine:
                answer(descriptor)
            else:
                os.close(descriptor)

    def flood(self, *lines):
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        while True:
            self.socket.sendall(data * 50)


# Those who talk nonsense, but serve.


def says_what_is_no_json(channel):
    """Of any length; some of it begins well."""
    deep = b'{"cmd":' * 3000 + b"[" * 5000
    nonsense = [b"", b"\0", b"null", b"[]", b"1e999999", b'{"cmd":', b'{"cmd":"NODE_CLUSTER","act":"listen', b"\xff\xfe\xfa",
                b'"NODE_HANDLE_ACK"', deep, b"x" * 70000, b'{"cmd":"NODE_CLUSTER","act":"' + b"y" * (1 << 20) + b'"}',
                random.randbytes(1000).replace(b"\n", b"?"), b'{"cmd":"NODE_HANDLE_ACK"} trailing']

    def babble(channel, seq):
        channel.socket.sendall(b"\n".join(nonsense) + b"\n")

    babble(channel, 0)
    channel.start()
    channel.serve(babble)


def says_lines_of_a_mebibyte(channel):
    """As a program may with process.send()."""
    def babble(channel, seq):
        if seq % 5 == 0:
            channel.say(type="app", text="z" * (1 << 20))
        channel.say(cmd="app", text="\n\u2028\"")

    channel.start()
    channel.serve(babble)


def says_words_of_wrong_types(channel):
    wrong = [None, True, -1, 1.5, 2**62, "x" * 300, [], {}, {"a": {"b": None}}]

    def babble(channel, seq):
        for value in wrong if seq % 8 == 0 else []:
            channel.say(cmd=value)
            channel.say(cmd="NODE_CLUSTER", ack=value, accepted=value, seq=value)
            channel.say(cmd="NODE_CLUSTER", act=value, key=value, seq=value)
            channel.say(cmd="NODE_CLUSTER", act="close", key=value, seq=value)
            channel.say(cmd="NODE_HANDLE", type=value, msg=value)

    channel.start()
    babble(channel, 0)
    channel.serve(babble)


def answers_twice(channel):
    """What is said again means nothing, even if it says something else."""
    def again(channel, seq):
        channel.say(cmd="NODE_CLUSTER", ack=seq - 1, accepted=False, seq=0)
        channel.say(cmd="NODE_CLUSTER", ack=seq - 1, accepted=True, seq=0)

    channel.start()
    channel.serve(again)


def answers_what_nobody_asked(channel):
    def babble(channel, seq):
        for number in (0, seq - 9, seq + 1, seq + 2, seq + 50, 2**32, 2**40 + seq):
            for accepted in (True, False):
                channel.say(cmd="NODE_CLUSTER", ack=number, accepted=accepted, seq=0)

    channel.start()
    channel.serve(babble)


def sends_handles(channel):
    """Each is acknowledged, or Node would send nothing more; none is kept."""
    nothing = os.open("/dev/null", os.O_RDWR)
    channel.start()

    def throw(channel, seq):
        for count in (1, 3, 200):
            line = json.dumps({"cmd": "NODE_HANDLE", "type": "net.Socket", "msg": {"count": count}}).encode() + b"\n"
            socket.send_fds(channel.socket, [line], [nothing] * count)

    channel.serve(throw)


def listens_everywhere(channel):
    """Where it may and where it may not."""
    channel.start()
    for index in range(80):
        channel.ask_to_listen(0, index)
    for where in ({"port": 70000}, {"port": -5}, {"port": 2**40}, {"address": "a" * 5000}, {"address": "no.such.host"},
                  {"addressType": "udp4"}, {"addressType": -1, "address": "/no/such/folder/x", "port": -1},
                  {"addressType": -1, "address": "", "port": -1}, {"fd": 0}, {"fd": 9}, {"address": "::1]:1"},
                  {"address": "1.1.1.1"}, {"data": "d" * 5000}, {"data": {"deep": [[[[]]]]}}, {"addressType": 6}):
        channel.ask_to_listen(**{"port": 23999, **where})
    channel.act("listening", address=None, port=1, addressType=4, index=7)
    channel.act("close", key="d63")
    channel.serve()


# Those who do not serve.


def never_listens(channel):
    channel.act("online")
    wait_for_ever()


def never_reads(channel):
    channel.start()
    wait_for_ever()


def refuses(channel):
    channel.start()
    channel.key = "another"
    channel.serve()


def loses_descriptors(channel):
    channel.start()
    while channel.hear(lambda line: line.get("cmd") == "NODE_HANDLE"):
        for descriptor in channel.descriptors:
            os.close(descriptor)
        channel.descriptors = []
        channel.say(cmd="NODE_HANDLE_NACK")


def dies_before_it_answers(channel):
    channel.start()
    while not channel.descriptors:
        channel.hear(lambda line: line.get("cmd") == "NODE_HANDLE")
    os.kill(os.getpid(), 9)


def dies_between_its_answers(channel):
    """The descriptor has arrived, but is not accepted."""
    channel.start()
    while not channel.descriptors:
        channel.hear(lambda line: line.get("cmd") == "NODE_HANDLE")
    channel.say(cmd="NODE_HANDLE_ACK")
    os.kill(os.getpid(), 9)


def stops_in_the_middle_of_a_line(channel):
    channel.start()
    channel.socket.sendall(b'{"cmd":"NODE_CLUSTER","ack"')
    wait_for_ever()


def closes_everything(channel):
    channel.start()
    channel.act("close", key=channel.key)
    channel.serve()


# Those who never stop.


def floods_with_acknowledgements(channel):
    channel.start()
    channel.flood({"cmd": "NODE_HANDLE_ACK"}, {"cmd": "NODE_CLUSTER", "ack": 77, "accepted": True, "seq": 1})


def floods_with_questions(channel):
    """And reads none of the answers."""
    channel.start()
    channel.flood({"cmd": "NODE_CLUSTER", "act": "exitedAfterDisconnect", "seq": 1}, {"cmd": "NODE_HANDLE", "type": "net.Socket"})


def floods_with_listening(channel):
    """And reads none of the answers."""
    channel.start()
    channel.flood({"cmd": "NODE_CLUSTER", "act": "queryServer", "seq": 5, "index": 0, "port": 53, "addressType": "udp4"},
                  {"cmd": "NODE_CLUSTER", "act": "queryServer", "seq": 5, "index": 0, "port": 70000, "addressType": 4})


def floods_without_a_newline(channel):
    channel.start()
    while True:
        channel.socket.sendall(b"x" * 65536)


def main(*words):
    at = words.index("--")
    habit = dict(word.split(":", 1) for word in words[:at]).get(os.environ["LIMPET_SLOT"])
    if habit:
        globals()[habit](Channel())
    else:
        os.execvp(words[at + 1], words[at + 1:])


main(*sys.argv[1:])
