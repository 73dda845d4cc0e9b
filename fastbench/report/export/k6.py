"""A result in the shape that k6 hands to handleSummary, for parsers that know it.

A script's run has k6's metrics already. For a plain run those that it measured are worked out from
its histograms; what it did not measure is left out, not filled with zeros.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fastbench.results import k6_text
from fastbench.results.histogram import Histogram
from fastbench.results.metric_values import BUILT_IN, MOVED, Check, Metric
from fastbench.results.result import Result
from fastbench.results.trend_values import percentile

STATS = ("avg", "min", "med", "max", "p(90)", "p(95)", "p(99)")


def document(result: Result) -> dict[str, object]:
    """Return the JSON-ready object."""
    metrics: dict[str, object] = {
        name: {part: value for part, value in asdict(each).items() if part != "histogram"}
        for name, each in result.metrics.items()
    }
    return {
        "root_group": _group("", [(each.group, each) for each in result.checks], result.groups),
        "options": {
            "summaryTrendStats": list(STATS),
            "summaryTimeUnit": "",
            "noColor": True,
        },
        "state": {
            "isStdOutTTY": False,
            "isStdErrTTY": False,
            "testRunDurationMs": result.summary.duration_s * 1000,
        },
        "metrics": metrics or _plain_metrics(result),
    }


@dataclass(frozen=True, slots=True)
class SummaryForm:
    """How a script of k6 wants its summary.

    `sources` are its thresholds as written, by ours; `own` the names of its metrics, which may be
    those of ours.
    """

    stats: tuple[str, ...] = k6_text.DEFAULT_STATS
    unit: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    own: Collection[str] = ()
    no_color: bool = False
    terminals: tuple[bool, bool] = (False, False)  # are stdout and stderr?

    @property
    def style(self) -> k6_text.Style:
        """Return how its text is written."""
        return k6_text.Style(self.stats, self.unit)


def data(result: Result, asked: SummaryForm) -> dict[str, Any]:
    """Return what handleSummary() gets: k6's metrics and the script's own, with these columns."""
    found: dict[str, Any] = {**document(result)}
    found["options"] = {
        "summaryTrendStats": list(asked.stats),
        "summaryTimeUnit": asked.unit,
        "noColor": asked.no_color,
    }
    out, err = asked.terminals
    found["state"] = {**found["state"], "isStdOutTTY": out, "isStdErrTTY": err}
    if result.setup_data:
        found["setup_data"] = json.loads(result.setup_data)
    metrics = {
        name: {
            "type": each.type,
            "contains": each.contains,
            "values": _values(each, asked.stats),
            **_judged(each, asked.sources),
        }
        for name, each in result.metrics.items()
        if _is_of_k6(name.partition("{")[0], asked) and (each.thresholds or _sampled(each))
    }
    if result.metrics:
        for name in ("data_received", "data_sent"):
            metrics.setdefault(name, _metric("counter", "data", _counter(0, 0.0)))
    if "http_req_waiting" in metrics and "http_req_tls_handshaking" not in metrics:
        nothing = dict.fromkeys(asked.stats, 0.0)  # k6 has a 0 for each request without TLS
        metrics["http_req_tls_handshaking"] = _metric("trend", "time", nothing)
    found["metrics"] = metrics if result.metrics else _plain_metrics(result)
    return found


def text(result: Result, asked: SummaryForm, mode: str = "compact") -> str:
    """Return k6's summary at the end of a run."""
    whole = replace(asked, stats=(*asked.stats, *_of_thresholds(result)))
    found = data(result, whole)
    if mode == "legacy":
        return f"\n{k6_text.legacy(found, asked.style)}\n\n"
    groups: dict[str, list[Check]] = {}
    for each in result.checks:
        groups.setdefault(each.group, []).append(each)
    order = dict.fromkeys((each.group, each.name) for each in result.checks)
    sums = {group: {one["name"]: one for one in _checks(group, groups[group])} for group in groups}
    return k6_text.compact(found, asked.style, [sums[group][name] for group, name in order])


def exported(found: Mapping[str, Any]) -> bytes:
    """Return the file of --summary-export: k6's older shape, whose thresholds say what failed."""
    metrics = {}
    for name, metric in found["metrics"].items():
        values = dict(metric["values"])
        if metric["type"] == "rate":
            values["value"] = values.pop("rate", 0)
        if metric.get("thresholds"):
            judged = metric["thresholds"].items()
            values["thresholds"] = {source: not each["ok"] for source, each in judged}
        metrics[name] = values
    whole = {"root_group": _by_name(found["root_group"]), "metrics": metrics}
    whole |= {name: found[name] for name in ("setup_data",) if name in found}
    return json.dumps(whole, indent=4, ensure_ascii=False).encode("utf-8", "replace")


def _is_of_k6(name: str, asked: SummaryForm) -> bool:
    """Tell whether k6 has a metric, or the script; not what is ours, by whatever name."""
    if name in k6_text.NAMES or name in asked.own:
        return True
    return name not in BUILT_IN and name.removeprefix(MOVED) not in BUILT_IN


def _by_name(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **group,
        "groups": {each["name"]: _by_name(each) for each in group["groups"]},
        "checks": {each["name"]: each for each in group["checks"]},
    }


def _of_thresholds(result: Result) -> list[str]:
    """Return the columns that thresholds name."""
    sources = (source for each in result.metrics.values() for source in each.thresholds)
    return [found[0] for source in sources if (found := re.match(r"[^=<>!\s]+", source))]


def _sampled(metric: Metric) -> bool:
    """Tell whether a metric has samples: k6 leaves out what is only declared."""
    parts = {"rate": ("passes", "fails"), "gauge": ("value",)}.get(metric.type, ("count",))
    held = [metric.values.get(part) for part in parts]
    return any(each is not None if metric.type == "gauge" else each for each in held)


def _judged(metric: Metric, sources: Mapping[str, str]) -> dict[str, Any]:
    if not metric.thresholds:
        return {}
    return {"thresholds": {sources.get(each, each): ok for each, ok in metric.thresholds.items()}}


def _values(metric: Metric, stats: Sequence[str]) -> dict[str, float]:
    """Return the values of a metric, of a trend these; 0 for what has no samples, as in k6."""
    if metric.type != "trend":
        return {name: value or 0 for name, value in metric.values.items()}
    found = {}
    for stat in stats:
        value = metric.values.get(stat)
        percent = re.fullmatch(r"p\(([0-9.]+)\)", stat)
        if value is None and percent is not None and metric.values.get("count"):
            value = percentile(metric, float(percent[1]))
        found[stat] = value or 0
    return found


def _group(
    path: str, checks: list[tuple[str, Check]], known: Sequence[str] = ()
) -> dict[str, object]:
    """Return the group of that path, with its checks and the groups in it, `known` ones first."""
    inner = dict.fromkeys(
        path + "::" + group[len(path) + 2 :].split("::")[0]
        for group in (*known, *(of for of, _ in checks))
        if group.startswith(path + "::")
    )
    return {
        "name": path.rpartition("::")[2],
        "path": path,
        "id": _id(path),
        "groups": [
            _group(
                one,
                [c for c in checks if c[0] == one or c[0].startswith(one + "::")],
                [group for group in known if group.startswith(one + "::")],
            )
            for one in inner
        ],
        "checks": _checks(path, [check for group, check in checks if group == path]),
    }


def _checks(path: str, checks: list[Check]) -> list[dict[str, object]]:
    """Sum the checks of one name over scenarios: k6 does not tell them apart."""
    sums: dict[str, tuple[int, int]] = {}
    for check in checks:
        passes, fails = sums.get(check.name, (0, 0))
        sums[check.name] = (passes + check.passes, fails + check.fails)
    return [
        {
            "name": name,
            "path": f"{path}::{name}",
            "id": _id(f"{path}::{name}"),
            "passes": passes,
            "fails": fails,
        }
        for name, (passes, fails) in sums.items()
    ]


def _id(path: str) -> str:
    # k6 names groups and checks by the MD5 of their path; nothing here is secret.
    return hashlib.md5(path.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _plain_metrics(result: Result) -> dict[str, object]:
    s, latency = result.summary, result.latency
    failed = s.failed + s.timeouts
    share = failed / s.requests if s.requests else 0.0
    passes_fails = {"rate": share, "passes": failed, "fails": s.requests - failed}
    found: dict[str, object] = {
        "http_reqs": _metric("counter", "default", _counter(s.requests, s.duration_s)),
        "http_req_failed": _metric("rate", "default", passes_fails),
        "data_received": _metric("counter", "data", _counter(s.bytes_in, s.duration_s)),
        "data_sent": _metric("counter", "data", _counter(s.bytes_out, s.duration_s)),
    }
    times = {
        "http_req_duration": latency.service,
        "http_req_connecting": latency.connect,
        "http_req_waiting": latency.first_byte,
    }
    for name, histogram in times.items():
        if histogram.count:
            found[name] = _metric("trend", "time", _trend(histogram))
    return found


def _metric(kind: str, contains: str, values: Mapping[str, float]) -> dict[str, object]:
    return {"type": kind, "contains": contains, "values": dict(values)}


def _counter(count: int, span_s: float) -> dict[str, float]:
    return {"count": count, "rate": count / span_s if span_s > 0 else 0.0}


def _trend(histogram: Histogram) -> dict[str, float]:
    percents = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}
    values = {
        "avg": histogram.mean_ns,
        "min": histogram.min_ns,
        "max": histogram.max_ns,
        **{name: histogram.percentile(percent) for name, percent in percents.items()},
    }
    return {name: round(values[name] / 1e6, 6) for name in STATS}
