"""Charts of whole distributions: bars by latency, and the spectrum of its percentiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from fastbench.report.html.charts.chart import Chart, short
from fastbench.results import resolution
from fastbench.results.histogram import Histogram, highest_ns, lowest_ns

BARS = 80
MIN_WIDTH = 1.01  # of a bar, as a factor: a narrower one would show the counters, not the shape
MIN_SHARE_LEFT = 1e-7  # of a spectrum: 99.99999 %
STEPS_PER_TENFOLD = 24


def of_latencies(
    found: Mapping[str, tuple[Histogram, int]], *, shares: bool = False, nouns: str = "requests"
) -> list[Chart]:
    """Return distribution and spectrum of histograms with their colours; the first has the marks.

    `shares` counts in percent of each one's samples, so that sides of unequal size can be compared:
    bars for the first, curves over them for the others. `nouns` are what was timed.
    """
    shown = {name: (each, color) for name, (each, color) in found.items() if each.count}
    if not shown:
        return []
    main = next(iter(shown.values()))[0]
    edges = _edges([each for each, _ in shown.values()])
    bars = [_bars(name, each, color, edges) for name, (each, color) in shown.items()]
    if shares:
        bars = [_as_shares(bar) for bar in bars]
        bars[1:] = [_as_curve(bar) for bar in bars[1:]]
    marks = tuple(
        (f"p{percent:g}", value / 1e6)
        for percent in (50, 95, 99, 99.9)
        if (value := resolution.told_ns(main, percent)) is not None
    )
    lines = tuple(
        {"name": name, "color": color, "points": _spectrum(each)}
        for name, (each, color) in shown.items()
    )
    how = f"share of {nouns} by latency" if shares else f"{nouns} by latency"
    unit = "percent" if shares else "count"
    below = f"latency that a share of {nouns} stays below"
    return [
        Chart(
            "distribution",
            "Latency distribution",
            how,
            "bars",
            unit,
            tuple(bars),
            marks,
            axis="of all" if shares else nouns,
        ),
        Chart("spectrum", "Percentile spectrum", below, "spectrum", "ms", lines, axis="latency"),
    ]


def _bars(name: str, histogram: Histogram, color: int, edges: list[float]) -> dict[str, Any]:
    shown = [short(edge / 1e6, 5) for edge in edges]
    return {"name": name, "color": color, "edges": shown, "values": _binned(histogram, edges)}


def _as_shares(bar: dict[str, Any]) -> dict[str, Any]:
    """Return counts as percent of their sum."""
    whole = sum(bar["values"])
    return bar | {"values": [short(100 * count / whole) for count in bar["values"]]}


def _as_curve(bar: dict[str, Any]) -> dict[str, Any]:
    """Return a curve through the tops of the bars, each at its middle."""
    middles = [math.sqrt(one * other) for one, other in itertools.pairwise(bar["edges"])]
    points = [[short(x), y] for x, y in zip(middles, bar["values"], strict=True)]
    return {"name": bar["name"], "color": bar["color"], "points": points}


def _edges(histograms: list[Histogram]) -> list[float]:
    """Return the edges of bars, in ns, each wider than the one before by the same factor."""
    low = max(1.0, min(each.min_ns for each in histograms) * 0.98)
    high = max(low * 1.5, max(each.max_ns for each in histograms) * 1.02)
    bars = min(BARS, max(1, int(math.log(high / low) / math.log(MIN_WIDTH))))
    factor = (high / low) ** (1 / bars)
    return [low * factor**at for at in range(bars + 1)]


def _binned(histogram: Histogram, edges: list[float]) -> list[int]:
    """Count samples per bar, each at the middle of its counter."""
    low, step = math.log(edges[0]), math.log(edges[1] / edges[0])
    bars = [0] * (len(edges) - 1)
    for counter, count in histogram.counts.items():
        middle = max(1.0, (lowest_ns(counter) + highest_ns(counter)) / 2)
        at = int((math.log(middle) - low) / step)
        bars[min(max(at, 0), len(bars) - 1)] += count
    return bars


def _spectrum(histogram: Histogram) -> list[list[float | int | None]]:
    """Return (samples in 1 above it, latency in ms), from the median of all to the last sample."""
    points: list[list[float | int | None]] = []
    least_left = max(MIN_SHARE_LEFT, 1 / histogram.count)
    steps = math.ceil(-math.log10(least_left) * STEPS_PER_TENFOLD)
    for step in range(steps + 1):
        one_in = min(10 ** (step / STEPS_PER_TENFOLD), 1 / least_left)
        value_ns = histogram.percentile(100 * (1 - 1 / one_in))
        points.append([short(one_in, 5), short(value_ns / 1e6, 5)])
    return points
