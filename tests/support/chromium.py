"""Chromium without a window, over its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/), which it speaks
over two pipes: one JSON object after the other, each with a NUL behind it."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress

from support.programs import find

_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
          "--disable-component-update", "--no-first-run", "--remote-debugging-pipe"]


class Chromium:
    """Runs until stop(). It answers within `patience` seconds or not at all."""

    def __init__(self, folder, patience=30):
        self.patience, self.number, self.kept = patience, 0, b""
        self.own = tempfile.mkdtemp(prefix="limpet-chromium-")
        hears, self.to = os.pipe()
        self.source, says = os.pipe()
        # It reads from descriptor 3 and writes to 4.
        words = ["sh", "-c", f'exec "$@" 3</dev/fd/{hears} 4>/dev/fd/{says}', "sh", find("chromium-headless-shell"), *_FLAGS,
                 f"--user-data-dir={self.own}", "about:blank"]
        with open(folder / "chromium.log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(hears, says),
                                            start_new_session=True)
        os.close(hears)
        os.close(says)

    def call(self, method, session=None, **parameters):
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.to, json.dumps(order).encode() + b"\0")
        until = time.monotonic() + self.patience
        while (said := self._next(until)).get("id") != self.number:
            pass  # an event
        assert "error" not in said, said
        return said["result"]

    def _next(self, until):
        while b"\0" not in self.kept:
            assert select.select([self.source], [], [], max(0, until - time.monotonic()))[0], "Chromium says nothing"
            piece = os.read(self.source, 1 << 16)
            assert piece, "Chromium has ended"
            self.kept += piece
        text, _, self.kept = self.kept.partition(b"\0")
        return json.loads(text)

    def open(self, url):
        """A page with cookies of its own, as if in a new browser."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url=url, browserContextId=context)["targetId"]
        return Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def stop(self):
        """Its children, too, which would go on writing into its folder."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        os.close(self.to)
        os.close(self.source)
        shutil.rmtree(self.own, ignore_errors=True)


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def evaluate(self, expression):
        """The value of some JavaScript."""
        said = self.browser.call("Runtime.evaluate", self.session, expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def text_of(self, element, within=30):
        """... once it is there and not empty."""
        until = time.monotonic() + within
        while not (text := self.evaluate(f"document.getElementById({json.dumps(element)})?.textContent")):
            assert time.monotonic() < until, self.evaluate("document.documentElement?.outerHTML")
            time.sleep(0.05)
        return text

    def reload(self):
        """Returns at once."""
        self.evaluate("document.body.replaceChildren()")
        self.browser.call("Page.reload", self.session)

    def cookies(self):
        """{name: cookie} for its address."""
        return {cookie["name"]: cookie for cookie in self.browser.call("Network.getCookies", self.session)["cookies"]}
