"""Rows of tables of several runs as one table.

A row that one run alone has is kept as it is. Of one that several have, counts, sums, means and
extremes are exact; its percentiles are those of the sum of their histograms. Where one of them has
none, as in older documents and beyond MAX_PACKED, they are None: none is averaged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import TypeVar

from fastbench.results.histogram import Histogram
from fastbench.results.latencies import PERCENTILES, latency_ms, packed, unpacked
from fastbench.results.machine_row import MachineRow
from fastbench.results.merging.run_times import Unmergeable
from fastbench.results.metric_values import Check, GaugeRow, NamedRow, ScenarioRow, Thrown
from fastbench.results.result import ErrorRow

T = TypeVar("T")
Row = Mapping[str, float | None]


def by_key(
    rows: Iterable[T], key: Callable[[T], Hashable], merge: Callable[[Sequence[T]], T]
) -> tuple[T, ...]:
    """Merge the rows of one key, in the order in which keys were met."""
    found: dict[Hashable, list[T]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return tuple(each[0] if len(each) == 1 else merge(each) for each in found.values())


def sums(maps: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add counts up by name, sorted by it."""
    total: Counter[str] = Counter()
    for each in maps:
        total.update(each)
    return dict(sorted(total.items()))


def known(values: Iterable[int | None]) -> int | None:
    """Add up what was counted; None where one was not."""
    found = list(values)
    there = [each for each in found if each is not None]
    return sum(there) if there and len(there) == len(found) else None


def latency(what: str, rows: Iterable[tuple[Row | None, str]]) -> tuple[Row, str]:
    """Merge rows of latencies in ms, each with its histogram, packed, "" without.

    Return that of the one with samples, that of the sum of all histograms, or what adds up without
    them. Raises Unmergeable for a damaged histogram of `what`.
    """
    both = [(row, text) for row, text in rows if row is not None and row.get("count")]
    if not both:
        return {"count": 0, **dict.fromkeys(_NAMES), "sum_ns": 0}, ""
    if len(both) == 1:
        return both[0]
    if all(text for _, text in both):
        try:
            whole = reduce(Histogram.merge, (unpacked(text, row) for row, text in both))
        except ValueError as error:
            raise Unmergeable(
                f"the histogram of {what} is damaged ({error}); see whether its document was edited"
            ) from None
        return latency_ms(whole), packed(whole)
    return _added([row for row, _ in both]), ""


def _added(found: Sequence[Row]) -> Row:
    count = sum(int(row["count"] or 0) for row in found)
    sum_ns = sum(int(row.get("sum_ns") or 0) for row in found)
    return {
        "count": count,
        **dict.fromkeys(_NAMES),
        "min": min((v for row in found if (v := row.get("min")) is not None), default=None),
        "mean": round(sum_ns / count / 1e6, 6),
        "max": max((v for row in found if (v := row.get("max")) is not None), default=None),
        "sum_ns": sum_ns,
    }


class _Times:
    """Merge the latencies of the same row of several runs; `hdr` holds their histograms."""

    def __init__(self, what: str, same: Sequence[NamedRow] | Sequence[ScenarioRow]) -> None:
        self.hdr: dict[str, str] = {}
        self._what = what
        self._same = same

    def of(self, name: str) -> Row:
        each = ((getattr(row, name), row.hdr.get(name, "")) for row in self._same)
        found, text = latency(self._what, each)
        self.hdr |= {name: text} if text else {}
        return found


_NAMES = ("min", "mean", "stdev", *PERCENTILES, "max")


def named(rows: Iterable[NamedRow], duration_s: float) -> tuple[NamedRow, ...]:
    """Merge operations of one name, kind and scenario; rates are over the whole time."""

    def merge(same: Sequence[NamedRow]) -> NamedRow:
        times = _Times(same[0].name, same)
        planned = all(row.response is not None for row in same)
        return replace(
            same[0],
            requests=sum(row.requests for row in same),
            failed=sum(row.failed for row in same),
            latency=times.of("latency"),
            timeouts=known(row.timeouts for row in same),
            bytes_in=known(row.bytes_in for row in same),
            status_codes=sums(row.status_codes for row in same),
            response=times.of("response") if planned else None,
            bytes_out=known(row.bytes_out for row in same),
            in_flight_at_end=known(row.in_flight_at_end for row in same),
            reasons=sums(row.reasons for row in same),
            hdr=times.hdr,
        )

    merged = by_key(rows, lambda row: (row.name, row.method, row.scenario, row.kind), merge)
    per_s = 1 / duration_s if duration_s > 0 else 0.0
    return tuple(replace(row, requests_per_s=row.requests * per_s) for row in merged)


def scenarios(rows: Iterable[ScenarioRow]) -> tuple[ScenarioRow, ...]:
    """Merge scenarios of one name, which are those of one script."""

    def merge(same: Sequence[ScenarioRow]) -> ScenarioRow:
        added = (
            *("vus_max", "iterations", "interrupted", "dropped_iterations", "requests"),
            *("failed", "operations", "operations_failed"),
        )
        times = _Times(f"the scenario {same[0].name}", same)
        planned = any(row.response is not None for row in same)
        timed = any(row.operation_latency is not None for row in same)
        return replace(
            same[0],
            **{name: sum(getattr(row, name) for row in same) for name in added},
            duration_s=max(row.duration_s for row in same),
            iteration_duration=times.of("iteration_duration"),
            latency=times.of("latency"),
            response=times.of("response") if planned else None,
            operation_latency=times.of("operation_latency") if timed else None,
            hdr=times.hdr,
        )

    return by_key(rows, lambda row: row.name, merge)


def checks(rows: Iterable[Check]) -> tuple[Check, ...]:
    """Add up checks of one name, group and scenario."""
    return by_key(
        rows,
        lambda row: (row.name, row.group, row.scenario),
        lambda same: replace(
            same[0], passes=sum(c.passes for c in same), fails=sum(c.fails for c in same)
        ),
    )


def exceptions(rows: Iterable[Thrown]) -> tuple[Thrown, ...]:
    """Add up exceptions of one type, place and scenario; the first one's traceback stays."""
    return by_key(
        rows,
        lambda row: (row.type, row.place, row.scenario),
        lambda same: replace(same[0], count=sum(row.count for row in same)),
    )


def errors(rows: Iterable[tuple[float, ErrorRow]]) -> tuple[ErrorRow, ...]:
    """Add up errors of one kind, phase and code, most first; each comes with its run's offset, s.

    `first_s` then counts from the begin of the first run.
    """
    moved = [replace(row, first_s=max(0.0, row.first_s + offset_s)) for offset_s, row in rows]
    merged = by_key(
        moved,
        lambda row: (row.kind, row.phase, row.code),
        lambda same: replace(
            same[0], count=sum(r.count for r in same), first_s=min(r.first_s for r in same)
        ),
    )
    return tuple(sorted(merged, key=lambda row: -row.count))


def gauges(rows: Iterable[tuple[str, float, GaugeRow]]) -> tuple[GaugeRow, ...]:
    """Put gauges on one time axis; of those of several runs each has its run as a tag."""
    found = list(rows)
    seen = Counter((row.name, tuple(sorted(row.tags.items()))) for _, _, row in found)
    moved = []
    for name, offset_s, row in found:
        several = seen[row.name, tuple(sorted(row.tags.items()))] > 1
        tags = {**row.tags, "run": name} if several else row.tags
        at_s = tuple(round(t_s + offset_s, 6) for t_s in row.t_s)
        moved.append(replace(row, tags=tags, t_s=at_s))
    return tuple(moved)


def machines(rows: Iterable[tuple[str, float, MachineRow]]) -> tuple[MachineRow, ...]:
    """Name machines by their run; each comes with when that began after the first one, in s."""
    return tuple(
        replace(
            row,
            name=f"{run}: {row.name}",
            lost_at_s=None if row.lost_at_s is None else round(row.lost_at_s + offset_s, 3),
        )
        for run, offset_s, row in rows
    )
