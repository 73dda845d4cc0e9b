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
    written, slash, per = match["limit"].partition("/")
    per = slash + per.strip()
    if (match["aggregate"] == "slope") != (per in PER_S):
        cure = "slope<5MB/h is per /s, /min or /h; drift<50MB is over the whole time"
        refuse(text, cure, match["limit"])
    written = written.strip()
    relative = written.endswith("%") and kind.type != "rate" and metric not in PERCENTS
    bare = written.removesuffix("%") if relative or metric in PERCENTS else written
    of = {"counter": "count", "trend": "med"}.get(kind.type, kind.type)
    if match["aggregate"] == RECOVERY:
        limit = read_limit(written, Kind("trend", "time"), "med", text) / 1e3
    else:
        limit = read_limit(bare, Kind("gauge") if relative else kind, of, text)
    return Threshold(
        text=text,
        metric=metric,
        tags=tags,
        expression="".join(match[0].split()),
        aggregate=match["aggregate"],
        percent=0.0,
        operator=match["operator"],
        limit=limit / 100 if relative else limit,
        kind=kind,
        relative=relative,
        per=per,
    )
