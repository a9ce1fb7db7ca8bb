"""What all benches have in common: options, the surroundings they measure in, and the page that shows the figures."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from support import machine, network, table
from support.processes import BUILD, ROOT

PAGE = os.path.join(ROOT, "docs/speed.md")
PICTURES = os.path.join(ROOT, "docs/pictures")


@dataclass
class Bench:
    name: str  # of the picture, of the file with the samples, and of the place in the page
    about: str
    only: str  # what --only chooses
    measure: Callable  # (words of --only or None, quick) -> versions, pace, samples: all that JSON can hold
    tables: Callable  # result -> (title, header, rows), one after the other
    drawn: Callable  # result -> SVG


def say(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def run(bench):
    # Being told to end must still end the programs that were started.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("bench: stopped"))
    try:
        _run(bench)
    except RuntimeError as problem:
        sys.exit(f"bench: {problem}")


def _run(bench):
    chosen = _options(bench)
    if chosen.earlier:
        with open(chosen.earlier) as f:
            result = json.load(f)
    else:
        result = _measured(bench, chosen)
        _keep(bench, result)
    print(_report(bench, result, table.markdown if chosen.markdown else table.text))
    if chosen.publish:
        _publish(bench, result)


def _options(bench):
    parser = argparse.ArgumentParser(prog=f"./dev bench {bench.name}", description=bench.about.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="short rounds: a minute or so, and more noise")
    parser.add_argument("--only", metavar="NAME,...", help=bench.only)
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--publish", action="store_true", help="put figures and picture into docs/")
    parser.add_argument("--from", dest="earlier", metavar="FILE", help="report an earlier run instead of measuring")
    return parser.parse_args()


def _measured(bench, chosen):
    if not network.enter():
        say(f"no network namespace: this machine's TCP ({network.congestion_control()}) sets the pace")
    result = {"machine": machine.describe(), "busy_before": machine.busy_share()}
    if result["busy_before"] > 0.1:
        say(f"this machine is {result['busy_before'] * 100:.0f} % busy with something else: the figures will be noisy")
    only = chosen.only.lower().split(",") if chosen.only else None
    return result | bench.measure(only, chosen.quick)


def _keep(bench, result):
    with open(os.path.join(BUILD, f"bench/{bench.name}.json"), "w") as f:
        json.dump(result, f, indent=1)
    with open(os.path.join(BUILD, f"bench/{bench.name}.svg"), "w") as f:
        f.write(bench.drawn(result))


def _origin(result):
    m = result["machine"]
    versions = ", ".join(f"{name.split()[0]} {v}" for name, v in result["versions"].items())
    pace = result["pace"]
    return (
        f"{m['date']}; {m['processor']}, {m['cores']} cores; Linux {m['kernel']}, TCP {m['congestion']}; {m['libc']}; "
        f"{versions}; "
        f"medians of {pace['rounds']} rounds of {pace['seconds']:g} s with the smallest and the largest; "
        f"the machine was {result['busy_before'] * 100:.0f} % busy before."
    )


def _report(bench, result, form):
    return "\n".join([_origin(result) + "\n", *(form(*t) for t in bench.tables(result))])


def _publish(bench, result):
    """Puts figures and picture into the documentation."""
    os.makedirs(PICTURES, exist_ok=True)
    with open(os.path.join(PICTURES, f"{bench.name}.svg"), "w") as f:
        f.write(bench.drawn(result))
    begin, end = f"<!-- {bench.name}: figures begin -->\n", f"<!-- {bench.name}: figures end -->\n"
    with open(PAGE) as f:
        before, _, rest = f.read().partition(begin)
        _, _, after = rest.partition(end)
    with open(PAGE, "w") as f:
        f.write(before + begin + "\n" + _report(bench, result, table.markdown) + "\n" + end + after)
