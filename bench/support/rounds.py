"""Interleaved rounds: every contender once, then all again, because figures drift from minute to minute and only what
was measured side by side can be compared."""

import statistics
from collections import namedtuple

# A median with the smallest and the largest value beside it, which show the noise.
Spread = namedtuple("Spread", "median low high")


def interleaved(contenders, measure, count):
    """Calls measure(contender) `count` times for each; a list of results for each name. Every other round goes
    backwards, so that nobody always runs behind the same neighbour."""
    results = {c.name: [] for c in contenders}
    for number in range(count):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            results[contender.name].append(measure(contender))
    return results


class Calm:
    """Measures again what was disturbed, so often in all, and keeps whatever was disturbed least."""

    def __init__(self, measure, disturbance, most, spare):
        self._measure = measure
        self._disturbance = disturbance
        self._most = most
        self._spare = spare

    def measure(self, contender):
        best = self._measure(contender)
        while self._disturbance(best) > self._most and self._spare > 0:
            self._spare -= 1
            best = min(best, self._measure(contender), key=self._disturbance)
        return best


def spread(values):
    return Spread(statistics.median(values), min(values), max(values))


def ratio(ours, theirs):
    """Of two lists, round by round."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])
