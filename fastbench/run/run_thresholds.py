"""A plain run as its thresholds see it: k6's names where they mean the same, and the document's.

Of a run of several URLs parts are seen, too: {name:/a} or {url:http://h/a}, and {method:GET}. They
are judged by what `byurl` counts: requests, failures, timeouts, bytes received, times of answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from fastbench.foundation import redact
from fastbench.plan.plan import Pace, UsageError, target_of
from fastbench.results.metric_values import MACHINE, Kind
from fastbench.results.thresholds.judging import Threshold, leaves
from fastbench.results.thresholds.submetric import Tags
from fastbench.run.url_counts import Row

_COUNTER, _DATA, _TIME = Kind("counter"), Kind("counter", "data"), Kind("trend", "time")
METRICS: Mapping[str, Kind] = {
    **MACHINE,
    "connect": _TIME,
    "data_received": _DATA,
    "data_sent": _DATA,
    "dropped": _COUNTER,
    "first_byte": _TIME,
    "http_req_duration": _TIME,
    "http_req_failed": Kind("rate"),
    "http_reqs": _COUNTER,
    "lag": _TIME,
    "response": _TIME,
    "retried": _COUNTER,
    "service": _TIME,
    "timeouts": _COUNTER,
}
_BY_URL = {
    *("data_received", "http_req_duration", "http_req_failed", "http_reqs"),
    *("response", "service", "timeouts"),
}
_OF_URL = {"name", "url", "method"}


def check_tags(thresholds: Iterable[Threshold], rows: Sequence[Row]) -> None:
    """Refuse thresholds on parts of a run of several URLs that are not counted."""
    for each in leaves(thresholds):
        if not each.tags or each.metric in MACHINE:
            continue
        if unknown := [name for name, _ in each.tags if name not in _OF_URL]:
            _refuse(each, f"URLs have the tags name, url and method, not {unknown[0]}")
        if each.metric not in _BY_URL:
            _refuse(each, f"{each.metric} is counted for the whole run; leave the tags out")
        if not meant(each.tags, rows):
            names = list(dict.fromkeys(row.name for row in rows))
            asked = next((value for name, value in each.tags if name != "method"), "")
            near = get_close_matches(target_of(asked), names, n=1, cutoff=0.6) or names[:3]
            _refuse(each, f"no URL of this run is that; there is {', '.join(near)}")


def _refuse(threshold: Threshold, why: str) -> NoReturn:
    raise UsageError(f"Threshold `{threshold.text}`: {why}.")


def meant(tags: Tags, rows: Sequence[Row]) -> list[int]:
    """Return the places of the rows that have these tags; secrets are masked in their names."""
    method = dict(tags).get("method")
    names = {redact.url(target_of(value)) for name, value in tags if name != "method"}
    return [
        at
        for at, row in enumerate(rows)
        if method in (None, row.method) and names <= {row.name, f"/{row.name}"}
    ]


def spans(pace: Pace | None) -> dict[str, tuple[float, float]]:
    """Return when each stage of a plan begins and ends: "1", "2", …, and by the names they have."""
    found: dict[str, tuple[float, float]] = {}
    begin_s = 0.0
    for number, stage in enumerate(pace.stages if pace is not None else (), 1):
        found[str(number)] = (begin_s, begin_s + stage.length_s)
        if stage.name:
            first_s = found.get(stage.name, (begin_s, 0.0))[0]
            found[stage.name] = (first_s, begin_s + stage.length_s)
        begin_s += stage.length_s
    return found
