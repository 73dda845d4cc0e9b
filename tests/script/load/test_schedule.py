"""schedule.py and cli_overrides.py: exact shares, ramps, and numbers of the command line."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from running import SLOW

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Tls
from fastbench.script.api.options import Declared, Load, Settings
from fastbench.script.load.cli_overrides import Applied, applied
from fastbench.script.run_request import RunRequest
from fastbench.script.schedule import Share, shares, transitions, worker_of
from fastbench.script.spec import Spec, read

NS = 1_000_000_000

STAGES = some.lists(
    some.tuples(some.integers(0, 20).map(float), some.integers(0, 40)), min_size=1, max_size=6
).filter(lambda stages: any(length for length, _ in stages))


def spec(executor: str, name: str = "s", **given: Any) -> Spec:
    return read(name, name, {"executor": executor, **given})


def of(*scenarios: Spec, load: Load | None = None, **asked: Any) -> Applied:
    declared = Declared(Settings(load=load or Load()), scenarios)
    return applied(declared, RunRequest("script.py", **asked))


def only(*scenarios: Spec, load: Load | None = None, **asked: Any) -> Spec:
    (found,) = of(*scenarios, load=load, **asked).scenarios
    return found


EVERY = (
    spec("shared-iterations", "a", vus=3, iterations=10),
    spec("per-vu-iterations", "b", vus=5, iterations=2),
    spec("constant-vus", "c", vus=7, duration="1m", start_time="5s"),
    spec("ramping-vus", "d", start_vus=2, stages=[("10s", 9), ("10s", 0)]),
    spec("constant-arrival-rate", "e", rate=600, duration=9, pre_allocated_vus=4, max_vus=6),
    spec("shared-iterations", "f", vus=1, iterations=1),
)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_vu_has_one_worker_and_an_id_of_its_own(workers: int) -> None:
    split = shares(EVERY, workers)
    assert len(split) == workers and {len(each) for each in split} == {len(EVERY)}
    ids = [vu for each in split for share in each for vu in share.vus]
    assert sorted(ids) == list(range(1, 3 + 5 + 7 + 9 + 6 + 1 + 1))
    for worker, each in enumerate(split):
        for share in each:
            assert all(worker_of(vu, workers) == worker for vu in share.vus)
            assert share.worker == worker and share.workers == workers


def test_ids_do_not_depend_on_the_number_of_workers() -> None:
    def bounds(workers: int) -> list[tuple[str, int, int]]:
        return [(each.scenario, each.first_vu, each.last_vu) for each in shares(EVERY, workers)[0]]

    assert bounds(1) == bounds(2) == bounds(5)
    assert bounds(1)[0] == ("a", 1, 3) and bounds(1)[1] == ("b", 4, 8)


def test_only_shared_iterations_take_from_a_counter_of_all_workers() -> None:
    for each in shares(EVERY, 2):
        counters = {share.scenario: (share.shared, share.iterations) for share in each}
        assert counters["a"] == (0, 10) and counters["f"] == (1, 1)
        assert counters["b"] == (None, 2) and counters["c"] == (None, None)


def test_a_rate_is_dealt_to_the_workers_that_have_vus() -> None:
    rate = spec("constant-arrival-rate", rate=10, duration="1s", pre_allocated_vus=2)
    ahead = spec("constant-vus", "ahead", vus=1, duration="1s")
    dealt = [each[1] for each in shares((ahead, rate), 4)]
    assert [(share.lane, share.lanes) for share in dealt if share.vus] == [(0, 2), (1, 2)]
    assert [share.vus for share in dealt] == [(), (2,), (3,), ()]


def test_vus_made_at_the_start_are_the_first_ones() -> None:
    split = [each[4] for each in shares(EVERY, 2)]
    assert sorted(vu for share in split for vu in share.pre_allocated) == [25, 26, 27, 28]
    assert sorted(vu for share in split for vu in share.max_vus) == [25, 26, 27, 28, 29, 30]


def test_levels_of_a_rate_are_per_second() -> None:
    ramp = spec(
        "ramping-arrival-rate",
        start_rate=60,
        time_unit="1m",
        stages=[("10s", 120), ("5s", 120)],
        pre_allocated_vus=1,
    )
    assert ramp.levels == ((10.0, 1.0, 2.0), (5.0, 2.0, 2.0))
    assert ramp.planned == 25


@pytest.mark.parametrize("workers", [1, 3])
def test_a_share_survives_the_channel(workers: int) -> None:
    for each in shares(EVERY, workers):
        for share in each:
            assert Share.from_json(json.loads(json.dumps(asdict(share)))) == share


def ramp(start: int, stages: list[tuple[float, int]], workers: int) -> list[tuple[int, int, bool]]:
    (each,) = [spec("ramping-vus", start_vus=start, stages=stages)]
    found = [event for split in shares((each,), workers) for event in transitions(split[0])]
    return sorted(found, key=lambda event: event[0])


def test_a_ramp_changes_when_the_line_reaches_the_number() -> None:
    found = ramp(0, [(4.0, 2), (4.0, 0)], 1)
    assert found == [
        (2 * NS, 1, True),
        (4 * NS, 2, True),
        (6 * NS, 2, False),
        (8 * NS, 1, False),
    ]


def test_a_stage_without_length_is_a_step() -> None:
    assert ramp(1, [(1.0, 1), (0.0, 3), (1.0, 3), (0.0, 0)], 1) == [
        (0, 1, True),
        (1 * NS, 2, True),
        (1 * NS, 3, True),
        (2 * NS, 1, False),
        (2 * NS, 2, False),
        (2 * NS, 3, False),
    ]


@pytest.mark.slow
@settings(max_examples=1000 if SLOW else 60)
@given(some.integers(0, 30), STAGES, some.integers(1, 4))
def test_the_vus_of_a_ramp_are_those_of_the_line(
    start: int, stages: list[tuple[float, int]], workers: int
) -> None:
    if not start and not any(target for _, target in stages):
        return
    events = ramp(start, stages, workers)
    there: set[int] = set()
    begin_s, level = 0.0, float(start)
    for length_s, target in stages:
        end_s = begin_s + length_s
        for part in range(1, 12):  # between the edges, where a step may stand
            at_s = begin_s + length_s * part / 12
            line = level + (target - level) * part / 12
            count = 0
            for at_ns, _, comes in events:
                if at_ns <= at_s * NS:
                    count += 1 if comes else -1
            assert length_s == 0 or abs(count - line) <= 1
        begin_s, level = end_s, float(target)
    for _, vu, comes in events:
        assert (vu not in there) is comes
        (there.add if comes else there.remove)(vu)
    assert there == set(range(1, stages[-1][1] + 1))


# The command line.

BARE = read("s", "s", {"tags": {"t": "1"}, "env": {"E": "1"}, "graceful_stop": "3s"})


@pytest.mark.parametrize(
    ("load", "asked", "expected"),
    [
        (Load(), {}, ("per-vu-iterations", {"vus": 1, "iterations": 1})),
        (Load(), {"vus": 4}, ("per-vu-iterations", {"vus": 4, "iterations": 1})),
        (Load(), {"duration_s": 9.0}, ("constant-vus", {"vus": 1, "duration_s": 9.0})),
        (Load(vus=5), {"duration_s": 9.0}, ("constant-vus", {"vus": 5, "duration_s": 9.0})),
        (Load(5, 60.0), {}, ("constant-vus", {"vus": 5, "duration_s": 60.0})),
        (Load(5, 60.0), {"vus": 2}, ("constant-vus", {"vus": 2, "duration_s": 60.0})),
        (
            Load(5, 60.0),
            {"iterations": 20},
            ("shared-iterations", {"vus": 5, "iterations": 20, "max_duration_s": 600.0}),
        ),
        (
            Load(),
            {"iterations": 20, "vus": 2, "duration_s": 7.0},
            ("shared-iterations", {"vus": 2, "iterations": 20, "max_duration_s": 7.0}),
        ),
        (Load(), {"iterations": 3, "vus": 9}, ("shared-iterations", {"vus": 3, "iterations": 3})),
        (
            Load(stages=((5.0, 2),)),
            {},
            ("ramping-vus", {"start_vus": 1, "stages": ((5.0, 2),)}),
        ),
        (
            Load(5, 60.0),
            {"stages": ((3.0, 8.0),)},
            ("ramping-vus", {"start_vus": 5, "stages": ((3.0, 8),)}),
        ),
    ],
)
def test_a_scenario_without_executor_gets_the_shortcuts(
    load: Load, asked: dict[str, Any], expected: tuple[str, dict[str, Any]]
) -> None:
    found = only(BARE, load=load, **asked)
    executor, values = expected
    assert found.executor == executor
    assert {name: getattr(found, name) for name in values} == values
    assert (found.tags, found.env, found.graceful_stop_s) == ({"t": "1"}, {"E": "1"}, 3.0)


KEPT: dict[str, Any] = {
    "tags": {"t": "1"},
    "env": {"E": "1"},
    "graceful_stop": "3s",
    "start_time": "2s",
}
SHARED = spec("shared-iterations", vus=2, iterations=20, **KEPT)
CONSTANT = spec("constant-vus", vus=2, duration="60s", **KEPT)
RAMP = spec("ramping-vus", start_vus=10, stages=[("30s", 50), ("60s", 1)], **KEPT)
RATE = spec("constant-arrival-rate", rate=600, duration="5m", pre_allocated_vus=50, **KEPT)


@pytest.mark.parametrize(
    ("declared", "asked", "executor", "values"),
    [
        (CONSTANT, {"vus": 9}, "constant-vus", {"vus": 9, "duration_s": 60.0}),
        (CONSTANT, {"duration_s": 5.0}, "constant-vus", {"vus": 2, "duration_s": 5.0}),
        (CONSTANT, {"iterations": 4}, "shared-iterations", {"vus": 2, "iterations": 4}),
        (CONSTANT, {"stages": ((5.0, 8.0),)}, "ramping-vus", {"start_vus": 2}),
        (SHARED, {"duration_s": 5.0}, "shared-iterations", {"max_duration_s": 5.0, "vus": 2}),
        (SHARED, {"iterations": 1}, "shared-iterations", {"iterations": 1, "vus": 1}),
        (RAMP, {"vus": 5}, "ramping-vus", {"start_vus": 1, "stages": ((30.0, 5), (60.0, 1))}),
        (RAMP, {"duration_s": 9.0}, "ramping-vus", {"stages": ((3.0, 50), (6.0, 1))}),
        (RAMP, {"iterations": 80}, "shared-iterations", {"iterations": 80, "vus": 50}),
        (RATE, {"vus": 9}, "constant-arrival-rate", {"pre_allocated_vus": 9, "max_vus": 9}),
        (RATE, {"duration_s": 9.0}, "constant-arrival-rate", {"rate": 600.0, "duration_s": 9.0}),
        (
            RATE,
            {"stages": ((5.0, 8.5),)},
            "ramping-arrival-rate",
            {"start_rate": 600.0, "stages": ((5.0, 8.5),), "max_vus": 50},
        ),
        (CONSTANT, {"scale": 2.5}, "constant-vus", {"vus": 5, "duration_s": 60.0}),
        (CONSTANT, {"scale": 0.01}, "constant-vus", {"vus": 1}),
        (SHARED, {"scale": 0.1}, "shared-iterations", {"vus": 1, "iterations": 2}),
        (RAMP, {"scale": 0.02}, "ramping-vus", {"start_vus": 1, "stages": ((30.0, 1), (60.0, 1))}),
        (RATE, {"scale": 0.1}, "constant-arrival-rate", {"rate": 60.0, "max_vus": 5}),
        (RATE, {"time_scale": 0.01}, "constant-arrival-rate", {"rate": 600.0, "duration_s": 3.0}),
        (RAMP, {"time_scale": 0.1}, "ramping-vus", {"stages": ((3.0, 50), (6.0, 1))}),
    ],
)
def test_a_number_of_the_command_line_keeps_everything_else(
    declared: Spec, asked: dict[str, Any], executor: str, values: dict[str, Any]
) -> None:
    found = only(declared, **asked)
    assert found.executor == executor
    assert {name: getattr(found, name) for name in values} == values
    kept = (found.function, found.tags, found.env, found.graceful_stop_s, found.start_time_s)
    start_s = 2.0 * asked.get("time_scale", 1.0)
    assert kept == ("s", {"t": "1"}, {"E": "1"}, 3.0, start_s)


@pytest.mark.parametrize(
    ("declared", "asked", "says"),
    [
        (RAMP, {"vus": 5}, "-u 5 is its peak, which was 50"),
        (RAMP, {"duration_s": 9.0}, "-d 9s is the length of its stages, which was 1m30s"),
        (CONSTANT, {"iterations": 4}, "-i makes its constant-vus shared-iterations"),
        (SHARED, {"iterations": 1}, "2 were lowered"),
        (RATE, {"scenarios": ("s",)}, "2s earlier"),
    ],
)
def test_what_changes_more_than_a_number_is_told(
    declared: Spec, asked: dict[str, Any], says: str
) -> None:
    assert says in " ".join(of(declared, **asked).notices)


def test_a_plain_override_tells_nothing() -> None:
    assert of(CONSTANT, vus=3, duration_s=4.0, scale=2.0).notices == ()


def test_chosen_scenarios_start_at_once_and_keep_their_distance() -> None:
    first = spec("constant-vus", "first", duration=1)
    later = spec("constant-vus", "later", duration=1, start_time="10s")
    last = spec("constant-vus", "last", duration=1, start_time="15s")
    found = of(first, later, last, scenarios=("last", "later")).scenarios
    assert [(each.name, each.start_time_s) for each in found] == [("later", 0.0), ("last", 5.0)]


@pytest.mark.parametrize(
    ("scenarios", "load", "asked", "says"),
    [
        ((), Load(), {}, "declares no scenario"),
        ((CONSTANT,), Load(), {"scenarios": ("x",)}, "it has s"),
        ((CONSTANT,), Load(vus=3), {}, "every scenario has its own executor"),
        ((CONSTANT,), Load(), {"stages": ((1.0, 2.0),), "duration_s": 3.0}, "leave out -d"),
        ((CONSTANT,), Load(), {"stages": ((1.0, 2.5),)}, "VUs are whole"),
        ((BARE,), Load(), {"stages": ((1.0, 2.5),)}, "VUs are whole"),
        (
            tuple(spec("shared-iterations", f"s{i}") for i in range(33)),
            Load(),
            {},
            "At most 32 scenarios",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    scenarios: tuple[Spec, ...], load: Load, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        of(*scenarios, load=load, **asked)


def test_flags_of_the_network_win_over_options() -> None:
    own = Settings(
        headers=(("X-Team", "a"), ("Accept", "x")),
        base_url="http://a/",
        tags={"a": "1", "b": "1"},
        thresholds={"checks": ("rate>0.9",)},
        tls=Tls(True, "/ca.pem", "/own.pem", "/own.key", ""),
    )
    asked = RunRequest(
        "script.py",
        headers=(("x-team", "b"),),
        base_url="http://b/",
        tags={"b": "2"},
        timeout_s=3.0,
        keepalive=False,
        expect=frozenset({200, 429}),
        tls=Tls(False, None, "/mine.pem", "/mine.key", ""),
        no_thresholds=True,
        no_setup=True,
    )
    found = applied(Declared(own, (CONSTANT,), setup=True, teardown=True), asked)
    options = found.options
    assert options.headers == (("Accept", "x"), ("x-team", "b"))
    assert options.base_url == "http://b/" and options.tags == {"a": "1", "b": "2"}
    assert options.timeout_s == 3.0 and options.no_connection_reuse
    assert options.expected == ((200, 200), (429, 429)) and options.thresholds == {}
    assert options.tls == Tls(False, "/ca.pem", "/mine.pem", "/mine.key", "")
    assert not found.declared.setup and found.declared.teardown


def test_the_document_holds_what_was_asked_without_secrets() -> None:
    secret = spec("constant-vus", duration=1, env={"API_TOKEN": "hunter2", "KIND": "a"})
    found = of(secret, env={"PASSWORD": "hunter2"}, base_url="http://u:hunter2@localhost/")
    text = json.dumps(found.config)
    assert "hunter2" not in text and '"KIND": "a"' in text
    assert found.config["vus"] == 1 and found.config["duration_s"] == 1.0
