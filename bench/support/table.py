"""Tables for the terminal and for Markdown, from the same rows."""


def text(title, header, rows):
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    lines = [title, ""]
    for row in [header, *rows]:
        cells = [str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        lines.append("  " + "   ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def markdown(title, header, rows):
    lines = [f"**{title}**", "", _line(header), _line(["---"] + ["--:"] * (len(header) - 1))]
    return "\n".join(lines + [_line(row) for row in rows]) + "\n"


def _line(cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"
