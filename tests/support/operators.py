"""Whoever asks a running limpet over its admin socket: by curl, and by limpet's own commands."""

import json
import subprocess
from urllib.parse import quote

from support import proc
from support.limpet import run


def curl(socket, target, *words):
    """The status of HTTP, and the answer."""
    done = subprocess.run(["curl", "-sS", "-g", "--max-time", "10", "--unix-socket", socket, "-w", "\n%{http_code}", *words,
                           f"http://limpet{target}"], capture_output=True, timeout=30, check=True)
    body, _, code = done.stdout.decode().rpartition("\n")
    return int(code), json.loads(body)


class Operator:
    """`socket` is the path of the admin socket."""

    def __init__(self, socket):
        self.socket = str(socket)

    def pin(self, key, pool="app"):
        code, body = curl(self.socket, f"/v1/pin?pool={quote(pool, safe='')}&key={quote(key, safe='')}")
        assert code == 200, body
        return body

    def where(self, key, pool="app"):
        """The server to which a key is pinned, or None."""
        return self.pin(key, pool).get("server")

    def counts(self, pool="app"):
        code, body = curl(self.socket, f"/v1/pins?pool={quote(pool, safe='')}")
        assert code == 200, body
        assert body["pins"] == sum(server["pins"] for server in body["servers"])
        return {server["server"]: server["pins"] for server in body["servers"]}

    def say(self, *words):
        """A command of limpet's, which must do what it says. What it said."""
        done = run(words[0], "--admin", self.socket, *words[1:])
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout.decode()

    def unpin(self, key):
        """The same of `limpet unpin`, once the engine has done it, which takes it a moment."""
        said = self.say("unpin", "--", key)
        assert proc.wait_until(lambda: not self.pin(key)["pinned"], 10)
        return said
