"""Somebody who answers at an admin socket, as the test says."""

import json
import socket
import threading


def answer(status=200, body=None, raw=None):
    """An HTTP answer; `body` becomes JSON, `raw` stays as it is."""
    text = raw if raw is not None else json.dumps(body).encode() + b"\n"
    return b"HTTP/1.1 %d Word\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text)


class StandIn:
    """`answers(method, target)` gives the bytes that are sent back; None: nothing, while the client waits."""

    def __init__(self, path, answers):
        self.path = str(path)
        self.answers = answers
        self.asked = []
        self._open = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(16)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                talk, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(talk)
            try:
                self._answer(talk)
            except OSError:
                pass  # the client is gone

    def _answer(self, talk):
        head = b""
        while b"\r\n\r\n" not in head:
            more = talk.recv(4096)
            if not more:
                return
            head += more
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.asked.append((method, target))
        said = self.answers(method, target)
        if said is not None:
            talk.sendall(said)
            talk.close()

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for talk in self._open:
            talk.close()


def server(name, kind="worker", **more):
    """A server of a status, up and without clients."""
    plain = {"name": name, "kind": kind, "state": "up", "draining": False, "live": 0}
    if kind == "worker":
        plain.update(process=4250, starts=1, since=12.3, in_flight=0, queued=0, handed_over=0, refused=0,
                     answer_ms={"last": 0.3, "mean": 0.42, "worst": 4.0})
    else:
        plain.update(address="10.0.0.1:80", weight=1)
    return {**plain, **more}


def status(*servers, **more):
    """A whole status, of one pool `app`."""
    return {"version": "0.2.0", "process": 4242, "engine": 4243, "state": "serving", "reloading": False,
            "uptime": 273600.5, "listening": ["127.0.0.1:3000"], "pools": [{"name": "app", "servers": list(servers)}],
            **more}
