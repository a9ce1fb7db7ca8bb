"""A strict reader of Prometheus' text format 0.0.4, stricter than Prometheus itself: what it takes, everybody takes."""

import re

from support.client import ask

TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\d+(?:\.\d+)?)")
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\[\\n])+)")
_KIND = re.compile(rf"# TYPE ({_NAME}) (counter|gauge)")


def _labels(text):
    plain = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
    found = [(name, re.sub(r'\\["\\n]', lambda escape: plain[escape[0]], value)) for name, value in re.findall(_LABEL, text)]
    assert len(dict(found)) == len(found), f"a label twice: {text}"
    return dict(found)


class Metrics:
    """`values[name, (("pool", "app"), ...)]`, labels in the order of their names; `kinds[name]`; `helps[name]`."""

    def __init__(self, text):
        self.values, self.kinds, self.helps = {}, {}, {}
        assert text.endswith("\n") and "\r" not in text
        lines = iter(text.split("\n")[:-1])
        for line in lines:
            if line.startswith("#"):
                self._begin(line, next(lines))
            else:
                self._add(line)

    def _begin(self, first, second):
        told, kind = _HELP.fullmatch(first), _KIND.fullmatch(second)
        assert told and kind and told[1] == kind[1], (first, second)
        self.name = told[1]
        assert self.name not in self.kinds, f"{self.name} begins twice"
        assert (kind[2] == "counter") == self.name.endswith("_total"), self.name
        self.kinds[self.name], self.helps[self.name] = kind[2], told[2]

    def _add(self, line):
        sample = _SAMPLE.fullmatch(line)
        assert sample, repr(line)
        assert sample[1] == self.name, f"{sample[1]} among {self.name}"
        key = self.name, tuple(sorted(_labels(sample[2] or "").items()))
        assert key not in self.values, f"{line} twice"
        self.values[key] = float(sample[sample.lastindex])

    def __call__(self, name, **labels):
        return self.values[name, tuple(sorted(labels.items()))]

    def counters(self):
        return {key: value for key, value in self.values.items() if self.kinds[key[0]] == "counter"}


def read(to):
    """What is at /metrics there now: to anything with an address, or an address."""
    answer = ask(to, "/metrics", {"Connection": "close"})
    assert answer.status == 200 and answer.headers["content-type"] == TYPE
    assert int(answer.headers["content-length"]) == len(answer.body)
    return Metrics(answer.body.decode())


def probe(to, path):
    """Status and words of /healthz or /readyz."""
    answer = ask(to, path, {"Connection": "close"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer.status, answer.text
