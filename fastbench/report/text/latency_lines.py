"""The latencies of the report for people: percentiles at the left, the distribution at the right.

Planned requests have two latencies side by side; without a plan there is only one, and the line
above it says what it cannot show.
"""

from __future__ import annotations

from fastbench.foundation.units import format_count, format_ns
from fastbench.report.page import Page, Part, plural
from fastbench.report.picture import bar, bins
from fastbench.results import resolution
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import PERCENTILES
from fastbench.results.result import Result
from fastbench.results.socket_counts import mode_of

PICTURE_COLUMNS = 100
FIGURE_COLUMNS = 11  # of one more column of percentiles

WORDS = "response time is from the planned start, service time from the first byte sent"
WORDS_CLOSED = (
    "service time; while the server stalls fewer requests are sent; -R includes the waiting"
)

OF_SOCKETS = {
    "echo": "from a message sent to the next one received; while the server stalls fewer are sent; "
    "-R includes the waiting",
    "push": "from one message of a connection to the next; to the first one from the handshake",
    "hold": "from the attempt to connect to the end of the handshake",
}


def lines(page: Page, result: Result) -> list[str]:
    """Return the block of latencies; nothing where nothing was measured."""
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
        return [page.row("Latency", "no ok response to measure"), *brief] if brief else []
    if latency.response is None:
        words = OF_SOCKETS.get(mode_of(result.config), WORDS_CLOSED)
        return [*page.wrapped("Latency", words), *_table(page, [latency.service]), *brief]
    heads = page.dim(f"         {'response':>8}{'service':>{FIGURE_COLUMNS}}   │ response time")
    table = _table(page, [latency.response, latency.service])
    return [*page.wrapped("Latency", WORDS), heads, *table, *brief]


def _table(page: Page, shown: list[Histogram]) -> list[str]:
    """Return a column of figures per histogram and the picture of the first one."""
    percents = [(name.replace("_", "."), percent) for name, percent in PERCENTILES.items()]
    rows = [(name, [_percentile(h, percent) for h in shown]) for name, percent in percents]
    rows.append(("max", [_shown(h, h.max_ns) for h in shown]))
    columns = min(page.width, PICTURE_COLUMNS) - 40 - FIGURE_COLUMNS * (len(shown) - 1)
    picture = _picture(page, shown[0], len(rows), columns)
    table = []
    for (name, values), right in zip(rows, picture, strict=True):
        figures = _figures(values)
        strong = page.bold(figures) if name in ("p50", "p99") else figures
        table.append((page.dim(f"  {name:<7}") + strong + "   " + right).rstrip())
    return [*table, *_means(page, shown), *_few(page, shown)]


def _shown(histogram: Histogram, value_ns: float) -> str:
    return format_ns(value_ns) if histogram.count else "–"  # noqa: RUF001


def _percentile(histogram: Histogram, percent: float) -> str:
    value = resolution.told_ns(histogram, percent)
    return "–" if value is None else format_ns(value)  # noqa: RUF001


def _few(page: Page, shown: list[Histogram]) -> list[str]:
    """Say what a dash means."""
    count = min(histogram.count for histogram in shown)
    highest = max(PERCENTILES.values())
    if not count or resolution.carries(count, highest):
        return []
    needed = resolution.samples_needed(highest)
    why = f"{resolution.TOO_SHORT} from {plural(count, 'sample')}"
    text = f"–: {why}; p{highest:g} needs {needed:,}"  # noqa: RUF001
    return [page.dim(f"  {text}")]


def _figures(values: list[str]) -> str:
    first, *rest = values
    return f"{first:>8}" + "".join(f"{value:>{FIGURE_COLUMNS}}" for value in rest)


def _means(page: Page, shown: list[Histogram]) -> list[str]:
    """Return the mean below its column; spread and minimum are of the first one."""
    first = shown[0]
    means = _figures([_shown(histogram, histogram.mean_ns) for histogram in shown])
    stdev, least = format_ns(first.stdev_ns), format_ns(first.min_ns)
    spread = resolution.tells_spread(first.count)
    if len(shown) == 1:
        return [
            page.dim("  mean   ") + means + (f" ± {stdev}" if spread else "") + f", min {least}"
        ]
    right = f"│ min {least}" + (f", stdev {stdev}" if spread else "")
    return [page.dim("  mean   ") + f"{means}   " + page.dim(right)]


def _picture(page: Page, histogram: Histogram, rows: int, columns: int) -> list[str]:
    """Return `rows` lines: where a bin begins, how many samples, their share as a bar."""
    found = bins(histogram, rows)
    most = max((bin_.count for bin_ in found), default=0)
    picture = []
    for bin_ in found:
        more = ("≥" if page.unicode else ">") if len(found) > 1 and bin_ is found[-1] else ""
        label = f"{more + format_ns(bin_.low_ns):>8} {format_count(bin_.count):>6} "
        drawn = bar(bin_.count / most, columns, unicode=page.unicode)
        picture.append(page.dim("│" + label) + drawn)
    return picture + [""] * (rows - len(picture))


def _brief(name: str, histogram: Histogram) -> Part:
    return f"{name} {', '.join(ends(histogram)[:2])}", str


def ends(histogram: Histogram) -> list[str]:
    """Return what a histogram has of p50, p99 and max, in words."""
    told = {f"p{percent}": resolution.told_ns(histogram, percent) for percent in (50, 99)}
    told["max"] = histogram.max_ns
    return [f"{name} {format_ns(value)}" for name, value in told.items() if value is not None]
