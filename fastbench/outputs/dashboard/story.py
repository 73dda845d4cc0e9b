"""What a page is told of a run: how far it is, its figures, thresholds and charts, how it ended.

1. A row of the series becomes one value for each line of each chart: the same as in the report,
   drawn by the same code. Who knows everything but the newest step gets that step (`news`); who
   does not gets the `whole`.
2. Memory does not grow: from MAX_ROWS on neighbours are merged, as in the series itself.
3. Everything here is called by one thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_count, format_s
from fastbench.outputs.dashboard import url_table
from fastbench.report.columns import ms, quantity
from fastbench.report.html import html_parts, html_tables, html_verdict
from fastbench.report.html.charts import run_charts
from fastbench.report.html.charts.chart import Chart, drawing
from fastbench.report.html.charts.error_charts import causes_of
from fastbench.report.html.html_verdict import Figure, Verdict
from fastbench.report.load_heading import load_of
from fastbench.report.page import advice, plural
from fastbench.results import resolution
from fastbench.results.merging.neighbours import merged
from fastbench.results.metric_values import Judgement, NamedRow
from fastbench.results.result import Result, SeriesRow, Warning_
from fastbench.run.sampling import MAX_ROWS, Progress, Users

MAX_DERIVED = 8  # formulas with a figure of their own


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends a plain run: a time, a number of requests, or both. A script says so itself."""

    duration_s: float | None = None
    requests: int | None = None


class Story:
    """The state of one run. `version` grows with every step; at `over` there is none to come."""

    def __init__(self, ends: Ends, name_of: Callable[[int], str]) -> None:
        """`name_of` returns the name of a process, "" if it is not known."""
        self.version = 0
        self.over = False
        self.news: bytes | None = None  # the step to this version, None if only the whole says it
        self._ends = ends
        self._name_of = name_of
        self._rows: list[SeriesRow] = []
        self._names: dict[int, str] = {}  # of the target's processes
        self._causes: dict[str, None] = {}  # of errors, in the order in which they came
        self._statuses: dict[str, None] = {}
        self._last: SeriesRow | None = None
        self._requests = self._bad = 0
        self._noun = "request"
        self._told = _told(_WAITING)
        self._by_url: tuple[NamedRow, ...] = ()
        self._urls: list[list[url_table.Cell]] = []
        self._drawn: tuple[dict[str, Any], list[Chart]] | None = None  # of the result

    def take(self, now: Progress) -> None:
        """Take a look at the run in; its row counts once, however often it is told."""
        step: dict[str, Any] | None = {}
        self._noun = now.noun
        seen = now.row and self._last and now.row.t_s == self._last.t_s
        row = None if seen else now.row
        if row is not None and row.span_s > 0:
            self._last = row
            step = self._add(row)
        if now.by_url is not self._by_url:
            self._by_url, self._urls = now.by_url, url_table.rows(now.by_url)
            step = None if step is None else {**step, "urls": self._urls}
        self._told = self._now(now)
        self.version += 1
        self.news = None if step is None else event("step", {**self._told, **step})

    def end(self, result: Result, beside: Comparison | None) -> None:
        """Take the result in: the last rows, the verdict, and the charts that need all of it."""
        result = result.main
        drawn = run_charts.charts(result)
        self._drawn = run_charts.document(result, drawn), drawn
        self._told = _ended(result, beside)
        self._urls = url_table.rows(result.requests)
        self.over = True
        self.version += 1
        self.news = None

    def whole(self) -> bytes:
        """Return everything as one event."""
        drawn, charts = self._drawn or self._drawing()
        places = [[c.name, c.title, c.note, c.kind, c.wide] for c in charts]
        return event(
            "end" if self.over else "whole",
            {**self._told, **drawn, "urls": self._urls, "places": places},
        )

    def _add(self, row: SeriesRow) -> dict[str, Any] | None:
        """Keep a row; return its values, None if more than a row is new: a line, a merging."""
        grown = not self._rows
        for pid in run_charts.pids([row]):
            if pid not in self._names and len(self._names) < run_charts.MAX_PROCESSES:
                self._names[pid] = self._name_of(pid)
                grown = True
        for seen, new in ((self._causes, causes_of(row)), (self._statuses, row.statuses)):
            grown = grown or not set(new) <= seen.keys()
            seen.update(dict.fromkeys(sorted(new)))
        self._rows.append(row)
        self._requests += row.requests
        self._bad += row.failed + row.timeouts
        if len(self._rows) >= MAX_ROWS:
            pairs = zip(self._rows[::2], self._rows[1::2], strict=True)
            self._rows = [merged(*pair) for pair in pairs]
            grown = True
        if grown:
            return None
        charts = self._charts([row])
        drawn = drawing([row], charts)
        values = {chart.name: [each["values"][0] for each in chart.lines] for chart in charts}
        return {"start": drawn["start"], "span": drawn["span"], "values": values}

    def _drawing(self) -> tuple[dict[str, Any], list[Chart]]:
        charts = self._charts(self._rows) if self._rows else []
        return drawing(self._rows, charts), charts

    def _charts(self, rows: list[SeriesRow]) -> list[Chart]:
        known = run_charts.Known(self._names, list(self._causes), list(self._statuses))
        return run_charts.over_time(rows, known, self._noun)

    def _now(self, now: Progress) -> dict[str, Any]:
        return _told(
            _standing(now, self._ends),
            share=None if now.warming else now.share(self._ends.duration_s, self._ends.requests),
            reasons=now.notices + (() if now.machines is None else now.machines.lost),
            figures=self._figures(now),
            judgements=now.judgements,
            counts=(self._requests, self._bad),
        )

    def _figures(self, now: Progress) -> list[Figure]:
        """Return what is so this second, and what is so far."""
        row, noun = self._last, f"{now.noun}s"
        if row is None:
            return [Figure(f"{noun}/s", format_count(now.rate), "")]
        share = f"{self._bad / self._requests:.3%} of {noun}" if self._bad else "none"
        found = [
            Figure(f"{noun}/s", format_count(row.requests / row.span_s), _beside_rate(now, row)),
            Figure(noun, format_count(self._requests), f"{self._requests:,} so far"),
            Figure("not ok", format_count(self._bad), share, "bad" if self._bad else ""),
        ]
        if (per_s := now.operations_per_s) is not None:
            found.append(html_verdict.operations(per_s, now.operations_failed))
        high = resolution.tail(row.ok + row.timeouts)
        times = {"p50": row.p50_ms, high: row.p99_ms}
        if row.scheduled is not None:
            times = {"p50": row.response_p50_ms, high: row.response_p99_ms}
        kind = "latency" if row.scheduled is None else "response time"
        found += [Figure(name, ms(value), f"{kind}, this second") for name, value in times.items()]
        if now.asked_rate is not None:
            bad = "bad" if now.queued else ""
            found.append(Figure("queued", format_count(now.queued), "wait for a connection", bad))
        if now.protocol:
            found.append(Figure("connections", format_count(now.connections), now.protocol))
        found += _of_users(now.users) if now.users is not None else []
        named = list(now.derived.items())[:MAX_DERIVED]
        return [*found, *(Figure(name, quantity(*value), "so far") for name, value in named)]


def event(kind: str, value: Mapping[str, Any]) -> bytes:
    """Return an event of a stream (HTML, 9.2): one line of JSON, which holds no line end."""
    data = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


_WAITING = Verdict("Waiting", "", "the load has not started yet")


def _standing(now: Progress, ends: Ends) -> Verdict:
    """Say how far the run is, and at once when a threshold fails."""
    elapsed_s = now.elapsed_s
    if now.row is not None:  # it may be a little newer
        elapsed_s = max(elapsed_s, now.row.t_s + now.row.span_s)
    elapsed = format_s(float(int(elapsed_s))) if elapsed_s >= 1 else "0s"
    if now.warming:
        return Verdict("Warming up", "", f"{elapsed}, not measured")
    length_s = now.length_s(ends.duration_s)
    said = [f"{elapsed} of {format_s(length_s)}" if length_s else elapsed]
    if ends.requests:
        said.append(f"{now.requests:,} of {ends.requests:,} requests")
    if now.users is not None and now.users.iterations_of:
        said.append(f"{now.users.iterations:,} of {now.users.iterations_of:,} iterations")
    if now.machines is not None:
        said.append(f"{now.machines.working} on {now.machines.cluster}")
    failed, lost = len(now.failing), now.machines is not None and now.machines.lost
    said += [f"{plural(failed, 'threshold')} failed"] if failed else []
    return Verdict("Running", "doubt" if failed or lost else "", "; ".join(said))


def _beside_rate(now: Progress, row: SeriesRow) -> str:
    if now.asked_rate is not None:
        return f"of {format_count(now.asked_rate)} asked"
    return f"{format_bytes(row.bytes_in / row.span_s)}/s received"


def _of_users(users: Users) -> list[Figure]:
    dropped = f"{users.dropped:,} dropped" if users.dropped else "so far"
    bad = "bad" if users.dropped else ""
    return [
        Figure("VUs", format_count(users.vus), f"of {users.vus_max:,}"),
        Figure("iterations", format_count(users.iterations), dropped, bad),
    ]


def _told(
    verdict: Verdict,
    *,
    share: float | None = None,
    reasons: tuple[str, ...] = (),
    warnings: tuple[Warning_, ...] = (),
    figures: list[Figure] | None = None,
    judgements: Mapping[str, Judgement] | None = None,
    counts: tuple[int, int] = (0, 0),
    over: bool = False,
) -> dict[str, Any]:
    """Return what every event tells, JSON-ready; `counts` are exact, figures are to be read."""
    hints = [advice(each) for each in warnings]
    return {
        "verdict": {
            **asdict(verdict),
            "reasons": [printable(each) for each in reasons],
            "warnings": [printable(each) for each in hints],
        },
        "share": share,
        "figures": [asdict(each) for each in figures or ()],
        "thresholds": [
            _threshold(text, each, over=over) for text, each in (judgements or {}).items()
        ],
        "counts": dict(zip(("requests", "not_ok"), counts, strict=True)),
    }


def _threshold(text: str, judgement: Judgement, *, over: bool) -> dict[str, str]:
    word, kind = html_tables.outcome(judgement)
    if judgement.observed is None and not over:
        word, kind = "… waiting", ""
    return {
        "word": word,
        "kind": kind,
        "text": printable(text),
        "note": html_tables.warning_note(judgement),
        "observed": printable(judgement.text),
    }


def _ended(result: Result, beside: Comparison | None) -> dict[str, Any]:
    s, load = result.summary, load_of(result)
    told = _told(
        html_verdict.verdict(result, beside),
        reasons=result.validity.reasons,
        warnings=result.warnings,
        figures=html_verdict.figures(result),
        judgements=result.thresholds,
        counts=(s.requests, s.not_ok),
        over=True,
    )
    when = html_parts.when(result.environment.started_at)
    about = [*html_verdict.about(load), when]
    return told | {
        "about": " · ".join(about),
        "ended": s.ended,
        "outcome": result.outcome.level,
        "validity": result.validity.verdict,
        "limit": result.validity.limit,
    }
