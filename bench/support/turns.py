"""Contenders that are all running and are asked in turns, slice by slice: what the machine does besides hits everybody alike."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from support import rounds
from support.load import sample_of_slice, total

# Seconds for which one is asked before it is the next one's turn.
SLICE = 0.5
# Other programs may take so much of a core. Slices with more are taken again, if that is not so for a third of them.
DISTURBED = 0.15


@dataclass
class Pace:
    """How long to measure: rounds of so many slices. Short rounds show more noise, and say so."""

    rounds: int
    slices: int
    warm_up: float

    @property
    def seconds(self):
        return round(self.slices * SLICE)


@contextmanager
def ready(running, load, pace):
    """All of them with their clients, warm and paused. Gives what measures: samples of each round by name. Those running have
    `name`, `port`, `front` and `workers`; load(port) makes clients."""
    with ExitStack() as stack:
        loads = {r.name: stack.enter_context(load(r.port)) for r in running}
        for each in loads.values():
            each.pause()

        def measure_slice(r, seconds=SLICE):
            return sample_of_slice(loads[r.name], r.front, r.workers, seconds)

        def measure():
            count = pace.rounds * pace.slices
            slices = rounds.interleaved(running, calm(measure_slice, count * len(running)), count)
            return {name: [total(s)._asdict() for s in _batched(taken, pace.slices)] for name, taken in slices.items()}

        for r in running:
            measure_slice(r, pace.warm_up)
        yield measure


def calm(measure, count):
    """The same that measures again what was disturbed."""
    return rounds.Calm(measure, lambda s: s.others / s.seconds, DISTURBED, count // 3).measure


def _batched(items, size):
    return [items[i : i + size] for i in range(0, len(items), size)]
