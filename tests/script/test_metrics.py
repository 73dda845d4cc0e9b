"""A script's metrics, and what all workers measured: written in one process, read in another."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fastbench.engine.bridge._core import Block
from fastbench.engine.client._client import Arena
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.judging import Threshold
from fastbench.results.thresholds.submetric import read_tags
from fastbench.run.snapshot import Snapshot
from fastbench.script.api import metrics
from fastbench.script.api.metrics import Counter, Gauge, Rate, Trend
from fastbench.script.api.recorder import Recorder
from fastbench.script.expected import DEFAULT, expected_statuses
from fastbench.script.parent import metric_snapshot
from fastbench.script.recording_context import PLACE, RecordingContext, root

MIN_BYTES = 16 << 20
Warned = list[tuple[str, str, str]]


@pytest.fixture(autouse=True)
def script() -> Iterator[None]:
    """A script that begins to load."""
    metrics.begin()
    yield
    metrics.begin()


def recorder(
    arena: Arena, worker: int = 0, warned: Warned | None = None, *submetrics: str
) -> Recorder:
    keys = ((key, key.index("{")) for key in submetrics)
    found = [(key[:at], read_tags(key, at)[0]) for key, at in keys]
    notes: Warned = [] if warned is None else warned
    return Recorder(
        arena.writer(worker), found, lambda *note: notes.append(note), slot=(Block(1), 0)
    )


@contextmanager
def at(place: RecordingContext) -> Iterator[RecordingContext]:
    token = PLACE.set(place)
    yield place
    PLACE.reset(token)


def read(arena: Arena, t_s: float = 10.0, only: frozenset[str] | None = None) -> Snapshot:
    return metric_snapshot.Reader(arena, Block(1), metrics.declared()).read(t_s, only=only)


def threshold(text: str) -> Threshold:
    return grammar.parse(text, {**BUILT_IN, **metrics.declared()})


def observed(snapshot: Snapshot, text: str) -> float | None:
    return snapshot.observe(threshold(text))[0]


def test_every_sort_of_metric_keeps_what_k6_keeps() -> None:
    created, size = Counter("created"), Gauge("size")
    good, length = Rate("good"), Trend("length", True)
    arena = Arena(1)
    with at(root(recorder(arena), "a")):
        for value in (1, 2.5):
            created.add(value)
        for value in (7, 3, 5):
            size.add(value)
        for passed in (True, 0, "x", None):
            good.add(passed)
        for value in range(1, 101):
            length.add(value)
    found = read(arena).metrics()
    assert found["created"].values == {"count": 3.5, "rate": 0.35}
    assert found["size"].values == {"value": 5, "min": 3, "max": 7}
    assert found["good"].values == {"rate": 0.5, "passes": 2, "fails": 2}
    assert (found["length"].type, found["length"].contains) == ("trend", "time")
    values = found["length"].values
    assert (values["min"], values["max"], values["count"]) == (1, 100, 100)
    assert values["avg"] == pytest.approx(50.5)
    for name, exact in (("med", 50), ("p(90)", 90), ("p(95)", 95), ("p(99)", 99)):
        assert values[name] == pytest.approx(exact, rel=0.001)


def test_the_percentiles_of_a_trend_are_those_of_a_sort() -> None:
    trend = Trend("any")
    chance = random.Random(4)
    values = [chance.lognormvariate(0, 3) * chance.choice((1, -1)) for _ in range(20_001)]
    arena = Arena(1)
    with at(root(recorder(arena), "a")):
        for value in values:
            trend.add(value)
    snapshot = read(arena)
    values.sort()
    for percent in (1, 10, 50, 90, 99, 99.9):
        exact = values[math.ceil(percent / 100 * len(values)) - 1]
        assert observed(snapshot, f"any: p({percent})<0") == pytest.approx(exact, rel=0.001)


def test_what_workers_count_is_added_up() -> None:
    created, size, length = Counter("created"), Gauge("size"), Trend("length")
    arena = Arena(2)
    for worker in (0, 1):
        pid = os.fork()
        if pid == 0:
            with at(root(recorder(arena, worker), "a")):
                created.add(worker + 1)
                size.add(10 * worker)
                length.add(worker)
            os._exit(0)
        os.waitpid(pid, 0)
    found = read(arena).metrics()
    assert found["created"].values["count"] == 3
    assert found["size"].values == {"value": 10, "min": 0, "max": 10}, "the last one is the value"
    assert found["length"].values["count"] == 2


def test_a_metric_is_told_by_scenario_and_by_the_tags_that_a_threshold_names() -> None:
    calls = Counter("calls")
    narrow = ("calls{kind:x}", "calls{group:::g,scenario:a}", "calls{scenario:a}")
    arena = Arena(1)
    writer = recorder(arena, 0, None, *narrow)
    for name in ("a", "b"):
        with at(root(writer, name, {"env": "test"})) as place:
            calls.add(1)
            calls.add(10, {"kind": "x"})
            calls.add(100, {"kind": "y"})
        with at(place.inside("g")):
            calls.add(1000, tags={"kind": "x"})
    snapshot = read(arena)
    expected = {
        "calls": 2222,
        "calls{scenario:a}": 1111,
        "calls{kind:x}": 2020,
        "calls{group:::g,scenario:a}": 1000,
    }
    for key, count in expected.items():
        assert observed(snapshot, f"{key}: count>0") == count, key
    for key in ("calls{kind:z}", "calls{scenario:z}"):
        assert observed(snapshot, f"{key}: count>0") is None, "a slip of the pen is no 0"
    assert observed(snapshot, "calls: rate>0") == 222.2
    tables = [row[:3] for row in arena.read(0) if row[1].startswith("calls")]
    assert len(tables) == 4, "no entry for a combination that nobody names"


def test_checks_and_groups_are_told_apart_where_a_threshold_names_them() -> None:
    arena = Arena(1)
    keys = (
        "checks{check:a}",
        "checks{group:::g}",
        "group_duration{group:::g}",
        "iterations{env:x}",
    )
    writer = recorder(arena, 0, None, *keys)
    for group, name in (("", "a"), ("::g", "a"), ("::g", "b")):
        writer.check("s", group, name, (("env", "x"),)).add(name == "a")
    for group in ("", "::g"):
        writer.group_duration("s", group, ()).add(2_000_000)
    writer.counter("iterations", "s", (("env", "x"),)).add(1)
    writer.counter("iterations", "s", ()).add(1)
    snapshot = read(arena)
    assert observed(snapshot, "checks{check:a}>0%") == 1
    assert observed(snapshot, "checks{group:::g}>0%") == 0.5
    assert observed(snapshot, "checks>0%") == pytest.approx(2 / 3)
    assert observed(snapshot, "group_duration{group:::g}: count>0") == 1
    assert observed(snapshot, "group_duration: max<9") == pytest.approx(2, rel=0.001)
    assert observed(snapshot, "iterations{env:x}: count>0") == 1
    found = {
        (row.group, row.name): (row.passes, row.fails) for row in metric_snapshot.checks(snapshot)
    }
    assert found == {("", "a"): (1, 0), ("::g", "a"): (1, 0), ("::g", "b"): (0, 1)}


def test_tags_beyond_a_thousand_sets_are_counted_and_warned_of_once() -> None:
    calls = Counter("calls")
    warned: Warned = []
    arena = Arena(1)
    with at(root(recorder(arena, 0, warned, "calls{kind:x}"), "a")) as place:
        for number in range(1500):
            calls.add(1, {"id": number, "kind": "x"})
        assert len(place.cells) <= 1001
    assert observed(read(arena), "calls{kind:x}: count>0") == 1500
    assert [code for code, _, _ in warned] == ["many_labels"]
    assert "more than 1,000 sets of tags" in warned[0][1]


def test_names_beyond_a_thousand_are_other() -> None:
    warned: Warned = []
    arena = Arena(1)
    writer = recorder(arena, 0, warned)
    for number in range(1010):
        writer.check("a", "", f"check {number}", ()).add(True)
        writer.thrown("a", f"Error{number}", "x.py:1").add(1)
    snapshot = read(arena)
    rows = {row.name: row.passes for row in metric_snapshot.checks(snapshot)}
    assert (len(rows), rows["other"]) == (1001, 10)
    assert observed(snapshot, "checks>99%") == 1
    assert metric_snapshot.thrown(snapshot)[0] == ("other", "other", "a", 10)
    assert [code for code, _, _ in warned] == ["many_labels"] * 2


def test_a_full_arena_is_a_warning_and_no_exception() -> None:
    warned: Warned = []
    trend = Trend("length")
    writer = recorder(Arena(1, bytes_per_worker=MIN_BYTES), 0, warned)
    for number in range(200):
        writer.route("a", f"/{number}", "GET", "", "", (), DEFAULT)
    with at(root(writer, "a")):
        trend.add(1)
    assert [code for code, _, _ in warned] == ["metrics_full"]


def declared_late() -> None:
    metrics.close()
    Counter("x")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (lambda: Counter("http_reqs"), "built-in"),
        (lambda: Counter("two words"), "letters"),
        (lambda: Counter(""), "letters"),
        (lambda: Counter(7), "letters"),  # type: ignore[arg-type]
        (lambda: [Counter("x"), Trend("x")], "already"),
        (lambda: [Trend("x"), Trend("x", True)], "already"),
        (declared_late, "too late"),
    ],
)
def test_a_wrong_declaration_is_one_sentence(wrong: object, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        wrong()  # type: ignore[operator]


def test_a_metric_may_be_declared_again_in_another_module() -> None:
    first, second = Counter("x"), Counter("x")
    metrics.close()
    third = Counter("x")
    arena = Arena(1)
    with at(root(recorder(arena), "a")):
        for each in (first, second, third):
            each.add(1)
    assert read(arena).metrics()["x"].values["count"] == 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    counter, trend = Counter("x"), Trend("y")
    with at(root(recorder(Arena(1)), "a")):
        for each in (counter, trend):
            with pytest.raises(ValueError, match="finite"):
                each.add(value)
            with pytest.raises(TypeError):
                each.add("5")  # type: ignore[arg-type]


def test_add_outside_of_a_run_says_where_it_belongs() -> None:
    with pytest.raises(RuntimeError, match="in a scenario, in setup or in teardown"):
        Counter("x").add(1)


def test_a_hostile_name_goes_through() -> None:
    name = 'a"\\\x1b[31m\udc80{}\n'
    arena = Arena(1)
    recorder(arena).check("a", "", name, ()).add(False)
    assert metric_snapshot.checks(read(arena))[0].name == name


def answers(*submetrics: str) -> tuple[Arena, dict[tuple[int, str], list[str]]]:
    """Say which sub-metrics each answer of one route is counted in."""
    arena = Arena(1)
    writer = recorder(arena, 0, None, *submetrics)
    found: dict[tuple[int, str], list[str]] = {}
    for status, error in ((200, ""), (404, ""), (429, ""), (0, "timeout")):
        said = {
            **{"env": "test", "scenario": "a", "group": "::g", "name": "list", "method": "GET"},
            **{"status": str(status), "expected_response": str(status == 200).lower()},
            **({"error": error} if error else {}),
        }
        before = {row[1] for row in arena.read(0)}
        writer.answered(said)
        found[status, error] = sorted({row[1] for row in arena.read(0)} - before)
    return arena, found


def test_an_answer_belongs_to_the_submetrics_whose_tags_it_carries() -> None:
    keys = (
        "http_req_duration{status:200}",
        "http_reqs{status:404}",
        "http_req_failed{env:test,name:list}",
        "http_req_response{error:timeout}",
        "http_reqs{name:other}",
        "checks{check:x}",
    )
    arena, found = answers(*keys)
    assert found[200, ""] == [
        "http_req_duration{status:200}",
        "http_req_failed{env:test,name:list}",
        "requests.answered{status:200}",
    ]
    assert found[404, ""] == ["http_reqs{status:404}"]
    assert found[429, ""] == []
    assert found[0, "timeout"] == ["http_req_response{error:timeout}"]
    kinds = {name: kind for kind, name, _, _ in arena.read(0)}
    assert kinds["http_reqs{status:404}"] == "counter"
    assert kinds["http_req_failed{env:test,name:list}"] == "rate"
    assert kinds["http_req_duration{status:200}"] == "times"


def test_a_route_has_its_row_and_beyond_a_thousand_names_one_for_all() -> None:
    arena = Arena(1)
    warned: Warned = []
    writer = recorder(arena, 0, warned)
    for number in range(1003):
        writer.route("a", f"/{number}", "GET", "", "", (), DEFAULT)
    names = [tags for kind, _, tags, _ in arena.read(0, frozenset({"named"})) if kind == "named"]
    assert len(names) == 1001
    assert '{"method":"","name":"other","scenario":"a"}' in names
    assert [code for code, _, _ in warned] == ["many_labels"]
    assert expected_statuses(429).covers(429)
