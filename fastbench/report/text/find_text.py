"""A search for the highest rate, for people: the answer, the knee as a picture, what the limit was.

A row of the picture is a rate; its bar is the latency that the objective is about, on a logarithmic
scale, and the line across the bars is the objective.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.experiments.find.find_document import Found, Objective, Step
from fastbench.experiments.find.objective import MISSED_MAX
from fastbench.foundation import units
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_ms, format_s
from fastbench.report.load_heading import of_config
from fastbench.report.page import Page, Part, advice, cut, fitted, plural, stacked
from fastbench.results import resolution
from fastbench.results.socket_counts import noun_of

MAX_ROWS = 24
BAR_COLUMNS = 40
FACTS_COLUMNS = 48  # of a row, beside its bar
MIN_BAR = 8


def render(found: Found, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""
    parts = (_heading, _answer, _picture, _why)
    return fitted(lambda page: stacked(part(page, found) for part in parts), color, width, unicode)


def unit(found: Found) -> str:
    """Return the unit of its rates: req/s, of WebSockets msg/s."""
    return units.per_s(noun_of(found.config))


def step_line(step: Step, unit: str) -> str:
    """Return one step as a line, to be told when it is done; `unit` is that of its rate."""
    p99 = "no responses"
    if step.p99_ms is not None:
        p99 = f"{resolution.tail(step.samples)} {format_ms(step.p99_ms)}"
    outcome = "passed" if step.held else f"failed ({failures(step)})"
    return printable(f"{per_s(step.rate):>12} {unit}   {p99:<12}   {outcome}")


def per_s(rate: float) -> str:
    """Format a rate in full."""
    return f"{rate:,.0f}" if rate >= 100 or rate == int(rate) else f"{rate:.4g}"


def _heading(page: Page, found: Found) -> list[str]:
    config = found.config
    load = of_config(config)
    url = cut(load.url, page.width - len(load.method) - len(load.more) - 2)
    lines = [f"{load.method} {page.bold(url)}{load.more}".lstrip()] if load.url else []
    parts: list[Part] = [
        (part, page.dim) for part in (load.loaded, protocol(found), *load.rules) if part
    ]
    if told := machines(found):
        parts.append((told, page.dim))
    after = f" after {format_s(found.warmup_s)} of warm-up" if found.warmup_s else ""
    parts.append((f"{format_s(found.visit_s)} at each rate{after}", page.dim))
    steps = f"{plural(len(found.steps), 'run')} in {format_s(round(found.elapsed_s, 1))}"
    return [*lines, *page.flowed("", [*parts, (steps, page.dim)])]


def protocol(found: Found) -> str:
    """Return the version of HTTP that was measured, "" where it could be but one."""
    load = of_config(found.config)
    spoken = found.protocol or load.protocol
    only = spoken == "HTTP/1.1" and not load.url.startswith("https:")
    return "" if only else printable(spoken)


def machines(found: Found) -> str:
    """Say on which cluster the runs were, and how many machines it had; "" for this one alone."""
    count = plural(len(found.machines), "machine")
    return printable(f"{count} of {found.config.get('on')}") if found.machines else ""


def answer(found: Found) -> tuple[str, str]:
    """Return the sentence people came for, and what kind of news it is: pass, doubt or fail."""
    objective = " and ".join(printable(each.text) for each in found.objective)
    rate = "" if found.rate is None else f"{per_s(found.rate)} {unit(found)}"
    silent = [step for step in found.steps if step.p99_ms is None]
    gone = f"{per_s(silent[0].rate)} {unit(found)}" if silent else "the last rate"
    lowest = "the first rate" if found.interval.high is None else per_s(found.interval.high)
    held = f"{rate} met" if rate else "no rate was seen to meet"
    words = {
        "found": f"{rate} is the highest rate that meets {objective}",
        "most": f"{rate}, the highest rate to try, meets {objective}",
        "none": f"no rate meets {objective}: not even {lowest} {unit(found)} does",
        "client_limited": f"the load generator was saturated: {held} {objective}; "
        "the server may do more",
        "server_gone": f"{_silence(found)}; {held} {objective}",
        "interrupted": f"interrupted: so far {held} {objective}",
        "lost": f"a run was lost: so far {held} {objective}",
        "out_of_time": f"--max-time ended the search: so far {held} {objective}",
        "nothing_succeeded": f"nothing succeeded, at {gone}",
    }
    noisy = found.ended == "found" and any(each.code == "noisy_host" for each in found.warnings)
    if noisy:
        words["found"] = (
            f"{rate} is the highest rate seen to meet {objective}, on a disturbed machine: the "
            "server may do more"
        )
    kind = "pass" if found.ended in ("found", "most") and not noisy else "doubt"
    if found.ended in ("none", "server_gone", "nothing_succeeded"):
        kind = "fail"
    return words[found.ended], kind


def _silence(found: Found) -> str:
    """Say what is known of a server that does not answer any more."""
    at = len(found.steps)
    while at and found.steps[at - 1].p99_ms is None:
        at -= 1
    silent = found.steps[at:]
    if not silent:
        return "the server sent no more responses"
    text = f"no response came at {per_s(silent[0].rate)} {unit(found)}"
    if at and not found.steps[at - 1].held:
        before = per_s(found.steps[at - 1].rate)
        return f"{text} and after, when {before} {unit(found)} had overloaded the server"
    return f"{text} and after" if len(silent) > 1 else text


def _answer(page: Page, found: Found) -> list[str]:
    """Return the answer, and how well it is known."""
    text, kind = answer(found)
    paint = {"pass": page.green, "doubt": page.yellow, "fail": page.red}[kind]
    lines = page.wrapped("Result", text, paint)
    return [*lines, *(page.wrapped("", told) if (told := known(found)) else [])]


def known(found: Found) -> str:
    """Say between which rates the border is, "" where it was not found."""
    low, high = found.interval.low, found.interval.high
    if found.ended != "found":
        return ""
    below = (
        f"up to {per_s(low)} every run passed" if low is not None else "no rate passed in every run"
    )
    above = (
        f"from {per_s(high)} on every run failed"
        if high is not None
        else "no rate failed in every run"
    )
    return f"{below}, {above}"


@dataclass(frozen=True, slots=True)
class _Row:
    """All steps at one rate; `value_ms` is the middle one of what is drawn."""

    rate: float
    steps: Sequence[Step]
    value_ms: float | None

    @property
    def held(self) -> int:
        return sum(step.held for step in self.steps)


def _picture(page: Page, found: Found) -> list[str]:
    drawn = drawn_of(found)
    rows = _rows(found, drawn)
    values = [row.value_ms for row in rows if row.value_ms]
    if not values:
        return []
    limit_ms = drawn.limit if drawn is not None and drawn.limit > 0 else None
    shown = [*values, limit_ms] if limit_ms is not None else values
    low, high = min(shown) / 2, max(shown)
    columns = max(MIN_BAR, min(BAR_COLUMNS, page.width - FACTS_COLUMNS))

    def share(value: float) -> float:
        return math.log(value / low) / math.log(high / low)

    mark = None if limit_ms is None else min(columns - 1, round(share(limit_ms) * columns))
    name = "p99" if drawn is None else printable(drawn.text)
    lines = [page.dim(f"{unit(found):>10}  {'':>7}  {cut(name, columns)}")]
    for row in rows:
        filled = round(share(row.value_ms) * columns) if row.value_ms else 0
        bar = _bar(filled, columns, mark, unicode=page.unicode)
        paint = page.green if row.held * 2 > len(row.steps) else page.red
        value = format_ms(row.value_ms) if row.value_ms else ""
        outcome = cut(_outcome(row), page.width - columns - 23)
        lines.append(f"{per_s(row.rate):>10}  {value:>7}  {paint(bar)}  {outcome}")
    return lines


def _bar(filled: int, columns: int, mark: int | None, *, unicode: bool) -> str:
    """Draw a bar, and the objective across it."""
    full, over, line = ("█", "┃", "│") if unicode else ("#", "|", "|")
    cells = [full if at < filled else " " for at in range(columns)]
    if mark is not None:
        cells[mark] = over if mark < filled else line
    return "".join(cells)


def _rows(found: Found, drawn: Objective | None) -> list[_Row]:
    """Return the rates in ascending order; of too many those nearest to the border."""
    rates = sorted({step.rate for step in found.steps})
    middle = found.rate or (rates[0] if rates else 1.0)
    rates = sorted(sorted(rates, key=lambda rate: abs(math.log(rate / middle)))[:MAX_ROWS])
    rows = []
    for rate in rates:
        steps = [step for step in found.steps if step.rate == rate]
        values = [seen for step in steps if (seen := value_ms(step, drawn)) is not None]
        rows.append(_Row(rate, steps, statistics.median_low(values) if values else None))
    return rows


def drawn_of(found: Found) -> Objective | None:
    """Return the objective that a picture shows: the first about a latency, None for the p99."""
    return next((each for each in found.objective if each.contains == "time"), None)


def value_ms(step: Step, drawn: Objective | None) -> float | None:
    """Return what a step has of it."""
    if drawn is None:
        return step.p99_ms
    judged = step.judged.get(drawn.text)  # a saved document may lack it
    return None if judged is None else judged.observed


def _outcome(row: _Row) -> str:
    """Say how the runs at a rate ended, and what failed."""
    runs, failed = len(row.steps), [step for step in row.steps if not step.held]
    if not failed:
        return "passed" if runs == 1 else f"passed {runs} times"
    many = f"{len(failed)} of {runs} failed" if row.held else "failed"
    many += f" {runs} times" if runs > 1 and not row.held else ""
    return f"{many}: {failures(failed[-1])}"


def failures(step: Step) -> str:
    """Name what failed."""
    texts = [text for text, each in step.judged.items() if not each.ok]
    if not texts and step.growing and step.missed_share <= MISSED_MAX:
        return "backlog still growing"
    if not texts:
        return f"{100 * step.missed_share:.2g}% could not be sent"
    waited = f"{100 * step.unanswered_share:.3g}% had no response" if step.unanswered_share else ""
    return ": ".join(filter(None, (", ".join(printable(text) for text in texts), waited)))


def reasons(found: Found) -> list[str]:
    """Say what the bottleneck was."""
    if found.ended in ("most", "interrupted", "out_of_time"):
        return []
    told = [printable(reason) for reason in found.reasons]
    if not told and found.ended == "found":
        return ["no resource was saturated where the objective failed: responses only took longer"]
    return told


def _why(page: Page, found: Found) -> list[str]:
    """Return what the bottleneck was, and what else the reader should know."""
    lines: list[str] = []
    for at, reason in enumerate(reasons(found)):
        lines += page.wrapped("" if at else "Why", reason)
    for at, warning in enumerate(found.warnings):
        text = advice(warning)
        lines += page.wrapped("" if at else "Warnings", text, page.yellow)
    return lines
