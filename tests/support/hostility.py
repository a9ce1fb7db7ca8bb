"""What is asked of limpet while one of its workers, in slot 1, behaves badly."""

import time

from support import limpet, proc
from support.client import ask
from support.proc import wait_until
from support.ranking import Ranking
from support.visitors import ANSWERED, Visitors, results, slowest


def fields(client):
    return {"X-Forwarded-For": f"203.0.113.{client}", "Connection": "close"}


class Hostility:
    """`start` is the fixture `workers`; slots 2 and 3 behave."""

    def __init__(self, start, command, contract, **options):
        options["timeouts"] = {"drain": "1s", **options.get("timeouts", {})}
        options["more"] = {"contract": contract, **options.get("more", {})}
        self.proxy = start(command, 3, key="client", ready=False, **options)
        others = [f"app/{slot} (process" for slot in (2, 3)]
        assert wait_until(lambda: all(other in self.proxy.stderr for other in others)), self.proxy.stderr
        assert self.proxy.says("limpet: ready")
        self.engine = self.proxy.engine
        self.memory, self.descriptors = proc.memory(self.engine), proc.descriptors(self.engine)
        self.lines = 40

    def client_of(self, slot="1"):
        """One whose home it is."""
        ranking = Ranking("tests", "app", dict.fromkeys("123", 1))
        return next(client for client in range(60) if ranking.home_of_address(f"203.0.113.{client}") == slot)

    def visitors(self, seconds, per_second=60, timeout=15):
        """Their visits."""
        visitors = Visitors(self.proxy, per_second, timeout=timeout)
        time.sleep(seconds)
        visits = visitors.stop()
        print(dict(results(visits)), {visit.slot for visit in visits}, "slowest", round(slowest(visits, 1), 3))
        return visits

    def others_are_served_soon(self, seconds=1.2):
        """Those whose home is not slot 1."""
        ranking = Ranking("tests", "app", dict.fromkeys("123", 1))
        others = [client for client in range(60) if ranking.home_of_address(f"203.0.113.{client}") != "1"]
        begun, took = time.monotonic(), []
        while time.monotonic() < begun + seconds:
            for client in others[:10]:
                at = time.monotonic()
                assert ask(self.proxy, "/1", fields(client)).status == 200
                took.append(time.monotonic() - at)
        print(f"{len(took)} answers, slowest {max(took) * 1e3:.0f} ms, {proc.cpu_seconds(self.engine):.1f} s of CPU")
        return sorted(took)[len(took) * 99 // 100] < 1

    def everybody_is_served(self, visits):
        assert {visit.result for visit in visits} == {ANSWERED}
        assert len(self.proxy.visits(len(visits))) == len(visits)
        return True

    def engine_is_well(self):
        assert self.proxy.engine == self.engine, self.proxy.stderr
        assert proc.memory(self.engine) - self.memory < limpet.room_for_growth()
        assert proc.descriptors(self.engine) - self.descriptors < 100
        said = self.proxy.stderr
        assert said.count("\n") < self.lines, f"{said.count(chr(10))} lines: {said[:1500]}...{said[-500:]}"
        return True
