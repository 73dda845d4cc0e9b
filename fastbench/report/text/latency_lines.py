"""The latencies of the report for people: a table of percentiles, below it the histogram.

Planned requests have two latencies, a row each; without a plan there is only one, and the line
above it says what it cannot show. The histogram is of the first row.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.foundation.units import format_count, format_ns
from fastbench.report.columns import NOTHING, percent
from fastbench.report.page import Page, Part, plural
from fastbench.report.picture import bar, bins
from fastbench.results import resolution
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import PERCENTILES
from fastbench.results.result import Result
from fastbench.results.socket_counts import mode_of

NAME_COLUMNS = 12
FIGURE_COLUMNS = 7  # at least, of one figure
MAX_FIGURE_COLUMNS = 9
STRONG = ("p50", "p99")
ROWS = 8  # of the histogram
MAX_BAR_COLUMNS = 50
LEFT_OUT = ("stdev", "min", "p75", "p99.99", "mean")  # of too many columns, in this order

WORDS = "response time is from the planned start, service time from the first byte sent"
WORDS_CLOSED = (
    "service time; while the server stalls fewer requests are sent; -R includes the waiting"
)

OF_SOCKETS = {  # how a row is called, its time, what is said of it
    "echo": (
        "round trip",
        "round trip",
        "from a message sent to the next one received; while the server stalls fewer are sent; "
        "-R includes the waiting",
    ),
    "push": (
        "interval",
        "interval",
        "from one message of a connection to the next; to the first one from the handshake",
    ),
    "hold": (
        "handshake",
        "handshake time",
        "from the attempt to connect to the end of the handshake",
    ),
}


@dataclass(frozen=True, slots=True)
class _Latency:
    """A histogram: the name of its row, and the time that it is of."""

    name: str
    time: str
    histogram: Histogram


def blocks(page: Page, result: Result) -> list[list[str]]:
    """Return the block of latencies, and that of the histogram; none where nothing was measured."""
    latency = result.latency
    others = [
        ("first byte", latency.first_byte),
        ("connect", latency.connect),
        ("of it to the proxy", latency.to_proxy),
        ("through it", latency.through_proxy),
        ("failed", latency.failed),
    ]
    brief = page.flowed(
        "", [_brief(name, other) for name, other in others if other and other.count], "    "
    )
    if not latency.service.count and not (latency.response and latency.response.count):
        return [[page.row("Latency", "no ok response to measure"), *brief]] if brief else []
    name, time, words = OF_SOCKETS.get(
        mode_of(result.config), ("service", "service time", WORDS_CLOSED)
    )
    shown = [_Latency(name, time, latency.service)]
    if latency.response is not None:
        words = WORDS
        shown.insert(0, _Latency("response", "response time", latency.response))
    table = [*page.wrapped("Latency", words), *_table(page, shown), *brief]
    return [table, _histogram(page, shown[0], result.noun)]


def _table(page: Page, shown: list[_Latency]) -> list[str]:
    """Return a row for each latency, as many columns as there is room for."""
    names = ["min", "mean", "stdev", *(name.replace("_", ".") for name in PERCENTILES), "max"]
    for name in LEFT_OUT:
        if NAME_COLUMNS + FIGURE_COLUMNS * len(names) > page.width:
            names.remove(name)
    columns = min((page.width - NAME_COLUMNS) // len(names), MAX_FIGURE_COLUMNS)
    heads = "".join(f"{name:>{columns}}" for name in names)
    lines = [page.dim(" " * NAME_COLUMNS + heads)]
    for each in shown:
        figures = _figures(each.histogram)
        cells = (f"{figures[name]:>{columns}}" for name in names)
        strong = (
            page.bold(cell) if name in STRONG else cell
            for name, cell in zip(names, cells, strict=True)
        )
        lines.append(page.dim(f"  {each.name:<{NAME_COLUMNS - 2}}") + "".join(strong))
    levels = (level for name, level in PERCENTILES.items() if name.replace("_", ".") in names)
    return [*lines, *_few(page, min(each.histogram.count for each in shown), max(levels))]


def _figures(histogram: Histogram) -> dict[str, str]:
    """Return every figure by the name of its column, a dash where the samples carry none."""
    if not histogram.count:
        return {name: NOTHING for name in ("min", "mean", "stdev", "max")} | {
            name.replace("_", "."): NOTHING for name in PERCENTILES
        }
    told = {
        name.replace("_", "."): resolution.told_ns(histogram, level)
        for name, level in PERCENTILES.items()
    }
    spread = histogram.stdev_ns if resolution.tells_spread(histogram.count) else None
    told |= {"min": histogram.min_ns, "mean": histogram.mean_ns, "stdev": spread}
    told["max"] = histogram.max_ns
    return {name: NOTHING if value is None else format_ns(value) for name, value in told.items()}


def _few(page: Page, count: int, highest: float) -> list[str]:
    """Say what a dash means, where `count` samples do not carry the `highest` percentile shown."""
    if not count or resolution.carries(count, highest):
        return []
    needed = resolution.samples_needed(highest)
    why = f"{resolution.TOO_SHORT} from {plural(count, 'sample')}"
    return [page.dim(f"  {NOTHING}: {why}; p{highest:g} needs {needed:,}")]


def _histogram(page: Page, shown: _Latency, noun: str) -> list[str]:
    """Return a line for each bin: from where to where, how many samples, their share as a bar."""
    histogram = shown.histogram
    found = bins(histogram, ROWS)
    if not found:
        return []
    most = max(bin_.count for bin_ in found)
    ends = [*(bin_.low_ns for bin_ in found[1:]), histogram.max_ns]
    facts = f"{'from':>{NAME_COLUMNS}}{'to':>9}{f'{noun}s':>13}{'share':>8}  "
    columns = min(page.width - len(facts), MAX_BAR_COLUMNS)
    lines = [page.row("Histogram", f"of {noun}s by {shown.time}"), page.dim(facts.rstrip())]
    for bin_, end_ns in zip(found, ends, strict=True):
        place = f"{format_ns(bin_.low_ns):>{NAME_COLUMNS}}{format_ns(end_ns):>9}"
        part = f"{format_count(bin_.count):>13}{percent(bin_.count / histogram.count):>8}  "
        drawn = bar(bin_.count / most, columns, unicode=page.unicode)
        lines.append((page.dim(place) + part + drawn).rstrip())
    return lines


def _brief(name: str, histogram: Histogram) -> Part:
    return f"{name} {', '.join(ends(histogram)[:2])}", str


def ends(histogram: Histogram) -> list[str]:
    """Return what a histogram has of p50, p99 and max, in words."""
    told = {f"p{level}": resolution.told_ns(histogram, level) for level in (50, 99)}
    told["max"] = histogram.max_ns
    return [f"{name} {format_ns(value)}" for name, value in told.items() if value is not None]
