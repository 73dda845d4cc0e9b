"""What a script times itself: counted to the unit, told by name, held to thresholds, cut off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from fastbench.engine.bridge._core import Block
from fastbench.engine.client._client import Arena
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import influxdb, prometheus
from fastbench.outputs.points import PointReader
from fastbench.results.metric_values import BUILT_IN, NamedRow
from fastbench.results.thresholds import grammar
from fastbench.run.snapshot import Snapshot
from fastbench.script.api.checks import Aborted
from fastbench.script.api.operations import KINDS, operation
from fastbench.script.api.recorder import MAX_SETS, OTHER, Recorder
from fastbench.script.parent import metric_snapshot
from fastbench.script.recording_context import PLACE, VU, RecordingContext, root


class Ground:
    """The memory of one worker and a place to record at; `vu` is whose code runs."""

    def __init__(self, *limits: str) -> None:
        self.block, self.arena = Block(1), Arena(1)
        self.told: list[str] = []
        self.limits = grammar.read({}, limits, BUILT_IN)
        note: Callable[..., None] = lambda code, text, hint: self.told.append(text)  # noqa: E731
        self.recorder = Recorder(
            self.arena.writer(0), grammar.submetrics(self.limits), note, slot=(self.block, 0)
        )
        self.place = root(self.recorder, "s", {"team": "a"})
        self.vu = SimpleNamespace(halted=False)

    @contextmanager
    def entered(self) -> Iterator[RecordingContext]:
        tokens = PLACE.set(self.place), VU.set(self.vu)
        try:
            yield self.place
        finally:
            PLACE.reset(tokens[0])
            VU.reset(tokens[1])

    def snapshot(self) -> Snapshot:
        return metric_snapshot.Reader(self.arena, self.block, {}).read(1.0)

    def rows(self) -> dict[str, NamedRow]:
        return {row.name: row for row in self.snapshot().requests()}

    def counted(self, name: str) -> int:
        return self.block.counters(0)[f"operations_{name}"]

    def observed(self, text: str) -> float | None:
        (found,) = grammar.read({}, [text], BUILT_IN)
        return self.snapshot().observe(found)[0]


def test_one_is_counted_in_the_slot_by_scenario_and_by_name() -> None:
    ground = Ground()
    with ground.entered(), operation("sign pdf", kind="job") as op:
        op.bytes_in, op.bytes_out = 100, 7
    assert op.duration_ms is not None and op.duration_ms > 0 and not op.failed
    row = ground.rows()["sign pdf"]
    assert (row.kind, row.method, row.scenario) == ("job", "", "s")
    assert (row.requests, row.failed, row.in_flight_at_end, row.reasons) == (1, 0, 0, {})
    assert (row.bytes_in, row.bytes_out, row.latency["count"]) == (100, 7, 1)
    assert [ground.counted(name) for name in ("started", "ok", "failed")] == [1, 1, 0]
    assert [ground.counted(name) for name in ("bytes_in", "bytes_out")] == [100, 7]
    assert ground.block.histogram("operation").count == 1
    metrics = ground.snapshot().metrics()
    assert "http_reqs" not in metrics and "http_req_failed" not in metrics
    assert metrics["operations"].values["count"] == 1
    assert metrics["data_received"].values["count"] == 100


def test_a_failure_has_a_reason_and_an_exception_goes_on_up() -> None:
    ground = Ground()
    with ground.entered():
        with operation("pay") as op:
            op.fail("no money")
            op.fail("too late")
        with pytest.raises(KeyError), operation("pay"):
            raise KeyError("x")
        with operation("pay"):
            pass
    row = ground.rows()["pay"]
    assert (row.requests, row.failed) == (3, 2)
    assert row.reasons == {"no money": 1, "KeyError": 1}
    assert ground.observed("operation_failed: rate<1") == pytest.approx(2 / 3)
    assert (ground.counted("ok"), ground.counted("failed")) == (1, 2)


def test_without_one_that_succeeded_there_is_no_duration() -> None:
    failed = "operation_duration{outcome:failed}: p(95)<1"
    ground = Ground("operation_duration{name:pay}: p(95)<1", "operation_duration: p(95)<1", failed)
    with ground.entered():
        with operation("pay") as op:
            op.fail()
        assert ground.observed(failed) is not None, "asked for by name"
        assert ground.observed("operation_duration: p(95)<1") is None
        assert ground.observed("operation_duration{name:pay}: p(95)<1") is None
        with operation("pay"):
            pass
    assert ground.observed("operation_duration: p(95)<1") is not None
    assert ground.observed("operation_duration{name:pay}: p(95)<1") is not None


@pytest.mark.parametrize(
    ("tags", "count"),
    [
        ("name:pay", 2),
        ("kind:sql", 1),
        ("outcome:failed", 1),
        ("outcome:ok", 2),
        ("team:a", 3),
        ("bank:x", 1),
        ("scenario:s", 3),
        ("name:pay,kind:custom", 2),
        ("name:other", 0),
    ],
)
def test_thresholds_narrow_by_what_is_said_of_an_operation(tags: str, count: int) -> None:
    text = f"operations{{{tags}}}: count>=0"
    ground = Ground(text)
    with ground.entered():
        with operation("pay"):
            pass
        with operation("pay", tags={"bank": "x"}):
            pass
        with operation("select", kind="sql") as op:
            op.fail()
    assert ground.observed(text) == (count or None)


def test_what_the_end_of_the_run_cuts_off_is_under_way_and_no_failure() -> None:
    ground = Ground()
    with ground.entered():
        with pytest.raises(asyncio.CancelledError), operation("long"):
            ground.vu.halted = True
            raise asyncio.CancelledError
        with pytest.raises(Aborted), operation("long"):
            raise Aborted("enough")
        ground.vu.halted, ground.recorder.load_ended = False, True
        with pytest.raises(asyncio.CancelledError), operation("long"):
            raise asyncio.CancelledError
    row = ground.rows()["long"]
    assert (row.requests, row.failed, row.in_flight_at_end) == (0, 0, 3)
    assert [ground.counted(name) for name in ("started", "ok", "failed")] == [3, 0, 0]
    assert ground.counted("oldest_ns") > 0


def test_what_the_script_gives_up_failed_at_its_age() -> None:
    ground = Ground()

    spent_ms = 0.0

    async def act() -> None:
        nonlocal spent_ms
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), operation("slow"):
                begun_s = time.monotonic()
                try:
                    await asyncio.sleep(60)
                finally:
                    spent_ms = 1000 * (time.monotonic() - begun_s)

    with ground.entered():
        asyncio.run(act())
    row = ground.rows()["slow"]
    assert (row.failed, row.reasons) == (1, {"cancelled": 1})
    assert (row.latency["max"] or 0) >= spent_ms * 0.99 > 0  # as fine as the histogram


def test_several_at_once_and_one_within_another_are_timed_apart() -> None:
    ground = Ground()

    async def inner(name: str) -> None:
        async with operation(name):
            await asyncio.sleep(0.01)

    async def act() -> None:
        async with operation("outer"):
            await asyncio.gather(*(inner("inner") for _ in range(5)))

    with ground.entered():
        asyncio.run(act())
    rows = ground.rows()
    assert (rows["outer"].requests, rows["inner"].requests) == (1, 5)
    assert (rows["outer"].latency["max"] or 0) >= (rows["inner"].latency["max"] or 0) >= 10


def test_more_names_than_there_is_room_for_are_other_and_memory_is_bounded() -> None:
    ground = Ground()
    with ground.entered() as place:
        for number in range(10_000):
            with operation(f"n{number}"):
                pass
    rows = ground.rows()
    assert len(rows) == MAX_SETS + 1 and rows[OTHER].requests == 10_000 - MAX_SETS
    assert sum(row.requests for row in rows.values()) == ground.counted("ok") == 10_000
    assert len(place.operations) <= MAX_SETS
    assert ground.told == [
        f"operations: more than {MAX_SETS:,} names of operations; further ones are `{OTHER}`"
    ]


def test_reasons_are_bounded_and_short() -> None:
    ground = Ground()
    with ground.entered():
        for number in range(MAX_SETS + 5):
            with operation("x") as op:
                op.fail(f"\x1b[31m{number}" + "y" * 500)
    reasons = ground.rows()["x"].reasons
    assert len(reasons) == MAX_SETS + 1 and reasons[OTHER] == 5
    assert all(len(each) <= 120 and "\x1b" not in each for each in reasons)


@pytest.mark.parametrize("name", ['a "b"', "x{y}", "ü ☃", "a\nb", "\udcff", "a" * 5000, "::"])
def test_any_name_is_told_as_it_is(name: str) -> None:
    ground = Ground()
    with ground.entered(), operation(name):
        pass
    assert list(ground.rows()) == [name]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"name": ""}, "An operation needs a name"),
        ({"name": "  "}, "An operation needs a name"),
        ({"name": 3}, "An operation needs a name"),
        ({"name": "a", "kind": "smtp"}, "no kind of operation 'smtp'; there are ws, sql, redis"),
        ({"name": "a", "kind": "http"}, "Requests time themselves"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_a_sentence(
    words: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        operation(**words)


def test_outside_of_a_run_and_twice_it_is_refused() -> None:
    with pytest.raises(RuntimeError, match="only during the run"), operation("a"):
        pass
    ground, once = Ground(), operation("a")
    with ground.entered():
        with once:
            pass
        with pytest.raises(RuntimeError, match="has begun already"), once:
            pass
    assert ground.counted("started") == 1


@pytest.mark.parametrize("size", [-1, 1.5, "3", None, 1 << 70])
def test_a_size_is_a_number_of_bytes(size: Any) -> None:
    with pytest.raises(ValueError, match="is a number of bytes"):
        operation("a").bytes_in = size


def test_every_kind_has_a_row() -> None:
    ground = Ground()
    with ground.entered():
        for kind in KINDS:
            with operation("same", kind=kind):
                pass
    assert sorted(row.kind for row in ground.snapshot().requests()) == sorted(KINDS)


def test_every_receiver_gets_them_whatever_their_names() -> None:
    ground = Ground()
    with ground.entered():
        with operation('odd "x" {y},a=b\n☃', kind="redis") as op:
            op.fail("no, not = ok")
        with operation("fine", kind="redis"):
            pass
    made = PointReader(with_buckets=True, with_histograms=True).points(ground.snapshot())
    points = {(point.name, dict(point.tags).get("name")): point for point in made}
    for name in ("operations", "operation_duration", "operation_failed"):
        lines = [influxdb.line(points[name, each], 1) for _, each in points if _ == name]
        assert len(lines) == 2 and all("kind=redis" in line and "\n" not in line for line in lines)
        labels = [row for point in made if point.name == name for row in prometheus.rows(point)]
        assert labels
    assert [dict(p.tags)["reason"] for p in made if p.name == "operation_errors"] == [
        "no, not = ok"
    ]
    times = points["operation_duration", "fine"]
    assert times.buckets and times.hdr
