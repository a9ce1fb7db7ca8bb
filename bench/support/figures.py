"""From samples to the figures of a table."""


def per(samples, parts, count="requests", scale=1e6):
    """What these parts used, for each of those things: microseconds, unless the scale is another."""
    return [sum(s[p] for p in parts) / s[count] * scale for s in samples]


def shown(spread, digits=2):
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}–{spread.high:.{digits}f})"


def others(samples):
    """The most that other programs took of a core in any round: where it is much, do not believe the figures."""
    return f"{max(0, *(s['others'] / s['seconds'] for s in samples)) * 100:.0f} %"


def verdict(value, must, aim, more_is_better=False):
    sign = -1 if more_is_better else 1
    if sign * value <= sign * aim:
        return "aim met"
    return "must met" if sign * value <= sign * must else "NOT MET"


def listed(counts):
    """Calls that were made for most connections or messages; what is rarer is a timer of its own."""
    return ", ".join(f"{n} {c:.4g}" for n, c in sorted(counts.items(), key=lambda item: -item[1]) if c >= 0.05)


def calls_table(title, counts):
    rows = [[name, f"{sum(c.values()):.2f}", listed(c)] for name, c in counts.items()]
    return title, ["", "calls", "which"], rows
