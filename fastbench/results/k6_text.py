"""k6's summary at the end of a run, to the letter, from the data that its handleSummary() gets.

`compact` is that of k6 1.1, `legacy` that of versions before 1.0 and of textSummary() of jslib. A
document has `metrics` by name with type, contains, values and thresholds, and `root_group`; its
numbers of time are milliseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastbench.foundation.redact import printable

DEFAULT_STATS = ("avg", "min", "med", "max", "p(90)", "p(95)")
MODES = ("compact", "legacy")
UNITS = {"s": (0.001, "s"), "ms": (1.0, "ms"), "us": (1000.0, "µs")}
_HTTP = ("http_reqs", "http_req_failed", "http_req_duration")
_HTTP_PARTS = tuple(
    f"http_req_{part}"
    for part in ("blocked", "connecting", "receiving", "sending", "tls_handshaking", "waiting")
)
_SECTIONS = {
    **dict.fromkeys(_HTTP, "http"),
    **dict.fromkeys(("vus", "vus_max", "iterations", "iteration_duration"), "execution"),
    "dropped_iterations": "execution",
    **dict.fromkeys(("data_sent", "data_received"), "network"),
    **dict.fromkeys(("ws_connecting", "ws_msgs_received", "ws_msgs_sent"), "websocket"),
    **dict.fromkeys(("ws_ping", "ws_session_duration", "ws_sessions"), "websocket"),
}
_NOT_SHOWN = ("checks", "group_duration", *_HTTP_PARTS)  # by compact
NAMES = frozenset((*_SECTIONS, *_NOT_SHOWN))  # of k6's own metrics
_ORDER = ("custom", "http", "execution", "network", "websocket")
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_PASSED, _FAILED = "✓", "✗"
_COLORS = {"green": "32", "red": "31", "cyan": "36", "faint": "2"}

Metrics = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Style:
    """How a summary is written: columns of trends, the unit of times ("": a fit one), colour."""

    stats: Sequence[str] = DEFAULT_STATS
    unit: str = ""
    indent: str = " "
    colors: bool = False

    def paint(self, text: str, *colors: str) -> str:
        """Return a text in colours of a terminal, if there are any."""
        if not self.colors or not colors:
            return text
        return f"\x1b[{';'.join(_COLORS[each] for each in colors)}m{text}\x1b[0m"


def shown(value: float, metric: Mapping[str, Any], unit: str) -> str:
    """Return a value of a metric as k6 writes it."""
    if metric["type"] == "rate":
        return f"{math.trunc(value * 100 * 100) / 100:.2f}%"
    if metric["contains"] == "data":
        return _bytes(value)
    if metric["contains"] == "time":
        return _time(value, unit)
    return _number(value, 6)


def _number(value: float, digits: int) -> str:
    """Return as JavaScript writes it, with at most so many digits after the point."""
    if abs(value) >= 1e21:
        return repr(float(value)).replace("e+0", "e+")
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _cut(value: float) -> str:
    return _number(math.trunc(value * 100) / 100, 2)


def _bytes(value: float) -> str:
    if value < 10:
        return f"{_number(value, 20)} B"
    power = min(int(math.log(value) / math.log(1000)), len(_BYTES) - 1)
    scaled = math.floor(value / 1000**power * 10 + 0.5) / 10
    return f"{scaled:.{1 if scaled < 10 else 0}f} {_BYTES[power]}"


def _time(ms: float, unit: str) -> str:
    if unit in UNITS:
        factor, name = UNITS[unit]
        return f"{ms * factor:.2f}{name}"
    if ms == 0:
        return "0s"
    if ms < 0.001:
        return f"{math.trunc(ms * 1e6)}ns"
    if ms < 1:
        return f"{_cut(ms * 1000)}µs"
    if ms < 1000:
        return f"{_cut(ms)}ms"
    seconds = math.fmod(ms, 60_000) / 1000
    text = f"{math.trunc(seconds)}s" if ms > 60_000 else f"{_cut(seconds)}s"
    minutes = math.trunc(ms / 60_000)
    if minutes < 1:
        return text
    hours = minutes // 60
    return f"{hours}h{minutes % 60}m{text}" if hours else f"{minutes}m{text}"


def _parts(metric: Mapping[str, Any], style: Style) -> list[str]:
    """Return the value of what is no trend, and what stands behind it."""
    values: Mapping[str, Any] = metric["values"]

    def value(name: str) -> str:
        return shown(values.get(name) or 0, metric, style.unit)

    if metric["type"] == "counter":
        return [value("count"), f"{value('rate')}/s"]
    if metric["type"] == "gauge":
        return [value("value"), f"min={value('min')}", f"max={value('max')}"]
    passes, fails = values.get("passes") or 0, values.get("fails") or 0
    return [value("rate"), f"{_number(passes, 0)} out of {_number(passes + fails, 0)}"]


def _stat(metric: Mapping[str, Any], stat: str, style: Style) -> str:
    value = metric["values"].get(stat) or 0
    return _number(value, 0) if stat == "count" else shown(value, metric, style.unit)


class _Columns:
    """The values of several metrics, in columns."""

    def __init__(self, metrics: Metrics, style: Style) -> None:
        self._style = style
        self._trends, self._others = dict[str, list[str]](), dict[str, list[str]]()
        for name, metric in metrics.items():
            if metric["type"] == "trend":
                self._trends[name] = [_stat(metric, stat, style) for stat in style.stats]
            else:
                self._others[name] = _parts(metric, style)
        self._widths = _widths(self._trends.values())
        self._other_widths = _widths(self._others.values())

    def line(self, name: str) -> str:
        """Return the values of one."""
        paint = self._style.paint
        if name in self._trends:
            cells = zip(self._style.stats, self._trends[name], self._widths, strict=True)
            return " ".join(
                f"{stat}={paint(text, 'cyan')}{' ' * (width - len(text))}"
                for stat, text, width in cells
            )
        first, *more = self._others[name]
        widths = self._other_widths
        line = paint(first, "cyan") + " " * (widths[0] - len(first))
        if len(more) == 1:
            return f"{line} {paint(more[0], 'cyan', 'faint')}"
        padded = (
            paint(text, "cyan", "faint") + " " * (width - len(text))
            for text, width in zip(more, widths[1:], strict=False)
        )
        return f"{line} {' '.join(padded)}"


def _widths(rows: Iterable[Sequence[str]]) -> list[int]:
    found: list[int] = []
    for row in rows:
        found += [0] * (len(row) - len(found))
        for at, text in enumerate(row):
            found[at] = max(found[at], len(text))
    return found


def _sorted(names: Iterable[str]) -> list[str]:
    """Sort names, sub-metrics behind what they are a part of."""
    return sorted(names, key=lambda name: (*map(_collated, name.partition("{")),))


def _collated(text: str) -> tuple[str, str]:
    """Return a key that sorts as a dictionary does: signs first, then letters in any case."""
    return text.casefold(), text.swapcase()


def _within(name: str) -> str:
    """Return the name of a sub-metric as it stands in a list, "" of what is none."""
    _, brace, tags = name.partition("{")
    return f"{{ {tags[:-1]} }}" if brace else ""


# The summary of k6 1.1.


def compact(
    data: Mapping[str, Any], style: Style, checks: Sequence[Mapping[str, Any]] | None = None
) -> str:
    """Return the summary of k6 1.1 without colours, and with the empty lines around it.

    `checks` are all of them in their order, else they stand in that of their groups.
    """
    metrics: Metrics = data["metrics"]
    lines = [*_thresholds(metrics, style), "  █ TOTAL RESULTS ", ""]
    checks = list(_checks_of(data["root_group"])) if checks is None else checks
    if checks:
        lines += [*_totals(checks, data, style), ""]
        lines += [line for check in checks for line in _check(check)] + [""]
    sections: dict[str, dict[str, Mapping[str, Any]]] = {name: {} for name in _ORDER}
    for name, metric in metrics.items():
        base = name.partition("{")[0]
        if base not in _NOT_SHOWN:
            sections[_SECTIONS.get(base, "custom")][name] = metric
    listed = {name: metric for part in sections.values() for name, metric in part.items()}
    columns, width = _Columns(listed, style), _compact_width(listed)
    for title, part in sections.items():
        if part:
            lines.append(f"    {title.upper()}")
            lines += [_compact_line(name, columns, width) for name in _sorted(part)]
            lines.append("")
    return "\n\n" + "\n".join(lines) + "\n\n\n"


def _display(name: str) -> str:
    within = _within(name)
    return printable(f"  {within}" if within else name)


def _compact_width(names: Iterable[str]) -> int:
    """Return how wide names with their dots are: k6 1.1 adds each name to what it shows of it."""
    return max((len(name) + len(_display(name)) for name in names), default=0) + 3


def _compact_line(name: str, columns: _Columns, width: int) -> str:
    display = _display(name)
    dots = "." * max(1, width - len(display))
    return f"    {display}{dots}: {columns.line(name)}"


def _thresholds(metrics: Metrics, style: Style) -> Iterator[str]:
    judged = {name: metric for name, metric in metrics.items() if metric.get("thresholds")}
    if not judged:
        return
    yield "  █ THRESHOLDS "
    yield ""
    for name in _sorted(judged):
        base, brace, tags = name.partition("{")
        inner = bool(brace) and base in judged
        indent = "      " if inner else "    "
        yield indent + printable(f"{{{tags}" if inner else name)
        for source, found in judged[name]["thresholds"].items():
            mark = _PASSED if found["ok"] else _FAILED
            stat = re.split("[=><]", source)[0].strip()
            value = _value_of(judged[name], stat, style)
            yield f"{indent}{mark} '{source.strip()}' {stat}={value}"
        yield ""
    yield ""


def _value_of(metric: Mapping[str, Any], stat: str, style: Style) -> str:
    if metric["type"] == "trend":
        return _stat(metric, stat, style)
    first, *more = _parts(metric, style)
    return more[0] if metric["type"] == "counter" and stat != "count" else first


def _checks_of(group: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from group["checks"]
    for inner in group["groups"]:
        yield from _checks_of(inner)


def _totals(
    checks: Sequence[Mapping[str, Any]], data: Mapping[str, Any], style: Style
) -> list[str]:
    passes = sum(each["passes"] for each in checks)
    fails = sum(each["fails"] for each in checks)
    total, span_s = passes + fails, data["state"]["testRunDurationMs"] / 1000
    rate = {"type": "rate", "contains": "default"}
    metrics: dict[str, dict[str, Any]] = {
        "checks_total": {
            "type": "counter",
            "contains": "default",
            "values": {"count": total, "rate": total / span_s if span_s > 0 else 0},
        },
        "checks_succeeded": rate
        | {"values": {"rate": passes / (total or 1), "passes": passes, "fails": fails}},
        "checks_failed": rate
        | {"values": {"rate": fails / (total or 1), "passes": fails, "fails": passes}},
    }
    columns, width = _Columns(metrics, style), _compact_width(metrics)
    return [_compact_line(name, columns, width) for name in metrics]


def _check(check: Mapping[str, Any], indent: str = "    ", deep: str = "  ") -> list[str]:
    name = printable(check["name"])
    if not check["fails"]:
        return [f"{indent}{_PASSED} {name}"]
    passes, fails = int(check["passes"]), int(check["fails"])
    share = 100 * passes // (passes + fails)
    counts = f"↳  {share}% — {_PASSED} {passes} / {_FAILED} {fails}"
    return [f"{indent}{_FAILED} {name}", f"{indent}{deep}{counts}"]


# The summary before.


def legacy(data: Mapping[str, Any], style: Style) -> str:
    """Return the summary of older versions, as textSummary() of jslib returns it."""
    metrics: Metrics = data["metrics"]
    columns = _Columns(metrics, style)
    widest = max((len(_legacy_name(name)) for name in metrics), default=0) + 3
    lines = list(_group(data["root_group"], f"{style.indent}    ", style))
    for name in _sorted(metrics):
        found = (metrics[name].get("thresholds") or {}).values()
        mark = " "
        if found:
            fine = all(each["ok"] for each in found)
            mark = style.paint(_PASSED, "green") if fine else style.paint(_FAILED, "red")
        within = _within(name)
        gap = "  " if within else ""
        dots = style.paint("." * (widest - len(_legacy_name(name))) + ":", "faint")
        start = f"{style.indent}  {gap}{mark} {printable(within or name)}"
        lines.append(f"{start}{dots} {columns.line(name)}")
    return "\n".join(lines)


def _legacy_name(name: str) -> str:
    return f"  {_within(name)}" if "{" in name else name


def _group(group: Mapping[str, Any], indent: str, style: Style) -> Iterator[str]:
    if group["name"]:
        yield f"{indent}█ {printable(group['name'])}\n"
        indent += "  "
    for check in group["checks"]:
        lines = "\n".join(_check(check, indent, " "))
        yield style.paint(lines, "red" if check["fails"] else "green")
    if group["checks"]:
        yield ""
    for inner in group["groups"]:
        yield from _group(inner, indent, style)
