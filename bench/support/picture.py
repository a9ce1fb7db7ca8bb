"""Bar charts as SVG, written by hand; readable on light and on dark ground."""

from html import escape

WIDTH, LABELS, VALUES = 720, 170, 120
BAR, GAP, TITLE, GROUP_GAP = 20, 8, 34, 18

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.ours { fill: #0a7d5a }
.theirs { fill: #8d99a6 }
.floor { fill: none; stroke: #8d99a6; stroke-dasharray: 3 2 }
.noise { stroke: #24292f; stroke-width: 1.2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ours { fill: #3fb68b }
  .theirs { fill: #6e7b88 }
  .floor { stroke: #8d99a6 }
  .noise { stroke: #e6edf3 }
}"""


def bars(groups):
    """`groups` is a list of (title, bars); each bar is (label, kind, spread, text), its kind one of the classes above.
    Bars of one group share a scale; the thin line shows the smallest and the largest value."""
    lines, y = [], 10
    for title, rows in groups:
        lines.append(f'<text class="title" x="10" y="{y + 16}">{escape(title)}</text>')
        y += TITLE
        most = max(spread.high for _, _, spread, _ in rows) or 1
        for row in rows:
            lines += _bar(y, (WIDTH - LABELS - VALUES) / most, *row)
            y += BAR + GAP
        y += GROUP_GAP
    return _whole(lines, y)


def _bar(y, scale, label, kind, spread, text):
    middle = y + BAR / 2
    low, high = LABELS + spread.low * scale, LABELS + spread.high * scale
    yield f'<text x="{LABELS - 10}" y="{middle + 5}" text-anchor="end">{escape(label)}</text>'
    yield f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{spread.median * scale:.1f}" height="{BAR}" rx="2"/>'
    yield f'<line class="noise" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
    yield f'<text x="{WIDTH - VALUES + 10}" y="{middle + 5}">{escape(text)}</text>'


def _whole(lines, height):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    return "\n".join([head, f"<style>{STYLE}\n</style>", *lines, "</svg>"]) + "\n"
