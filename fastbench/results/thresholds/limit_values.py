"""The number of a limit, in the unit of its metric; and what is said of one that cannot be read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NoReturn

from fastbench.foundation import units
from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import Kind

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def read_limit(word: str, kind: Kind, aggregate: str, text: str) -> float:
    """Read the number in the unit of the metric's values; a bare one is in it already."""
    number = _NUMBER.match(word)
    unit = word[number.end() :].strip() if number else ""
    if number is None or not math.isfinite(float(number[0])):
        refuse(text, f"{word} is not a number; write 500, 50ms, 1% or 10k", word)
    try:
        if not unit:
            return float(number[0])
        if unit == "%" and kind.type == "rate" and aggregate == "rate":
            return float(number[0]) / 100
        if kind.contains == "time" and aggregate != "count":
            return units.parse_duration_s(word) * 1e3
        if aggregate == "rate" and kind.type == "counter":
            word = word.removesuffix("/s").strip()
        if kind.contains == "data":
            return float(units.parse_bytes(word))
        if kind.type != "rate" or aggregate == "count":
            return float(units.parse_count(word))
    except ValueError as error:
        refuse(text, str(error).rstrip("."), word)
    refuse(text, f"{unit} does not suit a {kind.type}; leave it out", unit)


def refuse_unknown(text: str, metric: str, names: Sequence[str]) -> NoReturn:
    """Refuse a metric that there is not, with those that may be meant."""
    near = nearest(metric, names, 0.8)
    near = near or [name for name in names if metric in name.split("_")]
    every = ", ".join(("p99 (or another percentile)", *names))
    cure = f"did you mean {' or '.join(near)}?" if near else f"there are {every}"
    refuse(text, f"there is no metric {metric}; {cure}", metric)


def refuse(text: str, why: str, part: str | None = None) -> NoReturn:
    """Refuse a threshold; the column is that of `part`, where the text holds it as it is."""
    at = text.rfind(part) if part else -1
    where = f"column {at + 1}: " if at >= 0 else ""
    raise UsageError(f"Threshold `{text}`: {where}{why}{'' if why.endswith('?') else '.'}")
