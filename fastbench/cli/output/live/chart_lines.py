"""Pictures of the live view in characters: bars, columns second by second, a moving histogram.

Everything comes in block elements (Unicode U+2580 to U+259F) and in plain ASCII.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby

from fastbench.cli.output.live.styled_line import Line
from fastbench.foundation.units import format_ns
from fastbench.report.picture import bar
from fastbench.results.histogram import index, lowest_ns

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_EIGHTHS_ASCII = " ...:::##"
_STEPS = (1, 2, 3, 6, 12, 24, 48, 96)  # bins per decade, so that edges read well
_E3 = (1.0, 2.0, 5.0)
_E6 = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_E12 = (1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2)
_E24 = (
    *(1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0),
    *(3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2, 9.1),
)
_NAMED = {2: (1.0, 3.0), 3: _E3, 6: _E6, 12: _E12, 24: _E24}  # preferred numbers, IEC 60063


def progress_bar(share: float, columns: int, *, unicode: bool) -> Line:
    """Return a bar of `share`, 0 to 1, in so many columns."""
    done = round(max(0.0, min(1.0, share)) * columns)
    full, empty = ("━", "─") if unicode else ("=", "-")
    return Line(full * done, "good").add(empty * (columns - done), "dim")


def chart(
    values: Sequence[float | None],
    columns: int,
    rows: int,
    style: str,
    *,
    unicode: bool,
    within: Sequence[float | None] = (),
    most: float = 0.0,
) -> list[Line]:
    """Return the newest values as columns of so many rows, the highest row first.

    Heights count from zero to `most`, or to the greatest value if that is more. What is above a
    value of `within`, which stands beside each, is dim.
    """
    shown = [value or 0.0 for value in values[-columns:]]
    inner = [value or 0.0 for value in within[-columns:]] if within else shown
    top = max(most, *shown, 0.0) if shown else 0.0
    scale = rows * 8 / top if top > 0 else 0.0
    heights = [math.ceil(value * scale - 1e-9) for value in shown]
    insides = [math.ceil(value * scale - 1e-9) for value in inner]
    glyphs = _EIGHTHS if unicode else _EIGHTHS_ASCII
    found = []
    for row in range(rows - 1, -1, -1):
        floor = row * 8
        cells = [
            (glyphs[max(0, min(8, height - floor))], style if inside > floor else "dim")
            for height, inside in zip(heights, insides, strict=True)
        ]
        line = Line()
        for part, run in groupby(cells, key=lambda cell: cell[1]):
            line.add("".join(glyph for glyph, _ in run), part)
        found.append(line)
    return found


def edges_ns(low_ns: float, high_ns: float, rows: int) -> list[int]:
    """Return at most `rows` edges from at or below `low_ns` to at or below `high_ns`.

    They are multiples of preferred numbers, so that they stay where they are while the
    distribution moves a little, and as close together as there is room for.
    """
    low_ns, high_ns = max(1.0, low_ns), max(1.0, low_ns, high_ns)
    found: list[int] = []
    for steps in _STEPS:
        first, last = _place(low_ns, steps), _place(high_ns, steps)
        if found and last - first + 1 > rows:
            break
        found = sorted({_edge(at, steps) for at in range(first, last + 1)})
    return found[-rows:]


def _place(value_ns: float, steps: int) -> int:
    """Return the number of the last edge at or below a value."""
    decade = math.floor(math.log10(value_ns) + 1e-12)
    at = decade * steps
    while _exact(at + 1, steps) <= value_ns * (1 + 1e-12):
        at += 1
    return at


def _exact(at: int, steps: int) -> float:
    decade, within = divmod(at, steps)
    named = _NAMED.get(steps)
    return 10.0**decade * (round(10 ** (within / steps), 2) if named is None else named[within])


def _edge(at: int, steps: int) -> int:
    return max(1, round(_exact(at, steps)))


def histogram(counts: Mapping[int, int], columns: int, rows: int, *, unicode: bool) -> list[Line]:
    """Return counts by counter as bars, one a row: from where it begins, how much of all.

    The edges lie between p0.1 and p99.9; the first row has all below the second, the last all above
    it.
    """
    if not counts or rows < 1:
        return []
    counters = sorted(counts)
    up_to = list(accumulate(counts[each] for each in counters))
    whole = up_to[-1]
    low, high = (
        counters[bisect_left(up_to, max(1, math.ceil(whole * share)))] for share in (0.001, 0.999)
    )
    edges = edges_ns(lowest_ns(low), lowest_ns(high), rows)
    below = [0]
    for edge in edges[1:]:
        at = bisect_left(counters, index(edge))
        below.append(up_to[at - 1] if at else 0)
    parts = [after - before for before, after in zip(below, [*below[1:], whole], strict=True)]
    most = max(parts)
    room = max(1, columns - 17)
    found = []
    labels = [format_ns(edge) for edge in edges]
    if len(edges) > 1 and lowest_ns(low) < edges[0]:  # too few rows for all of them
        labels[0] = f"<{labels[1]}"
    for label, part in zip(labels, parts, strict=True):
        line = Line(f"{label:>7} ", "dim")
        line.add(bar(part / most, room, unicode=unicode), "time")
        if part:
            line.pad(8 + room).add(f"{_percent(part / whole):>8}")
        found.append(line)
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"
