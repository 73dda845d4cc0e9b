"""What a run has counted, as a value: parts add up to the whole, time to time, JSON to itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.engine.bridge import _core
from fastbench.engine.client._client import Arena
from fastbench.results.metric_values import Kind
from fastbench.run.metric_sums import CounterValue, GaugeValue, RateValue, TrendValue, total
from fastbench.run.snapshot import Rows, Snapshot
from fastbench.script.parent.metric_snapshot import Reader

DECLARED = {
    "sold": Kind("counter"),
    "queue": Kind("gauge"),
    "good": Kind("rate"),
    "size": Kind("trend"),
}
KINDS = {"sold": "counter", "queue": "gauge", "good": "rate", "size": "trend", "work": "times"}

# A metric, a scenario, a value; times are positive.
samples = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from("ab"), st.integers(-(2**38), 2**38)),
    max_size=40,
)


def write(arena: Arena, taken: Sequence[tuple[str, str, int]]) -> None:
    book = arena.writer(0)
    for name, scenario, value in taken:
        cell = getattr(book, KINDS[name])(name, json.dumps({"scenario": scenario}))
        if KINDS[name] in ("rate", "times"):
            value = value % 2 if name == "good" else abs(value)
        cell.add(value)


def read(t_s: float, *parts: Sequence[tuple[str, str, int]]) -> Snapshot:
    arena = Arena(1)
    write(arena, [each for part in parts for each in part])
    return Reader(arena, _core.Block(1), DECLARED).read(t_s)


def known(snapshot: Snapshot) -> dict[str, Any]:
    """Return all of it but when a gauge was set."""
    found: dict[str, Any] = json.loads(json.dumps(snapshot.to_json()))
    rows = [row for row in found["rows"] if row[0] != "queue"]
    return {**found, "rows": sorted(rows, key=lambda row: row[:2])}


@given(samples, samples)
@settings(max_examples=60)
def test_parts_add_up_to_the_whole(one: list[Any], other: list[Any]) -> None:
    assert known(read(1.0, one) + read(1.0, other)) == known(read(1.0, one, other))


@given(samples, samples)
@settings(max_examples=60)
def test_what_came_since_and_what_was_before_are_all(before: list[Any], after: list[Any]) -> None:
    old, now = read(1.0, before), read(3.0, before, after)
    window = now.since(old)
    assert window.span_s == 2.0
    for name in set(KINDS) - {"queue"}:
        for labels, value in now.rows.get(name, {}).items():
            earlier = old.rows.get(name, {}).get(labels, value.blank())
            gained = window.rows[name][labels]
            both, whole = (earlier + gained).values(1.0), value.values(1.0)
            for key in {"count", "rate", "passes", "fails"} & whole.keys():
                assert both[key] == whole[key], name
            if isinstance(value, TrendValue):
                assert (earlier + gained).counted.counts() == value.counted.counts()


@given(samples, samples)
@settings(max_examples=60)
def test_a_snapshot_survives_json_and_goes_on(one: list[Any], other: list[Any]) -> None:
    whole = read(2.0, one)
    back = Snapshot.from_json(json.loads(json.dumps(whole.to_json())))
    assert known(back) == known(whole)
    assert known(back + read(2.0, other)) == known(whole + read(2.0, other))
    assert back.metrics() == whole.metrics()


def test_a_gauge_keeps_what_was_set_last_and_the_extremes_of_all() -> None:
    first, last = GaugeValue(5, 1, 9, at_ns=10), GaugeValue(3, 2, 12, at_ns=20)
    assert first + last == last + first == GaugeValue(3, 1, 12, at_ns=20)
    assert first + GaugeValue() == GaugeValue() + first == first, "one that was never set is none"
    assert last.since(first) == last


def test_a_value_knows_what_it_is_and_others_keep_theirs() -> None:
    three, two = CounterValue(3), CounterValue(2)
    assert total([three, two, two]) == CounterValue(7) and three.count == 3
    assert total([]) is None and total([two]) is two
    assert RateValue(1, 4).values(1.0) == {"rate": 0.25, "passes": 1, "fails": 3}
    # As long as a gauge, and a rate: nobody counts the fields of a value any more.
    assert not RateValue().samples and not GaugeValue().samples and CounterValue(0.5).samples


def test_snapshots_of_several_machines_are_told_as_one() -> None:
    def of(passes: int, value_ns: int) -> Snapshot:
        times = _core.Histogram()
        times.record(value_ns)
        rows: Rows = {
            "checks": {(("scenario", "a"),): RateValue(passes, 10)},
            "http_req_duration": {(("scenario", "a"),): TrendValue(times)},
        }
        return Snapshot(5.0, 5.0, {"ok": passes}, rows)

    near, far = of(9, 1_000_000), of(4, 90_000_000)
    both = Snapshot.from_json(near.to_json()) + Snapshot.from_json(far.to_json())
    assert both.counters["ok"] == 13
    assert both.sum("checks") == RateValue(13, 20)
    assert both.sum("http_req_duration").values(5.0)["count"] == 2
    assert both.sum("http_req_duration").extremes() == (1.0, 90.0)
