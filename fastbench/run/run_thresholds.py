"""A plain run as its thresholds see it: k6's names where they mean the same, and the document's.

Parts are seen, too: {name:/a} or {url:http://h/a}, and {method:GET}. Where there are several URLs
they are judged by what `byurl` counts: requests, failures, timeouts, bytes received, times of
answers. Requests are also counted by {status:200} and {expected_response:true}.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from fastbench.foundation import redact
from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import target_of
from fastbench.plan.workload import Load, Pace
from fastbench.results.load_stages import LoadPart, LoadStage, numbered, stages_of
from fastbench.results.metric_values import MACHINE, Kind
from fastbench.results.thresholds import request_tags
from fastbench.results.thresholds.judging import Threshold, leaves
from fastbench.results.thresholds.submetric import Tags
from fastbench.run.url_counts import Row
from fastbench.run.url_snapshot import OF_ANSWERS

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
    """Refuse thresholds on parts of a run of URLs that are not counted; raises UsageError."""
    for each in leaves(thresholds):
        if not each.tags or each.metric in MACHINE:
            continue
        if unknown := [name for name, _ in each.tags if name not in _OF_URL | OF_ANSWERS]:
            _refuse(
                each,
                f"URLs have the tags name, url and method, and http_reqs also status and "
                f"expected_response, not {unknown[0]}; a script (fastbench run) has more",
            )
        if each.metric not in _BY_URL:
            _refuse(each, f"{each.metric} is counted for the whole run; leave the tags out")
        of_answers = [name for name, _ in each.tags if name in OF_ANSWERS]
        if len(of_answers) > 1:
            _refuse(each, "URLs are counted by status or by expected_response, not by both")
        if of_answers and each.metric != "http_reqs":
            cure = "of URLs only http_reqs is counted by it; a script (fastbench run) has more"
            _refuse(each, f"{each.metric} has no tag {of_answers[0]}: {cure}")
        for name, value in each.tags:
            request_tags.check_value(name, value, each.text)
        if not meant(each.tags, rows):
            names = list(dict.fromkeys(row.name for row in rows))
            asked = next((value for name, value in each.tags if name in ("name", "url")), "")
            near = nearest(target_of(asked), names) or names[:3]
            _refuse(each, f"no URL of this run is that; there is {', '.join(near)}")


def _refuse(threshold: Threshold, why: str) -> NoReturn:
    raise UsageError(f"Threshold `{threshold.text}`: {why}.")


def meant(tags: Tags, rows: Sequence[Row]) -> list[int]:
    """Return the places of the rows that have these tags; secrets are masked in their names."""
    method = dict(tags).get("method")
    names = {redact.url(target_of(value)) for name, value in tags if name in ("name", "url")}
    return [
        at
        for at, row in enumerate(rows)
        if method in (None, row.method) and names <= {row.name, f"/{row.name}"}
    ]


def spans(pace: Pace | None) -> dict[str, tuple[float, float]]:
    """Return when each stage of a plan begins and ends: "1", "2", …, and by the names they have.

    Of several with one name each is there as "NAME.1", "NAME.2", and NAME is all of them.
    """
    found: dict[str, tuple[float, float]] = {}
    begin_s = 0.0
    stages = pace.stages if pace is not None else ()
    own = numbered(stage.name for stage in stages)
    for number, (name, stage) in enumerate(zip(own, stages, strict=True), 1):
        found[str(number)] = (begin_s, begin_s + stage.length_s)
        if stage.name:
            first_s = found.get(stage.name, (begin_s, 0.0))[0]
            found[stage.name] = (first_s, begin_s + stage.length_s)
            found.setdefault(name, found[str(number)])
        begin_s += stage.length_s
    return found


def stages(load: Load) -> tuple[LoadStage, ...]:
    """Return the stages of a load that has some, as a result tells of them."""
    pace, begin_s = load.pace, 0.0
    if pace is None:
        return ()
    most_s = math.inf if load.duration_s is None else load.duration_s
    parts = []
    for number, stage in enumerate(pace.stages, 1):
        end_s = begin_s + stage.length_s
        line = LoadPart(
            str(number), stage.name, begin_s, end_s, stage.first, stage.last, pace.rates
        )
        last = line.at(most_s) if end_s > most_s else stage.last
        ends = min(end_s, most_s)
        ended = load.requests is not None and math.isinf(end_s)
        parts.append(replace(line, end_s=ends, last=last, open_ended=ended))
        begin_s = end_s
    return stages_of(parts)
