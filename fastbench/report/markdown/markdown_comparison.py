"""A comparison as Markdown, short enough for the comment of a pull request.

The verdict is a sentence, and a box where a regression was to fail; then every metric, both sides'
latencies, what does not count and why. Text from elsewhere is data, as in a run's Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.experiments.compare.compare_document import SIDES, Comparison, Metric
from fastbench.foundation.units import format_instant
from fastbench.report import compared
from fastbench.report.change import (
    change,
    explained,
    headline,
    name_of,
    regression,
    signed_interval,
    told_metrics,
    untold,
    verdict_word,
)
from fastbench.report.columns import NOTHING, ms, percent
from fastbench.report.markdown.markdown_markup import escaped, table
from fastbench.report.text import compared_requests
from fastbench.report.text.request_table import short_names
from fastbench.results import resolution
from fastbench.results.latencies import latency_ms
from fastbench.results.result import Warning_

PERCENTILES = ("p50", "p95", "p99", "p99_9", "max")
MAX_REASONS = 8


def render(found: Comparison, runs: compared_requests.Runs | None = None) -> str:
    """Return the Markdown, ending in a newline; `runs` are two saved results with requests."""
    sections = [
        [f"## fastbench: {escaped(found.candidate)} against {escaped(found.base)}"],
        _verdict(found),
        *(_regression(found), _metrics(found), _noise(found), _latencies(found)),
        [] if runs is None else _operations(runs),
        *(_not_counted(found), _warnings(found), _configuration(found)),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _verdict(found: Comparison) -> list[str]:
    told = [f"**{compared.TITLES[found.verdict]} · {escaped(headline(found))}**"]
    more = (": ".join(compared.ended(found)), explained(found))
    return told + [line for text in more if text for line in ("", escaped(text))]


def _regression(found: Comparison) -> list[str]:
    limit = compared.limit(found)
    if not limit:
        return []
    if found.regressed:
        return [f"- [ ] **FAIL** {escaped(regression(found))}"]
    if compared.regression_excluded(found):
        return [f"- [x] **PASS** no regression beyond {limit}"]
    return [f"- [ ] **INCONCLUSIVE** a regression beyond {limit} is neither shown nor excluded"]


def _metrics(found: Comparison) -> list[str]:
    rows = [_metric(found, name, metric) for name, metric in told_metrics(found).items()]
    sure = f"{100 * found.confidence:g} % interval"
    head = ("Metric", "Base", "Candidate", "Change", sure, "p, corrected", "")
    why = untold(found)
    return [*(table(head, rows) if rows else []), *(["", why] if why else [])]


def _metric(found: Comparison, name: str, metric: Metric) -> tuple[str, ...]:
    shown = name_of(found, name)
    return (
        f"**{shown}**" if name == found.primary else shown,
        *(compared.typical(found, side, name) for side in SIDES),
        change(metric.ratio),
        signed_interval(metric.interval) if metric.interval else NOTHING,
        NOTHING if metric.p_holm is None else f"{metric.p_holm:.2g}",
        verdict_word(metric),
    )


def _noise(found: Comparison) -> list[str]:
    metric = found.metrics.get(found.primary)
    if metric is None or not found.interleaved:
        return []
    noise = compared.noise(found, metric)
    lines = [f"- Noise: {'; '.join(noise)}"] if noise else []
    return [*lines, f"- Counted: {compared.counted(found, metric)}"]


def _latencies(found: Comparison) -> list[str]:
    latency = found.latency
    if latency is None or not (latency.base.count and latency.candidate.count):
        return []
    base, candidate = (latency_ms(each) for each in (latency.base, latency.candidate))
    rows = [_percentile(name, base, candidate) for name in PERCENTILES]
    title = f"### Latency ({latency.times} time)"
    return [title, "", *table(("", "Base", "Candidate", "Change"), rows)]


def _percentile(
    name: str, base: Mapping[str, float | None], candidate: Mapping[str, float | None]
) -> tuple[str, ...]:
    values = [resolution.told_ms(each, name) for each in (base, candidate)]
    shown = [ms(each) for each in values]
    return (name.replace("_", "."), *shown, compared.changed(*values))


def _operations(runs: compared_requests.Runs) -> list[str]:
    """Return what both runs have by name, or by URL: a percentile of the candidate, its change."""
    both = compared_requests.matched(runs)[: compared_requests.MAX_ROWS]
    names = short_names([after for _, after in both])
    rows = []
    for name, (before, after) in zip(names, both, strict=True):
        about = ", ".join(part for part in (after.method, after.scenario) if part)
        cells = [escaped(f"{name} ({about})" if about else name)]
        for key in compared_requests.PERCENTILES:
            cells += compared_requests.moved(before, after, key)
        shares = [percent(compared_requests.failed_share(row)) for row in (before, after)]
        rows.append((*cells, " → ".join(shares)))
    head = ["Operation"]
    for key in compared_requests.PERCENTILES:
        head += [key, "Change"]
    told = [f"- {escaped(each)}" for each in compared_requests.only(runs)]
    if not rows:
        return told
    return ["### Operations", "", *table((*head, "Failed"), rows), *([""] if told else []), *told]


def _not_counted(found: Comparison) -> list[str]:
    many, reasons = compared.not_counted(found)
    if not many:
        return []
    lines = [f"- {count:,} × {escaped(why)}" for why, count in reasons[:MAX_REASONS]]  # noqa: RUF001
    return [f"### Not counted: {many}", "", *lines]


def _warnings(found: Comparison) -> list[str]:
    told = [f"- ⚠ {_line(each)}" for each in compared.warnings(found)]
    return told + [f"- {_line(each)}" for each in compared.notes(found)]


def _line(told: Warning_) -> str:
    return escaped(": ".join(part for part in (told.text, told.hint) if part))


def _configuration(found: Comparison) -> list[str]:
    base, here = found.base_environment, compared.machine(found.environment)
    rows = [("Load", escaped(", ".join(compared.load(found))))]
    if base is None or compared.machine(base) == here:
        rows.append(("Machine", escaped(here)))
    else:
        rows += [("Base on", escaped(compared.machine(base))), ("Candidate on", escaped(here))]
    rows += [
        ("Started", escaped(format_instant(found.environment.started_at))),
        ("fastbench", escaped(found.version)),
    ]
    return ["### Configuration", "", *table(("", ""), rows)]
