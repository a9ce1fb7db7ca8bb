"""Appended everywhere, promoted everywhere, retired: while clients go to and fro between two frontends, of which one is always
a step ahead of the other."""

import threading

from support.guests import all_ask, guests
from support.limpet import run
from support.programs import Crowd

GUESTS = 60


class Traffic:
    """Everybody asks one frontend after the other, round after round, each time with a new key."""

    def __init__(self, everybody, frontends):
        self.everybody, self.frontends = everybody, frontends
        self.rounds, self.trouble = 0, None
        self.stopping, self.moved = threading.Event(), threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping.is_set():
                all_ask(self.frontends[self.rounds % 2], self.everybody, user=lambda guest, _: f"{guest.user}-{self.rounds}")
                with self.moved:
                    self.rounds += 1
                    self.moved.notify_all()
        except BaseException as trouble:  # for the test's own thread
            self.trouble = trouble

    def go_on(self):
        """Until everybody was at both frontends since."""
        with self.moved:
            goal = self.rounds + 3
            assert self.moved.wait_for(lambda: self.rounds >= goal or self.trouble, 20) and not self.trouble, self.trouble

    def stop(self):
        self.stopping.set()
        self.thread.join(20)
        assert not self.trouble, self.trouble


def test_rotating_the_secret_loses_nobody(limpet, folder, keep):
    secret, servers = folder / "secret", keep(Crowd(folder, ["a", "b", "c"])).servers

    def change(step):
        done = run("secret", step, str(secret))
        assert done.returncode == 0, done

    def frontend():
        return limpet(servers, key="header:X-User", listener={"mode": "http"}, pool={"stick": {"cookie": "limpet"}},
                      secret=str(secret), log={"access": "off"})

    change("--append")
    everybody, frontends = guests(GUESTS), [frontend(), frontend()]
    all_ask(frontends[0], everybody)
    first = [guest.cookies["limpet"] for guest in everybody]
    traffic = Traffic(everybody, frontends)
    for step in ["--append", "--promote", "--retire"]:
        change(step)
        for place in range(2):
            before = frontends[place]
            frontends[place] = frontend()
            traffic.go_on()
            before.stop()
    traffic.stop()

    assert all(len(set(guest.met)) == 1 for guest in everybody)
    assert len({guest.home for guest in everybody}) == 3
    # Sealed anew with the new secret: while one frontend had promoted it and the other had not, each time.
    assert not set(first) & {guest.cookies["limpet"] for guest in everybody}
