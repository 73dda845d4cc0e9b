"""What a run that becomes a baseline measured: a box for each operation, as plans keep it."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.report import columns
from fastbench.report.page import cut, fitted
from fastbench.results import resolution
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result

MAX_BOXES = 12
WIDTH = 42
_TIMES = ("p50", "p95", "p99")


def render(result: Result, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the boxes, most frequent operations first; one of the whole run without operations."""
    rows = sorted(result.requests, key=lambda row: -row.requests)
    shown = rows if len(rows) <= MAX_BOXES else rows[: MAX_BOXES - 1]
    boxes = [(_title(row), _figures(row)) for row in shown]
    if not rows:
        boxes = [("all requests", _whole(result))]
    more = len(rows) - len(shown)
    end = [f"… and {more:,} more operations; the file has each"] if more else []
    lines = [line for title, figures in boxes for line in _box(title, figures)]
    return fitted(lambda page: "\n".join(lines + end) + "\n", color, width, unicode)


def _title(row: NamedRow) -> str:
    return f"{row.method} {row.name}" if row.method and row.kind == "http" else row.name


def _figures(row: NamedRow) -> list[tuple[str, str]]:
    times = [(name, columns.ms(resolution.told_ms(row.latency, name))) for name in _TIMES]
    return [*times, ("error rate", _share(row.failed, row.requests))]


def _whole(result: Result) -> list[tuple[str, str]]:
    s, latency = result.main.summary, latency_ms(result.main.headline[1])
    times = [(name, columns.ms(resolution.told_ms(latency, name))) for name in _TIMES]
    return [*times, ("error rate", _share(s.not_ok, s.requests))]


def _share(part: int, whole: int) -> str:
    return columns.NOTHING if not whole else f"{100 * part / whole:.3g}%"


def _box(title: str, figures: list[tuple[str, str]]) -> list[str]:
    inner = WIDTH - 2
    name = cut(printable(title), inner - 4)
    lines = [f"┌─ {name} {'─' * (inner - 3 - len(name))}┐"]
    lines += [f"│ {label + ':':<13}{value:<{inner - 14}}│" for label, value in figures]
    return [*lines, f"└{'─' * inner}┘"]
