"""Tables for the terminal and for Markdown, from the same rows."""


def text(title, header, rows):
    columns = [_aligned([header[i], *(row[i] for row in rows)]) for i in range(len(header))]
    lines = ["  " + "   ".join(cells).rstrip() for cells in zip(*columns)]
    return "\n".join([title, "", *lines]) + "\n"


def _aligned(column):
    width = max(map(len, column))
    return [c.rjust(width) if _is_figures(column) else c.ljust(width) for c in column]


def _is_figures(column):
    return all(c[:1].isdigit() or c[:1] in "–(" for c in column[1:])


def markdown(title, header, rows):
    lines = [f"**{title}**", "", _line(header), _line(_rulers(header, rows))]
    return "\n".join(lines + [_line(row) for row in rows]) + "\n"


def _rulers(header, rows):
    return ["--:" if _is_figures([header[i], *(row[i] for row in rows)]) else "---" for i in range(len(header))]


def _line(cells):
    return "| " + " | ".join(cells) + " |"
