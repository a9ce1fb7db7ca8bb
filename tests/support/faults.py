"""Everything that may break beside two frontends that share pins, one after the other under load, and what becomes of clients."""

import os
import signal
import time
from collections import Counter

from support.alternation import Alternation, TwoFrontends, addresses, homes_at
from support.meddler import Meddler
from support.memcached import Memcached
from support.names import NamedServers
from support.ranking import Ranking


class Faults:
    """Clients got their homes from three servers, two more have joined since: so for many of them the ranking says something else
    than their pin. Each fault lasts some `seconds`, and in its middle there come some clients whom nobody knows.

    A pin that is used is shown to memcached every ten seconds, or four times in its `lifetime`. What both frontends decided alone
    is agreed upon by then."""

    def __init__(self, folder, keep, mode, clients, per_second, seconds, lifetime=3600):
        self.until_agreed = min(10, lifetime // 4) + 1
        self.seconds, self.newcomers = seconds, clients // 10
        self.table, servers = keep(Memcached()), keep(NamedServers("abcde")).servers
        self.between = keep(Meddler(self.table))
        pool = {"stick": {"table": "memcached", "for": f"{lifetime}s"}}
        self.frontends = keep(TwoFrontends(folder, servers[:3], self.between, mode, pool))
        self.load = Alternation(self.frontends, addresses("10.1", clients), per_second)
        self.load.wait_until_known()
        self.frontends.restart(servers)
        self.load.wait_until_known()
        self.report, self.count = [], 0

    def try_each(self, names):
        for name in names:
            self._try(name)
        return self

    def _try(self, name):
        load = self.load
        before = len(load.moves), len(load.failures), load.visits, Counter(load.again)
        self.count += 1
        load.longest = 0
        getattr(self, name.replace(" ", "_").replace(",", ""))()
        load.wait_until_known()
        moves, failures = load.moves[before[0]:], load.failures[before[1]:]
        self.report.append((name, moves, failures))
        again = load.again - before[3]
        knew = Counter("who was asked knew" if move.asked in move.knew else "the other frontend knew" if move.knew
                       else "nobody knew" for move in moves)
        print(f"{self.frontends.mode}: {name}: {load.visits - before[2]} visits, {len(failures)} failed, {len(moves)} moved "
              f"{dict(knew)}; sent to the other frontend: {dict(again)}; the longest took {load.longest * 1e3:.0f} ms")

    def _come(self):
        """Somebody whom nobody knows."""
        time.sleep(self.seconds / 2)
        self.load.add(addresses(f"10.{100 + self.count}", self.newcomers))
        time.sleep(self.seconds / 2)

    def a_frontend_is_killed(self):
        self.frontends.both[0].kill()
        self._come()
        self.frontends.both[0].start()

    def memcached_stands_still(self):
        os.kill(self.table.process.pid, signal.SIGSTOP)
        self._come()
        os.kill(self.table.process.pid, signal.SIGCONT)

    def memcached_is_gone_and_comes_back_empty(self):
        self.table.stop()
        self._come()
        self.table.start()

    def memcached_is_slow(self):
        self.between.set("slow", 2)
        self._come()
        self.between.set("pass")

    def memcached_is_a_black_hole(self):
        self.between.set("hole")
        self._come()
        self.between.set("pass")

    def memcached_lies(self):
        self.between.set("lie", 0.3)
        self._come()
        self.between.set("pass")

    def a_frontend_is_killed_while_memcached_is_gone(self):
        self.table.stop()
        time.sleep(self.seconds / 4)
        self.frontends.both[1].kill()
        self._come()
        self.frontends.both[1].start()
        time.sleep(self.seconds / 2)
        self.table.start()

    def conclude(self):
        """After healing both agree. How many of them there are."""
        time.sleep(self.until_agreed)
        self.load.stop()
        homes = [homes_at(frontend, self.load.clients, self.frontends.mode) for frontend in self.frontends.both]
        apart = {client: (homes[0][client], homes[1][client]) for client in self.load.clients
                 if homes[0][client] != homes[1][client]}
        print(f"{self.frontends.mode}: after healing {len(apart)} of {len(self.load.clients)} clients have two homes")
        assert not apart, list(apart.items())[:5]
        return homes[0]

    def those_at_home(self):
        """Clients who are where the ranking says."""
        ranking = Ranking("tests", "app", dict.fromkeys("abcde", 1))
        return {client: home for client, home in dict(self.load.homes).items() if ranking.home_of_address(client) == home}

    def wrong(self, single=True):
        """All that must not be, as words."""
        for name, moves, failures in self.report:
            yield from (f"{name}: failed: {failure}" for failure in failures)
            yield from (f"{name}: moved though somebody knew: {move}" for move in moves if move.knew and single)
