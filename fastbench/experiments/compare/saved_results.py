"""Two runs that were made at different times: what can be said of them without interleaving.

1. The machine may have drifted in between, and nothing in the two results shows it. So a stored
   comparison is never `equivalent`, and `different` only from 10 % on.
2. The ratio is that of the whole runs. Its interval comes from their seconds, in at most 30 blocks
   side by side, stretched to hold the ratio: it covers the noise within the runs, not the drift.
   There is no p.
3. Runs that are not valid, or whose requests fail, have no verdict.
4. Other machines, kernels, versions and loads are said. The times are of service unless both runs
   had planned requests.
5. A regression is judged by the limit alone, which is the user's: neither the 10 % nor a noisy
   host stand in its way, nor runs too short for an interval. But the runs have to be whole, and
   their requests answered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastbench.experiments.compare import statistics
from fastbench.experiments.compare.compare_document import (
    FIGURES,
    Comparison,
    Figures,
    Interval,
    Metric,
    Pair,
)
from fastbench.experiments.compare.decision import (
    EQUIVALENCE_CONFIDENCE,
    HIGHER_IS_BETTER,
    Rules,
    Subject,
    exceeds,
    fails_now,
    percent,
)
from fastbench.experiments.compare.figures import (
    ERRORS_SHARE_MAX,
    figures_of,
    latencies_of,
    reasons_against,
)
from fastbench.foundation import redact
from fastbench.results.json_codec import plain
from fastbench.results.result import Result, SeriesRow, Warning_

DRIFT = 0.10  # of runs that are not interleaved
MAX_BLOCKS = 30
WHOLE_ROW = 0.9  # of the length of the others: the last row may be cut short
_BEYOND_DRIFT = -math.log1p(-DRIFT)  # the farther of 10 % up and 10 % down, for both directions
_SAME_LOAD = (
    *("method", "script", "scenarios", "env", "connections", "vus", "workers", "pipeline"),
    *("keepalive", "rate", "stages", "arrival", "requests", "iterations", "proxy"),
)


def primary_of(base: Result, candidate: Result) -> str:
    """Return the metric that two stored results are compared by: p99 if both had a rate."""
    return "p99" if _planned(base, candidate) else "requests_per_s"


def judge_stored(
    base: Result,
    candidate: Result,
    subject: Subject,
    *,
    primary: str | None = None,
    rules: Rules | None = None,
) -> Comparison:
    """Compare two results that were measured one after the other."""
    base, candidate = base.main, candidate.main
    rules = rules or Rules()
    primary = primary or primary_of(base, candidate)
    planned = _planned(base, candidate)
    figures = [figures_of(each, planned=planned) for each in (base, candidate)]
    pair = _pair(figures[0], figures[1])
    metrics = {
        name: metric
        for name in (primary, *(name for name in FIGURES if name != primary))
        if (metric := _metric(name, base, candidate, pair, planned, rules)) is not None
    }
    main = metrics.get(primary)
    fails = fails_now(figures[0].errors_share, figures[1].errors_share)
    worse = main is not None and all(map(_whole, figures)) and _regressed(main, rules)
    return Comparison(
        version=subject.version,
        verdict=main.verdict if main else "inconclusive",
        primary=primary,
        ratio=main.ratio if main else None,
        interval=main.interval if main else None,
        confidence=rules.confidence,
        threshold=max(rules.threshold, DRIFT),
        pairs=(pair,),
        pairs_planned=1,
        noise_floor=None,
        pairs_needed=None,
        metrics=metrics,
        warnings=(*_warnings(base, candidate, pair, primary, main), *fails),
        environment=candidate.environment,
        base=subject.base,
        candidate=subject.candidate,
        seed=subject.seed,
        interleaved=False,
        config=subject.config,
        base_environment=base.environment,
        ended=subject.ended,
        regression_limit=rules.regression_limit,
        regressed=rules.regression_limit is not None and (worse or bool(fails)),
        latency=latencies_of(base, candidate),
    )


def _planned(base: Result, candidate: Result) -> bool:
    return base.planned is not None and candidate.planned is not None


def _pair(base: Figures, candidate: Figures) -> Pair:
    sides = (("base", base), ("candidate", candidate))
    reasons = tuple(f"{side}: {why}" for side, each in sides for why in reasons_against(each))
    return Pair(base, candidate, "base first", not reasons, reasons)


def _metric(
    name: str, base: Result, candidate: Result, pair: Pair, planned: bool, rules: Rules
) -> Metric | None:
    before, after = (each and each.of(name) for each in (pair.base, pair.candidate))
    if not before or not after:
        return None
    effect = math.log(after / before)
    effects = _effects(name, base, candidate, planned)
    interval = _interval(effects, effect, rules.confidence)
    sure = interval is not None and not interval[0] <= 1 <= interval[1]
    far = abs(effect) >= max(_BEYOND_DRIFT, rules.bound)
    return Metric(
        ratio=after / before,
        interval=interval,
        equivalence_interval=_interval(effects, effect, EQUIVALENCE_CONFIDENCE),
        p=None,
        p_holm=None,
        verdict="different" if pair.valid and sure and far else "inconclusive",
        noise_floor=None,
        better="higher" if name in HIGHER_IS_BETTER else "lower",
        smallest_difference=DRIFT,
        pairs=1,
    )


def _interval(effects: Sequence[float], effect: float, confidence: float) -> Interval | None:
    averages = statistics.walsh_averages(effects)
    found = statistics.signed_rank_interval(averages, len(effects), confidence)
    if found is None:
        return None
    return math.exp(min(found[0], effect)), math.exp(max(found[1], effect))


def _effects(name: str, base: Result, candidate: Result, planned: bool) -> list[float]:
    """Return the log ratios of the runs' seconds, block by block; none where a block has none."""
    sides = [_whole_rows(each.series) for each in (base, candidate)]
    count = min(MAX_BLOCKS, *map(len, sides))
    blocks = [[_block(name, rows, at, count, planned) for at in range(count)] for rows in sides]
    pairs = list(zip(*blocks, strict=True))
    return [math.log(after / before) for before, after in pairs if before and after]


def _block(
    name: str, rows: Sequence[SeriesRow], at: int, count: int, planned: bool
) -> float | None:
    """Return a metric over one of `count` blocks of rows: the rate, or the mean percentile."""
    block = rows[at * len(rows) // count : (at + 1) * len(rows) // count]
    if name == "requests_per_s":
        return sum(row.requests for row in block) / sum(row.span_s for row in block)
    field = f"response_{name}_ms" if planned else f"{name}_ms"
    values = [value for row in block if (value := getattr(row, field, None))]
    return sum(values) / len(values) if values else None


def _whole_rows(series: Sequence[SeriesRow]) -> list[SeriesRow]:
    longest = max((row.span_s for row in series), default=0.0)
    return [row for row in series if longest and row.span_s >= WHOLE_ROW * longest]


def _whole(figures: Figures) -> bool:
    return figures.verdict != "incomplete" and figures.errors_share <= ERRORS_SHARE_MAX


def _regressed(metric: Metric, rules: Rules) -> bool:
    """Tell whether the limit is exceeded; without an interval the ratio decides."""
    return exceeds(metric, metric.interval or (metric.ratio, metric.ratio), rules)


def _warnings(
    base: Result, candidate: Result, pair: Pair, primary: str, main: Metric | None
) -> list[Warning_]:
    found = [
        Warning_(
            "not_interleaved",
            "not interleaved: drift cannot be excluded",
            f"a difference below {percent(DRIFT)} proves nothing; compare the servers live",
        )
    ]
    if not pair.valid:
        hint = "a verdict needs two valid runs; fix this and measure again"
        found.append(Warning_("invalid_visits", "; ".join(pair.reasons), hint))
    if main is not None and main.interval is None:
        text = f"there is no interval: too few of the runs' seconds have {primary}"
        hint = f"requests_per_s, p50 and p99 have one in runs of {statistics.MIN_PAIRS} s or more"
        found.append(Warning_("no_interval", text, hint))
    found += _other_machine(base, candidate)
    if base.version != candidate.version:
        text = redact.printable(f"the base was measured by fastbench {base.version}")
        hint = f"the candidate by {redact.printable(candidate.version)}; use one for both"
        found.append(Warning_("different_versions", text, hint))
    return found + _other_load(base, candidate)


def machine_changes(base: Result, candidate: Result) -> list[str]:
    """Say in what the machines of two runs differ: `cores 2 and 8`.

    Where machines of a cluster made the load, how many there were and their cores count.
    """
    environments = base.environment, candidate.environment
    pairs = {
        name: tuple(getattr(each, name) for each in environments)
        for name in ("kernel", "cpu", "cores", "governor", "smt")
    }
    if base.machines or candidate.machines:
        pairs["cores"] = _cores(base), _cores(candidate)
        pairs["machines"] = len(base.machines) or 1, len(candidate.machines) or 1
    return [
        redact.printable(f"{name} {before} and {after}")
        for name, (before, after) in pairs.items()
        if before != after and not {before, after} & {"unknown", None}
    ]


def _cores(result: Result) -> int:
    return sum(row.cores for row in result.machines) or result.environment.cores


def load_changes(base: Result, candidate: Result) -> list[str]:
    """Name what was asked of two runs differently."""
    configs = base.config, candidate.config
    other = [
        name for name in _SAME_LOAD if plain(configs[0].get(name)) != plain(configs[1].get(name))
    ]
    other += protocol_changes(base, candidate)
    urls = [_urls(each) for each in (base, candidate)]
    if urls[0] or urls[1]:
        return other + ["URLs"] * (urls[0] != urls[1])
    paths = [_path(each.get("url")) for each in configs]
    return other + ["path of the URL"] * (paths[0] != paths[1])


def protocol_changes(base: Result, candidate: Result) -> list[str]:
    """Say in what two runs differ that their servers chose: the version of HTTP, and streams.

    What a document does not tell, as before 0.7.0, is HTTP/1.1.
    """
    found = [_spoken(each) for each in (base, candidate)]
    if not all(protocol for protocol, _ in found):
        return []
    names = ("protocol", "streams")
    rows = zip(names, *found, strict=True)
    return [f"{name} ({before} and {after})" for name, before, after in rows if before != after]


def _spoken(result: Result) -> tuple[str, int]:
    """Return the version of HTTP, "" without a connection, and the streams on each."""
    use = result.http2
    if use is None:
        return "HTTP/1.1", 1
    return use.protocol, use.stream_limit or 1


def _urls(result: Result) -> set[tuple[str, str]]:
    """Return the requests of a run of several URLs; what a script sends is its own affair."""
    return set() if result.scripted else {(row.method, row.name) for row in result.requests}


def _other_machine(base: Result, candidate: Result) -> list[Warning_]:
    parts = machine_changes(base, candidate)
    if not parts:
        return []
    text = f"base and candidate ran on different machines: {', '.join(parts)}"
    hint = "the machines may cause the difference; measure both on one machine"
    return [Warning_("different_machines", text, hint)]


def _other_load(base: Result, candidate: Result) -> list[Warning_]:
    other = load_changes(base, candidate)
    if not other:
        return []
    text = f"base and candidate had different loads: {', '.join(other)}"
    hint = "measure both under the same load"
    if protocol_changes(base, candidate):
        hint += "; --http1 forces HTTP/1.1, which was all there was before 0.7.0"
    return [Warning_("different_load", text, hint)]


def _path(url: object) -> str | None:
    """Return path and query; an address alone is no path, whatever the script adds."""
    if not isinstance(url, str):
        return None
    parts = urlsplit(url)
    return parts._replace(scheme="", netloc="").geturl() or "/"
