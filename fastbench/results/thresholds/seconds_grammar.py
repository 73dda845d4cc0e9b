"""Thresholds that are judged by the seconds of a run: drift, slope and recovery."""

from __future__ import annotations

import re

from fastbench.results.metric_values import PERCENTS, Kind
from fastbench.results.thresholds.judging import DRIFTS, PER_S, RECOVERY, Threshold
from fastbench.results.thresholds.limit_values import read_limit, refuse
from fastbench.results.thresholds.submetric import Tags

BY_SECONDS = (*DRIFTS, RECOVERY)


def by_seconds(metric: str, tags: Tags, kind: Kind, match: re.Match[str], text: str) -> Threshold:
    """Put one together whose limit is a time, or a change: in its unit, a share, or per time."""
    if match["operator"] in ("==", "===", "!="):
        refuse(text, f"a {match['aggregate']} has one of < <= > >=", match["operator"])
    limit, relative, per = read_change(match["limit"], match["aggregate"], metric, kind, text)
    return Threshold(
        text=text,
        metric=metric,
        tags=tags,
        expression="".join(match[0].split()),
        aggregate=match["aggregate"],
        percent=0.0,
        operator=match["operator"],
        limit=limit,
        kind=kind,
        relative=relative,
        per=per,
    )


def read_change(
    word: str, aggregate: str, metric: str, kind: Kind, text: str
) -> tuple[float, bool, str]:
    """Return the limit, whether it is a share of where it began, and the time of a slope."""
    written, slash, after = word.partition("/")
    written, per = written.strip(), slash + after.strip()
    if (aggregate == "slope") != (per in PER_S):
        cure = "slope<5MB/h is per /s, /min or /h; drift<50MB is over the whole time"
        refuse(text, cure, word)
    if aggregate == RECOVERY:
        return read_limit(written, Kind("trend", "time"), "med", text) / 1e3, False, ""
    of = {"counter": "count", "trend": "med"}.get(kind.type, kind.type)
    relative = written.endswith("%") and kind.type != "rate" and metric not in PERCENTS
    if relative:
        return read_limit(written[:-1], Kind("gauge"), of, text) / 100, True, per
    bare = written.removesuffix("%") if metric in PERCENTS else written
    return read_limit(bare, kind, of, text), False, per
