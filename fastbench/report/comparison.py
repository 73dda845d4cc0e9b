"""A comparison for people: the sentence first, then every metric, every pair and every caution.

It works on a saved document as well as on a fresh one. `config` may come from another version, so
whatever is missing there is left out.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from statistics import median

from fastbench.compare.document import Comparison, Metric
from fastbench.redact import printable
from fastbench.report import pairs
from fastbench.report.change import (
    NAMES,
    change,
    explained,
    headline,
    regression,
    share,
    signed_interval,
    verdict_word,
)
from fastbench.report.page import LABEL_COLUMNS, LEAST_COLUMNS, Page, Paint, Part, cut, plural
from fastbench.result import Environment
from fastbench.units import format_count, format_ms, format_ns, format_s

__all__ = ["beside_run", "render"]

MAX_WARNINGS = 8
NAME_COLUMNS = 12
FIGURE_COLUMNS = 11
CHANGE_COLUMNS = 10
INTERVAL_COLUMNS = 20
WIDE_COLUMNS = 90  # from here on the table has a column of intervals
MARK = "*"
TITLES = {"different": "DIFFERENT", "equivalent": "EQUIVALENT", "inconclusive": "INCONCLUSIVE"}
ENDED = {
    "interrupted": "PARTIAL  interrupted after {done} of {planned}",
    "out_of_time": "--max-time ended it after {done} of {planned}",
    "nothing_succeeded": "NOTHING SUCCEEDED  no visit had an answer that was ok",
}


def render(found: Comparison, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""
    page = Page(color, max(width, LEAST_COLUMNS), unicode)
    blocks = (
        _sides(page, found),
        _verdict(page, found),
        _table(page, found),
        pairs.lines(page, found),
        [*_seen(page, found), *_machine(page, found), *_warnings(page, found)],
    )
    return page.encodable("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def beside_run(found: Comparison, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return what is printed below the report of a run that has a baseline."""
    page = Page(color, max(width, LEAST_COLUMNS), unicode)
    made = f"{printable(found.base)}, {_made(found)}" if _made(found) else printable(found.base)
    title = (
        page.bold("BASELINE") + "  " + cut(f"{made}; the candidate is this run", page.width - 10)
    )
    blocks = (
        [title, *_verdict(page, found)],
        _table(page, found),
        [*_machine(page, found), *_warnings(page, found)],
    )
    return page.encodable("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def _made(found: Comparison) -> str:
    """Return when the base was measured, for the eyes only."""
    return printable(found.base_environment.started_at) if found.base_environment else ""


def _sides(page: Page, found: Comparison) -> list[str]:
    room = page.width - LABEL_COLUMNS
    lines = []
    ended = ENDED.get(found.ended, "")
    if ended:
        text = ended.format(done=len(found.pairs), planned=plural(found.pairs_planned, "pair"))
        paint = page.yellow if found.ended == "out_of_time" else page.red
        lines += [paint(cut(text, page.width)), ""]
    lines.append(page.row("Base", page.bold(cut(printable(found.base), room))))
    lines.append(page.row("Candidate", page.bold(cut(printable(found.candidate), room))))
    parts: list[Part] = [(part, page.dim) for part in _load(found)]
    return lines + page.flowed(" ", parts)


def _load(found: Comparison) -> list[str]:
    """Say how it was measured, from what stands in `config`."""
    if not found.interleaved:
        return ["two saved results, measured one after the other"]
    config = found.config
    parts = [plural(found.pairs_planned, "pair")]
    visit_s, warmup_s = _number(config, "visit_s"), _number(config, "warmup_s")
    if visit_s:
        parts.append(f"visits of {format_s(visit_s)}")
    if warmup_s:
        parts.append(f"each after {format_s(warmup_s)} of warm-up")
    rate = _number(config, "rate")
    if rate:
        parts.append(f"{format_count(rate)} req/s for both")
    elif config.get("script"):
        parts.append(printable(str(config["script"])))
    else:
        parts.append("closed loop")
    connections = _number(config, "connections")
    if connections:
        parts.append(plural(int(connections), "connection"))
    return [*parts, f"seed {found.seed}"]


def _number(config: Mapping[str, object], name: str) -> float | None:
    value = config.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _verdict(page: Page, found: Comparison) -> list[str]:
    """Return the verdict and its sentence, what would settle it, and the regression."""
    title = TITLES[found.verdict]
    paint = _paint(page, found)
    indent = " " * (len(title) + 2)
    sentences = [headline(found), explained(found)]
    wrapped = [
        line
        for sentence in sentences
        for line in textwrap.wrap(sentence, page.width - len(indent), break_on_hyphens=False)
    ]
    lines = [paint(title) + "  " + wrapped[0], *(indent + line for line in wrapped[1:])]
    return lines + _regression(page, found)


def _paint(page: Page, found: Comparison) -> Paint:
    metric = found.metrics.get(found.primary)
    if found.verdict == "inconclusive" or metric is None:
        return page.yellow
    if found.verdict == "equivalent":
        return page.green
    return page.green if (metric.ratio > 1) == (metric.better == "higher") else page.red


def _regression(page: Page, found: Comparison) -> list[str]:
    if found.regression_limit is None:
        return []
    limit = f"{100 * found.regression_limit:g} %"
    metric = found.metrics.get(found.primary)
    if not found.regressed and _excluded(found, metric):
        return [page.green("no regression") + f" beyond {limit}"]
    if not found.regressed:
        return [page.yellow(f"a regression beyond {limit} is neither shown nor excluded")]
    title = "REGRESSION"
    wrapped = textwrap.wrap(regression(found), page.width - len(title) - 2)
    indent = " " * (len(title) + 2)
    return [page.red(title) + "  " + wrapped[0], *(indent + line for line in wrapped[1:])]


def _excluded(found: Comparison, metric: Metric | None) -> bool:
    """Tell whether the whole interval is on the good side of the limit, drift included."""
    if metric is None or metric.interval is None or found.regression_limit is None:
        return False
    if not found.interleaved:
        return False
    if metric.better == "higher":
        return metric.interval[0] > 1 - found.regression_limit
    return metric.interval[1] < 1 + found.regression_limit


def _table(page: Page, found: Comparison) -> list[str]:
    """Return a line for each metric: what both sides measured, the change, how sure it is."""
    if not found.metrics:
        return []
    wide = page.width >= WIDE_COLUMNS
    sure = f"{100 * found.confidence:g} % interval" if wide else ""
    head = f"  {'':<{NAME_COLUMNS}}{'base':>{FIGURE_COLUMNS}}{'candidate':>{FIGURE_COLUMNS}}"
    head += f"{'change':>{CHANGE_COLUMNS}}{sure:>{INTERVAL_COLUMNS * wide}}"
    lines = [page.dim(head)]
    for name, metric in found.metrics.items():
        lines.append(_row(page, found, name, metric, wide=wide))
    if found.interleaved:
        lines.append(page.dim(f"  {MARK} decides; base, candidate: medians; change: of pairs"))
    return lines


def _row(page: Page, found: Comparison, name: str, metric: Metric, *, wide: bool) -> str:
    own = MARK if name == found.primary else ""
    figures = "".join(f"{_median(found, side, name):>{FIGURE_COLUMNS}}" for side in _SIDES)
    text = f"  {NAMES.get(name, name) + own:<{NAME_COLUMNS}}{figures}"
    text += f"{change(metric.ratio):>{CHANGE_COLUMNS}}"
    if wide:
        shown = signed_interval(metric.interval) if metric.interval else "none"
        text += f"{shown:>{INTERVAL_COLUMNS}}"
    word = verdict_word(metric)
    paint = {"better": page.green, "worse": page.red}.get(word, page.dim)
    return text + "   " + paint(word)


_SIDES = ("base", "candidate")


def _median(found: Comparison, side: str, name: str) -> str:
    """Return the median of one side over what counts, in the metric's unit."""
    counted = [pair for pair in found.pairs if pair.valid] or list(found.pairs)
    visits = [visit for pair in counted if (visit := getattr(pair, side)) is not None]
    values = [value for visit in visits if (value := visit.of(name)) is not None]
    if not values:
        return "-"
    value = median(values)
    if name == "requests_per_s":
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return format_ns(value * 1e3) if name == "cpu_per_request" else format_ms(value)


def _seen(page: Page, found: Comparison) -> list[str]:
    """Return how noisy it was, and what such a comparison can see at all."""
    metric = found.metrics.get(found.primary)
    if metric is None or not found.interleaved:
        return []
    noise = []
    if metric.noise_floor is not None:
        noise.append(f"{share(metric.noise_floor)} from pair to pair")
    if metric.smallest_difference is not None:
        seen = share(metric.smallest_difference)
        noise.append(f"a difference of {seen} would be found 9 times of 10")
    counted = f"{metric.pairs} of {plural(len(found.pairs), 'pair')}"
    redone = sum(pair.redone for pair in found.pairs)
    counted += f", {plural(redone, 'visit')} redone" if redone else ""
    lines = page.wrapped("Noise", "; ".join(noise)) if noise else []
    return lines + page.wrapped("Counted", counted)


def _machine(page: Page, found: Comparison) -> list[str]:
    base = found.base_environment
    lines = page.wrapped("Machine", _environment(found.environment), page.dim)
    if base is not None and _environment(base) != _environment(found.environment):
        lines = [
            *page.wrapped("Base on", _environment(base)),
            *page.wrapped("Candidate", "on " + _environment(found.environment)),
        ]
    return lines


def _environment(machine: Environment) -> str:
    cores = plural(machine.cores, "core")
    return printable(f"{machine.cpu}, {cores}, Linux {machine.kernel}")


def _warnings(page: Page, found: Comparison) -> list[str]:
    lines: list[str] = []
    for at, warning in enumerate(found.warnings[:MAX_WARNINGS]):
        text = "; ".join(printable(part) for part in (warning.text, warning.hint) if part)
        lines += page.wrapped("" if at else "Warnings", text, page.yellow)
    if len(found.warnings) > MAX_WARNINGS:
        lines.append(page.row("", page.yellow(f"… {len(found.warnings) - MAX_WARNINGS} more")))
    return lines
