"""The metric `uptime`: the share of seconds in which the server was up.

1. A second is up if something succeeded in it, and of what ended in it less than FAILED_SHARE
   failed: a request or another operation, or an attempt to connect. `uptime{failed:20%}` sets
   another share.
2. A second in which nothing ended is down if something waited at its end or was dropped, else it
   counts on neither side: nobody asked. With responses slower than a second, it says little.
3. A last piece shorter than MIN_SPAN_S counts only if it is all there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fastbench.foundation.usage_error import UsageError
from fastbench.results.counts import OperationsRow, SeriesRow
from fastbench.results.metric_values import UPTIME
from fastbench.run.metric_sums import RateValue
from fastbench.run.snapshot import Labels, Rows

if TYPE_CHECKING:  # runs without thresholds do without them
    from fastbench.results.thresholds.judging import Threshold

FAILED_SHARE = 0.05
MIN_SPAN_S = 0.5
_NONE = OperationsRow(0, 0, None, None)


class Uptime:
    """The seconds of one run, by the share of failures at which one is down."""

    def __init__(self, thresholds: Iterable[Threshold] = ()) -> None:
        self._shares: dict[Labels, float] = {(): FAILED_SHARE}
        for each in (part for whole in thresholds for part in whole.parts):
            if each.metric == UPTIME and each.tags:
                self._shares[each.tags] = _share(each)
        self._rows = {labels: RateValue() for labels in self._shares}

    @property
    def rows(self) -> Rows:
        """The seconds so far; a value is never changed afterwards, only replaced."""
        return {UPTIME: dict(self._rows)} if self._rows[()].total else {}

    def take(self, row: SeriesRow, counters: Mapping[str, int]) -> None:
        """Take a second in; `counters` of the block are those at its end."""
        if row.span_s < MIN_SPAN_S and self._rows[()].total:
            return
        operations = row.operations or _NONE
        ok = row.ok + operations.ended - operations.failed
        bad = row.bad + operations.failed
        waits = counters["in_flight"] or counters["operations_started"] > (
            counters["operations_ok"] + counters["operations_failed"]
        )
        if not (ok or bad or waits or row.dropped):
            return
        for labels, share in self._shares.items():
            up = ok > 0 and bad < share * (ok + bad)
            found = self._rows[labels]
            self._rows[labels] = replace(found, passes=found.passes + up, total=found.total + 1)


def _share(threshold: Threshold) -> float:
    """Read the share of failures at which a second is down: {failed:20%} or {failed:0.2}."""
    text = dict(threshold.tags).get("failed", "")
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = math.nan
    if len(threshold.tags) > 1 or not 0 < share <= 1:
        raise UsageError(
            f"Threshold `{threshold.text}`: uptime takes the share of failures at which a second "
            "is down, above 0 and up to 100 %, and no other tag; write uptime{failed:20%}>99.9%."
        )
    return share
