"""The formulas that a script names, as gauges that are computed at each look at the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fastbench.results.metric_values import Kind
from fastbench.results.thresholds.derived_metrics import kind_of
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold
from fastbench.run.metric_sums import GaugeValue
from fastbench.run.snapshot import Rows, Snapshot


class DerivedGauges:
    """The value of each formula so far, with its extremes; none as long as a term has no samples.

    `formulas` are thresholds of which the left side counts, `spans` the stages of the run,
    `start_ns` its start on CLOCK_MONOTONIC. Raises UsageError for a stage that does not exist.
    """

    def __init__(
        self, formulas: Iterable[Threshold], spans: Mapping[str, tuple[float, float]]
    ) -> None:
        self.formulas = tuple(formulas)
        self.start_ns = 0
        self._judge = Judge(self.formulas, spans)
        self._kinds = {each.text: kind_of(each) for each in self.formulas}
        self._values: dict[str, GaugeValue] = {}

    @property
    def told(self) -> dict[str, tuple[float, str]]:
        """The value of each so far, and what it contains: default, time (ms) or data (bytes)."""
        return {n: (each.value, self._kinds[n].contains) for n, each in self._values.items()}

    def next_s(self, t_s: float) -> float:
        """Return the next instant after `t_s` at which a stage begins or ends, inf if none does."""
        return self._judge.next_s(t_s)

    def join(self, now: Snapshot) -> Snapshot:
        """Compute all at an instant of the run, and return its snapshot with them."""
        if not self.formulas:
            return now
        if now.t_s > 0:
            self._judge.look(now)
            at_ns = self.start_ns + round(now.t_s * 1e9)
            for name, found in self._judge.judgements.items():
                if found.observed is not None:
                    value = GaugeValue(found.observed, found.observed, found.observed, at_ns)
                    self._values[name] = self._values.get(name, GaugeValue()) + value
        rows: Rows = {name: {(): value} for name, value in self._values.items()}
        kinds: dict[str, Kind] = {name: self._kinds[name] for name in rows}
        return replace(now, rows={**now.rows, **rows}, declared={**now.declared, **kinds})
