"""What requests leave in the arena, in k6's words: real answers, read as the parent reads them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache

import pytest
from servers import OK, Server, answering
from vus import User, run
from wires import Wires, on_wires

from fastbench.engine.bridge._core import Block
from fastbench.engine.client._client import Arena
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold
from fastbench.run.metric_sums import GaugeValue
from fastbench.run.snapshot import Snapshot
from fastbench.script.api.operations import operation
from fastbench.script.api.recorder import Recorder
from fastbench.script.expected import DEFAULT, expected_statuses
from fastbench.script.parent import metric_snapshot

LIMITS = (
    "http_reqs: count>=1",
    "http_req_duration{scenario:browse}: p(95)<10s",
    "http_req_duration{name:item}: p(95)<10s",
    "http_req_failed{name:item,method:POST}: rate<0.5",
    "http_req_duration{name:nobody}: p(95)<10s",
    "p99<1ns",
)
HELD = tuple(grammar.parse(text, BUILT_IN) for text in LIMITS)


def recorder(wires: Wires, held: tuple[Threshold, ...] = HELD) -> Recorder:
    def warn(code: str, text: str, hint: str) -> None:
        raise AssertionError(text)

    return Recorder(wires.book, grammar.submetrics(held), warn, slot=(Block(1), 0))


@cache
def browsed() -> Arena:
    """Two scenarios: ten requests of `list` and five of `item`; three of `buy` that are planned."""

    async def act(wires: Wires) -> None:
        writer = recorder(wires)
        routes = {
            ("browse", "list", "GET"): 10,
            ("browse", "item", "POST"): 5,
            ("buy", "item", "GET"): 3,
        }
        for (scenario, name, method), count in routes.items():
            expected = expected_statuses(404) if method == "POST" else DEFAULT
            wires.route = writer.route(scenario, name, method, "http://x/", "", (), expected)
            session = wires.session()
            session.paced = scenario == "buy"
            for _ in range(count):
                if session.paced:
                    session.planned_ns = time.monotonic_ns() - 50_000_000
                await wires.get(session, server.port)

    with Server(answering()) as server:
        return on_wires(act).arena


def reader(arena: Arena, declared: Mapping[str, Kind] | None = None) -> metric_snapshot.Reader:
    return metric_snapshot.Reader(arena, Block(1), declared or {})


def read(t_s: float = 2.0, only: frozenset[str] | None = None) -> Snapshot:
    return reader(browsed()).read(t_s, only=only)


def test_requests_have_k6s_metrics_and_only_those_with_samples() -> None:
    found = read().metrics()
    assert set(found) == {
        *("data_received", "data_sent", "http_req_failed", "http_reqs", "http_req_response"),
        *("http_req_blocked", "http_req_connecting", "http_req_duration", "http_req_receiving"),
        *("http_req_sending", "http_req_tls_handshaking", "http_req_waiting"),
    }
    assert found["http_reqs"].values == {"count": 18, "rate": 9}
    assert found["data_received"].values["count"] == 18 * len(OK)
    assert found["http_req_failed"].values == {"rate": 5 / 18, "passes": 5, "fails": 13}
    duration = found["http_req_duration"]
    assert (duration.type, duration.contains) == ("trend", "time")
    assert list(duration.values) == [
        *("avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "count"),
    ]
    assert 0 < duration.values["min"] <= duration.values["med"] <= duration.values["max"] < 5000
    assert found["http_req_response"].values["min"] > 50, "from the planned instant, in ms"


def test_requests_are_told_by_name_method_and_scenario() -> None:
    rows = {(row.scenario, row.name, row.method): row for row in read().requests()}
    counts = {key: (row.requests, row.failed) for key, row in rows.items()}
    assert counts == {
        ("browse", "list", "GET"): (10, 0),
        ("browse", "item", "POST"): (5, 5),
        ("buy", "item", "GET"): (3, 0),
    }
    assert next(iter(rows)) == ("browse", "list", "GET"), "the most first"
    row = rows["browse", "list", "GET"]
    assert (row.requests_per_s, row.latency["count"]) == (5, 10)
    assert 0 < (row.latency["p99"] or 0) < 5000


def test_a_scenario_has_its_row() -> None:
    browse = metric_snapshot.scenario(read(), "browse", "constant-vus", 2, 2.0)
    assert (browse.requests, browse.failed, browse.response) == (15, 5, None)
    buy = metric_snapshot.scenario(read(), "buy", "constant-arrival-rate", 1, 2.0)
    assert buy.response is not None
    assert buy.response["count"] == 3
    nobody = metric_snapshot.scenario(read(), "nobody", "constant-vus", 1, 2.0)
    assert (nobody.requests, nobody.iterations, nobody.latency["count"]) == (0, 0, 0)


def test_thresholds_find_their_metrics_and_stand_beside_them() -> None:
    for only in (None, metric_snapshot.names(HELD)):
        found: Judge = Judge(HELD)
        snapshot = read(only=only)
        found.look(snapshot)
        told = found.judgements
        assert [told[text].ok for text in LIMITS] == [True, True, True, False, False, False]
        assert told[LIMITS[0]].observed == 18
        assert told[LIMITS[3]].observed == 1
        assert told[LIMITS[4]].text == "no samples"
        assert "(http_req_duration)" in told[LIMITS[5]].text, "not all scenarios have a plan"
    metrics = snapshot.metrics(HELD, found.judgements)
    assert metrics["http_req_duration{scenario:browse}"].values["count"] == 15
    assert metrics["http_req_duration{name:item}"].values["count"] == 8
    assert metrics["http_req_duration{name:nobody}"].values == {"count": 0}
    assert metrics["http_req_duration{name:item}"].thresholds == {"p(95)<10s": {"ok": True}}
    assert metrics["http_req_duration"].thresholds == {"p99<1ns": {"ok": False}}


def counting(act: Callable[[Recorder, Arena], None]) -> Arena:
    arena = Arena(1)
    act(Recorder(arena.writer(0), [], lambda *note: None, slot=(Block(1), 0)), arena)
    return arena


def test_a_window_is_what_came_after_an_earlier_instant() -> None:
    seen: list[Snapshot] = []

    def act(writer: Recorder, arena: Arena) -> None:
        looking = reader(arena)
        iterations = writer.counter("iterations", "a", ())
        durations = writer.times("iteration_duration", "a", ())
        check = writer.check("a", "", "c", ())
        for t_s in (1.0, 3.0):
            for number in range(round(t_s)):
                iterations.add(1)
                durations.add(round(t_s) * 1_000_000)
                check.add(number == 0)
            seen.append(looking.read(t_s))

    counting(act)
    first, last = seen
    window = last.since(first.kept(frozenset({"iterations", "iteration_duration", "checks"})))
    found = window.metrics()
    assert found["iterations"].values == {"count": 3, "rate": 1.5}
    assert found["checks"].values == {"rate": 1 / 3, "passes": 1, "fails": 2}
    assert found["iteration_duration"].values["min"] == pytest.approx(3, rel=0.001)
    assert last.metrics()["iterations"].values["count"] == 4
    assert first.metrics()["iterations"].values["count"] == 1, "a snapshot stays as it is"


def test_a_window_of_requests_needs_only_what_is_kept() -> None:
    old = read(1.0).kept(frozenset({"http_req_duration{name:item}", "http_reqs"}))
    assert "http_req_waiting" in read(1.0).rows and "http_req_waiting" not in old.rows
    window = read(2.0).since(old)
    for text in ("http_reqs: count>0", "http_reqs: rate>0"):
        assert window.observe(grammar.parse(text, BUILT_IN))[0] == 0
    assert window.observe(HELD[2])[0] is None, "nothing came after it"


def test_a_short_form_is_response_time_where_all_requests_were_planned() -> None:
    async def act(wires: Wires) -> None:
        writer = recorder(wires, ())
        wires.route = writer.route("setup", "login", "POST", "", "::setup", (), DEFAULT)
        session = wires.session()
        await wires.get(session, server.port)
        wires.route = writer.route("a", "x", "GET", "", "", (), DEFAULT)
        session.paced = True
        session.planned_ns = time.monotonic_ns() - 50_000_000
        await wires.get(session, server.port)

    with Server(answering()) as server:
        arena = on_wires(act).arena
    snapshot = reader(arena).read(1.0)
    limit = grammar.parse("max<1ns", BUILT_IN)
    value, what = snapshot.observe(limit)
    assert what == "response time"
    assert (value or 0) > 50
    found = snapshot.metrics([limit])
    assert "http_req_response" in found


def test_counters_count_from_0_and_nothing_else_does() -> None:
    known = {**BUILT_IN, "mine": Kind("counter"), "share": Kind("rate"), "size": Kind("gauge")}
    known["length"] = Kind("trend")
    snapshot = reader(Arena(1), {"mine": Kind("counter")}).read(1.0)
    zero = ("mine<1", "dropped_iterations<1", "http_reqs<1", "mine: rate<1")
    none = ("share<1", "size<1", "length: avg<1", "checks<1", "errors<1", "avg<1", "vus<5")
    for text in (*zero, *none):
        value = snapshot.observe(grammar.parse(text, known))[0]
        assert value == (0 if text in zero else None), text
    assert snapshot.metrics()["mine"].values["count"] == 0
    gauges = {"vus": GaugeValue(3, 0, 5, at_ns=1)}
    told = reader(Arena(1)).read(1.0, gauges=gauges)
    assert told.metrics()["vus"].values == {"value": 3, "min": 0, "max": 5}


def test_a_metric_of_the_script_may_have_any_name_that_is_not_built_in() -> None:
    arena, names = Arena(1), ("exceptions", "gc_pause", "named", "requests", "service")
    for name in names:
        arena.writer(0).counter(name, '{"scenario":"a"}').add(2)
    snapshot = reader(arena, dict.fromkeys(names, Kind("counter"))).read(1.0)
    found = snapshot.metrics()
    assert {name: found[name].values["count"] for name in names} == dict.fromkeys(names, 2)
    assert not metric_snapshot.thrown(snapshot) and not snapshot.requests()


def test_bytes_of_requests_and_of_operations_add_up() -> None:
    block = Block(1)

    async def both(vu: User) -> None:
        await vu.get(server.url())
        with operation("upload") as op:
            op.bytes_in, op.bytes_out = 1000, 10

    with Server(answering()) as server:
        _, made = run(both, block=block)
        sent = server.seen.bytes_in
    now = metric_snapshot.Reader(made.arena, block, {}).read(1.0)
    assert now.counted("data_received") == len(OK) + 1000
    assert now.counted("data_sent") == sent + 10
