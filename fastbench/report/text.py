"""The report for people: one screen, figures first, every error with its cause and its fix."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from fastbench.histogram import Histogram
from fastbench.redact import printable
from fastbench.report.asked import Asked, asked
from fastbench.report.picture import bar, bins, sparkline
from fastbench.result import PERCENTILES, ErrorRow, HostUse, Result, SeriesRow, TargetUse
from fastbench.units import format_bytes, format_count, format_ns, format_s

__all__ = ["render"]

LABEL_COLUMNS = 10
LEAST_COLUMNS = 60
MAX_ERRORS = 8
MAX_TARGETS = 3
MAX_WARNINGS = 6
MAX_STATUSES = 12
PICTURE_COLUMNS = 100
GLYPHS_ASCII = {" ·": ",", "│": "|", "→": "->", "≥": ">=", "±": "+-", "…": "...", "–": "-"}  # noqa: RUF001

Paint = Callable[[str], str]
Part = tuple[str, Paint]


@dataclass(frozen=True, slots=True)
class _Page:
    """How to write: in colour or not, how wide, in Unicode or ASCII. Colours are SGR codes."""

    color: bool
    width: int
    unicode: bool

    def bold(self, text: str) -> str:
        return self._paint(text, "1")

    def dim(self, text: str) -> str:
        return self._paint(text, "2")

    def red(self, text: str) -> str:
        return self._paint(text, "1;31")

    def yellow(self, text: str) -> str:
        return self._paint(text, "33")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text

    def row(self, label: str, text: str) -> str:
        """Return one line with its label in the left column."""
        return self.dim(f"{label:<{LABEL_COLUMNS}}") + text

    def wrapped(self, label: str, text: str, paint: Paint = str) -> list[str]:
        """Return a labelled text over as many lines as it needs."""
        lines = textwrap.wrap(text, self.width - LABEL_COLUMNS) or [""]
        return [self.row(label if at == 0 else "", paint(line)) for at, line in enumerate(lines)]

    def flowed(self, label: str, parts: list[Part], between: str = ", ") -> list[str]:
        """Join painted parts over as many lines as the width needs; no part is broken."""
        indent = LABEL_COLUMNS if label else 2
        lines: list[list[str]] = []
        free = 0
        for text, paint in parts:
            shown = _cut(text, self.width - indent)
            if free < len(shown) + len(between):
                lines.append([])
                free = self.width - indent + len(between)
            lines[-1].append(paint(shown))
            free -= len(shown) + len(between)
        heads = [self.row(label, "") if label else "  ", *[" " * indent] * len(lines)]
        return [head + between.join(line) for head, line in zip(heads, lines, strict=False)]


def render(result: Result, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""
    page = _Page(color, max(width, LEAST_COLUMNS), unicode)
    blocks = (
        _heading(page, result),
        _figures(page, result),
        _latency(page, result),
        [
            *_answers(page, result),
            *_errors(page, result),
            *_tls(page, result),
            *_resources(page, result),
        ],
        _cautions(page, result),
    )
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    if unicode:
        return text
    for glyph, plain in GLYPHS_ASCII.items():
        text = text.replace(glyph, plain)
    return text.encode("ascii", "replace").decode()


def _heading(page: _Page, result: Result) -> list[str]:
    load = asked(result)
    lines = []
    if result.summary.ended != "complete":
        title = "NOTHING SUCCEEDED" if result.summary.ended == "nothing_succeeded" else "PARTIAL"
        reason = textwrap.wrap(_ended(result, load), page.width - len(title) - 2) or [""]
        lines = [page.red(title) + "  " + reason[0]]
        lines += [" " * (len(title) + 2) + line for line in reason[1:]]
        lines.append("")
    more = f" and {load.urls - 1} more" if load.urls > 1 else ""
    method = f"{load.method} " if load.method else ""
    url = _cut(load.url, page.width - len(method) - len(more))
    about: list[Part] = [(part, page.dim) for part in _load(load)]
    return [*lines, method + page.bold(url) + more, *page.flowed("", about)]


def _ended(result: Result, load: Asked) -> str:
    """Say why the run is not complete; the judge's reasons come before our own words."""
    if result.validity.reasons:
        return "; ".join(printable(reason) for reason in result.validity.reasons)
    summary = result.summary
    lost = sum(worker.lost for worker in result.workers)
    planned = f" of {format_s(load.duration_s)}" if load.duration_s else ""
    words = {
        "interrupted": f"interrupted after {_seconds(summary.duration_s)}{planned}; "
        "the numbers hold up to there",
        "worker_lost": f"{lost} of {len(result.workers)} workers lost; "
        "what they had counted is in the sums",
        "nothing_succeeded": "no answer was ok; the lines below say why",
    }
    return words.get(summary.ended, printable(summary.ended))


def _load(load: Asked) -> list[str]:
    end = [format_s(load.duration_s)] if load.duration_s is not None else []
    if load.requests is not None:
        end.append(_plural(load.requests, "request"))
    parts = [
        _plural(load.connections, "connection") if load.connections else "",
        _plural(load.workers, "worker") if load.workers else "",
        " or ".join(end),
        f"{load.pipeline} requests in a pipeline" if load.pipeline > 1 else "",
        "" if load.keepalive else "a new connection per request",
    ]
    return [part for part in parts if part]


def _figures(page: _Page, result: Result) -> list[str]:
    """Return what people came for: rate, throughput, counts; nothing if nothing was sent."""
    s = result.summary
    if not (s.started or s.dropped):
        return []
    rate = f"{s.requests_per_s:,.0f}" if s.requests_per_s >= 1000 else f"{s.requests_per_s:.1f}"
    figures: list[Part] = [
        (f"{rate} req/s", page.bold),
        (f"{format_bytes(s.bytes_in_per_s)}/s", page.bold),
        (f"{_plural(s.requests, 'request')} in {_seconds(s.duration_s)}", str),
    ]
    counts: list[Part] = [(f"{s.ok:,} ok", str)]
    counts += [(f"{s.failed:,} failed", page.red)] if s.failed else []
    counts += [(_plural(s.timeouts, "timeout"), page.red)] if s.timeouts else []
    counts += [(f"{s.retried:,} retried", str)] if s.retried else []
    counts += [(f"{s.dropped:,} dropped", page.red)] if s.dropped else []
    if s.in_flight_at_end:
        age = format_ns(s.oldest_in_flight_s * 1e9)
        counts.append((f"{s.in_flight_at_end:,} in flight at the end, oldest ≥ {age}", str))
    return page.flowed("", figures, "    ") + page.flowed("", counts, " · ")


def _latency(page: _Page, result: Result) -> list[str]:
    latency = result.latency
    planned = latency.response is not None
    shown = latency.response or latency.service
    what = (
        "response time: from the planned start to the last byte read"
        if planned
        else "service time, closed loop (not comparable with a fixed-rate run)"
    )
    others = [("service", latency.service)] if planned else []
    others += [
        ("first byte", latency.first_byte),
        ("connect", latency.connect),
        ("failed", latency.failed),
    ]
    brief = page.flowed("", [_brief(name, other) for name, other in others if other.count], "    ")
    if shown.count:
        return [*page.wrapped("Latency", what), *_table(page, shown), *brief]
    return [page.row("Latency", "no ok answer to measure"), *brief] if brief else []


def _table(page: _Page, histogram: Histogram) -> list[str]:
    """Return the percentiles at the left and the distribution at the right, row by row."""
    values = [(name.replace("_", "."), histogram.percentile(p)) for name, p in PERCENTILES.items()]
    values.append(("max", histogram.max_ns))
    picture = _picture(page, histogram, len(values))
    lines = []
    for (name, value), right in zip(values, picture, strict=True):
        figure = f"{format_ns(value):>8}"
        strong = page.bold(figure) if name in ("p50", "p99") else figure
        lines.append((page.dim(f"  {name:<7}") + strong + "   " + right).rstrip())
    least, mean, stdev = histogram.min_ns, histogram.mean_ns, histogram.stdev_ns
    spread = f"{format_ns(mean):>8} ± {format_ns(stdev)}, min {format_ns(least)}"
    return [*lines, page.dim("  mean   ") + spread]


def _picture(page: _Page, histogram: Histogram, rows: int) -> list[str]:
    """Return `rows` lines: where a bin begins, how many samples, their share as a bar."""
    found = bins(histogram, rows)
    most = max(bin_.count for bin_ in found)
    columns = min(page.width, PICTURE_COLUMNS) - 40
    lines = []
    for bin_ in found:
        more = ("≥" if page.unicode else ">") if len(found) > 1 and bin_ is found[-1] else ""
        label = f"{more + format_ns(bin_.low_ns):>8} {format_count(bin_.count):>6} "
        picture = bar(bin_.count / most, columns, unicode=page.unicode)
        lines.append(page.dim("│" + label) + picture)
    return lines + [""] * (rows - len(lines))


def _brief(name: str, histogram: Histogram) -> Part:
    p50, p99 = (format_ns(histogram.percentile(percent)) for percent in (50, 99))
    return f"{name} p50 {p50}, p99 {p99}", str


def _answers(page: _Page, result: Result) -> list[str]:
    """Return the statuses, and how the rate went over time."""
    lines = []
    if result.status_codes:
        bad = result.summary.failed > 0
        codes = sorted(result.status_codes.items())
        shown: list[Part] = [
            (f"{printable(code)}: {n:,}", page.red if bad and code >= "400" else str)
            for code, n in codes[:MAX_STATUSES]
        ]
        more = len(codes) - MAX_STATUSES
        lines = page.flowed("Status", shown + ([(f"{more} more", page.dim)] if more > 0 else []))
    rates = [row.requests / row.span_s for row in result.series if _counts(row, result)]
    if len(rates) > 2:
        extremes = f"  {format_count(min(rates))} to {format_count(max(rates))} req/s"
        columns = page.width - LABEL_COLUMNS - len(extremes) - 2
        line = sparkline(rates, columns, unicode=page.unicode)
        lines.append(page.row("Over time", line + page.dim(extremes)))
    return lines


def _counts(row: SeriesRow, result: Result) -> bool:
    """Leave a short last row out: its rate says little."""
    return row.span_s > 0 and (row is not result.series[-1] or row.span_s >= 0.5)


def _errors(page: _Page, result: Result) -> list[str]:
    rows = sorted(result.errors, key=lambda row: -row.count)
    lines: list[str] = []
    for row in rows[:MAX_ERRORS]:
        lines += _error(page, row, "" if lines else "Errors")
    if len(rows) > MAX_ERRORS:
        rest = sum(row.count for row in rows[MAX_ERRORS:])
        lines.append(page.row("", page.dim(f"… {rest:,} more of {len(rows) - MAX_ERRORS} sorts")))
    return lines


def _error(page: _Page, row: ErrorRow, label: str) -> list[str]:
    count = f"{row.count:>7,}  "
    columns = page.width - LABEL_COLUMNS - len(count)
    when = f", first at {_seconds(row.first_s)}"
    message = textwrap.wrap(printable(row.message) + when, columns)
    hint = textwrap.wrap("→ " + printable(row.hint), columns, subsequent_indent="  ")
    indent = " " * len(count)
    first = page.row(label, page.red(count) + message[0])
    return [
        first,
        *(page.row("", indent + line) for line in message[1:]),
        *(page.row("", indent + page.dim(line)) for line in hint),
    ]


def _tls(page: _Page, result: Result) -> list[str]:
    tls = result.tls
    if tls is None:
        return []
    if not tls.handshakes:
        return [page.row("TLS", "no handshake succeeded")]
    parts: list[Part] = [("verified", str) if tls.verified else ("not verified (-k)", page.yellow)]
    parts += [(printable(part), str) for part in (tls.version, tls.cipher) if part]
    parts += [(_plural(tls.handshakes, "handshake"), str), (f"{tls.resumed:,} resumed", str)]
    return page.flowed("TLS", parts)


def _resources(page: _Page, result: Result) -> list[str]:
    use = result.resources
    lines = []
    if use.client is not None:
        parts = [
            f"cpu {use.client.cpu_percent:.0f}% of one core",
            f"memory {format_bytes(use.client.rss_bytes_max)}",
            *_busy(result),
        ]
        lines += page.flowed("Client", [(part, str) for part in parts])
    if use.host is not None:
        lines += page.flowed("Host", [(part, str) for part in _host(use.host, result)])
    for at, target in enumerate(use.targets[:MAX_TARGETS]):
        lines += page.flowed(" " if at else "Target", [(part, str) for part in _target(target)])
    lost = [worker for worker in result.workers if worker.lost]
    if lost:
        pids = ", ".join(str(worker.pid) for worker in lost)
        text = f"{len(lost)} of {len(result.workers)} lost (pid {pids})"
        lines += page.wrapped("Workers", text, page.red)
    return lines


def _host(host: HostUse, result: Result) -> list[str]:
    cores = _plural(result.environment.cores, "core")
    parts = [f"cpu {host.cpu_percent:.0f}% of {cores} (at most {host.cpu_percent_max:.0f}%)"]
    parts += [f"steal {host.steal_percent:.1f}%"] if host.steal_percent >= 0.05 else []
    used, size = format_bytes(host.memory_used_bytes_max), format_bytes(host.memory_bytes)
    return [*parts, f"memory {used} of {size}"]


def _busy(result: Result) -> list[str]:
    shares = sorted(round(100 * worker.busy) for worker in result.workers)
    if not shares:
        return []
    span = f"{shares[0]}" if shares[0] == shares[-1] else f"{shares[0]}–{shares[-1]}"  # noqa: RUF001
    return [f"{'worker' if len(shares) == 1 else 'workers'} {span}% busy"]


def _target(target: TargetUse) -> list[str]:
    grown = target.rss_bytes_end - target.rss_bytes_start
    memory = f"memory {format_bytes(target.rss_bytes_max)}"
    return [
        f"{printable(target.name)} ({target.pid}): cpu at most {target.cpu_percent_max:.0f}%",
        memory + (f" (grew {format_bytes(grown)})" if grown >= 1 << 20 else ""),
        f"{target.fds:,} files",
        _plural(target.threads, "thread"),
    ]


def _cautions(page: _Page, result: Result) -> list[str]:
    """Return the verdict where it is not plainly ok, and the warnings."""
    lines = []
    validity = result.validity
    known = validity.limit not in ("unknown", "")
    if known or validity.verdict not in ("ok", "incomplete"):
        words = [f"{validity.verdict}, limit: {validity.limit}", *validity.reasons]
        paint = str if validity.verdict == "ok" else page.yellow
        lines += page.wrapped("Verdict", "; ".join(printable(word) for word in words), paint)
    for at, warning in enumerate(result.warnings[:MAX_WARNINGS]):
        text = "; ".join(printable(part) for part in (warning.text, warning.hint) if part)
        lines += page.wrapped("" if at else "Warnings", text, page.yellow)
    if len(result.warnings) > MAX_WARNINGS:
        lines.append(page.row("", page.yellow(f"… {len(result.warnings) - MAX_WARNINGS} more")))
    return lines


def _seconds(value_s: float) -> str:
    return f"{value_s:.2f}s" if value_s < 1000 else format_s(value_s)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else text[: columns - 1] + "…"
