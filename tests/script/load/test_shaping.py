"""--shape: a script's own load by factor, in stages that have names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import fastbench
from servers import Server, answering

from fastbench.foundation.usage_error import UsageError
from fastbench.script.api.options import Declared, Load, Settings
from fastbench.script.load.cli_overrides import Applied, applied
from fastbench.script.load.stage_spans import spans
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import Spec, read

CONSTANT: dict[str, Any] = {"executor": "constant-vus", "vus": 20, "duration": "30s"}
RATE: dict[str, Any] = {
    "executor": "constant-arrival-rate",
    "rate": 60,
    "time_unit": "1m",
    "duration": "30s",
    "pre_allocated_vus": 2,
    "max_vus": 7,
}
RAMP: dict[str, Any] = {
    "executor": "ramping-vus",
    "start_vus": 0,
    "stages": [("1m", 50), ("1m", 10)],
    "start_time": "10s",
}
SHARED: dict[str, Any] = {"executor": "shared-iterations", "vus": 4, "iterations": 40}


def of(given: dict[str, Any], shape: str, **asked: Any) -> tuple[Spec, Applied]:
    declared = Declared(Settings(), (read("go", "go", given),))
    found = applied(declared, RunRequest("script.py", shape=shape, **asked))
    return found.scenarios[0], found


def parts(found: Applied) -> dict[str, tuple[float, float]]:
    return {name: span for name, span in spans(found).items() if name.isalpha() and name != "go"}


def said(found: Applied) -> str:
    return " ".join(found.notices)


def test_a_spike_has_a_before_ten_times_as_many_and_an_after() -> None:
    spec, found = of(CONSTANT, "spike")
    assert spec.stages == ((120, 20), (0, 200), (300, 200), (0, 20), (300, 20))
    assert (spec.executor, spec.start_vus, spec.most_vus) == ("ramping-vus", 20, 200)
    assert parts(found) == {"before": (0, 120), "spike": (120, 420), "after": (420, 720)}
    plan = "before 20 VUs for 2m, spike 200 VUs for 5m, after 20 VUs for 5m."
    assert said(found) == f"Scenario go, --shape spike: {plan}"


def test_a_rate_is_shaped_in_its_rate_and_has_vus_for_its_peak() -> None:
    spec, found = of(RATE, "spike")
    assert spec.levels == ((120, 1, 1), (0, 1, 10), (300, 10, 10), (0, 10, 1), (300, 1, 1))
    assert (spec.pre_allocated_vus, spec.max_vus, spec.planned) == (20, 70, 3420)
    assert "spike 10/s for 5m, after 1/s for 5m, at most 70 VUs" in said(found)


def test_the_ramp_starts_at_nothing_and_has_ten_steps_in_one_line() -> None:
    spec, found = of(CONSTANT, "ramp")
    assert spec.start_vus == 0 and spec.length_s == 1800
    assert spec.stages == tuple((180, 20 * step) for step in range(1, 11))
    assert parts(found) == {"ramp": (0, 1800)} and spans(found)["5"] == (720, 900)
    assert "ramp 0 to 200 VUs for 30m" in said(found)
    assert of(RATE, "ramp")[0].levels[-1] == (180, 9, 10)


def test_sustained_is_twice_as_much_for_an_hour() -> None:
    spec, found = of(CONSTANT, "sustained")
    assert (spec.start_vus, spec.stages) == (40, ((3600, 40),))
    assert parts(found) == {"sustained": (0, 3600)}


@pytest.mark.parametrize(("shape", "vus"), [("normal", 20), ("peak", 60)])
def test_normal_and_peak_keep_executor_and_length(shape: str, vus: int) -> None:
    spec, found = of(CONSTANT, shape)
    assert (spec.executor, spec.vus, spec.length_s) == ("constant-vus", vus, 30)
    assert parts(found) == {shape: (0, 30)}
    assert said(found).endswith(f"{shape} {vus} VUs for 30s.")


def test_the_peak_of_a_ramp_keeps_its_stages_and_their_names() -> None:
    spec, found = of(RAMP, "peak")
    assert spec.stages == ((60, 150), (60, 30)) and parts(found) == {"peak": (10, 130)}
    named = {**RAMP, "stages": [("1m", 50, "up"), ("1m", 10, "down")]}
    assert parts(of(named, "peak")[1]) == {"up": (10, 70), "down": (70, 130)}


def test_the_spike_of_a_ramp_is_over_its_highest_load_and_starts_at_once() -> None:
    spec, found = of(RAMP, "spike")
    assert spec.start_vus == 50 and spec.most_vus == 500 and spec.start_time_s == 0
    assert "own stages are not used" in said(found)
    both = {"a": read("a", "a", RAMP), "b": read("b", "b", {**CONSTANT, "start_time": "1m"})}
    plan = applied(Declared(Settings(), tuple(both.values())), RunRequest("s.py", shape="spike"))
    assert [spec.start_time_s for spec in plan.scenarios] == [0, 0]
    assert "Scenario b: with --shape spike it starts at once." in plan.notices


def test_iterations_are_multiplied_or_run_for_the_time() -> None:
    spec, found = of(SHARED, "peak")
    assert (spec.vus, spec.iterations) == (12, 120) and "120 iterations of 12 VUs" in said(found)
    spec, found = of(SHARED, "spike")
    assert (spec.start_vus, spec.most_vus) == (4, 40)
    assert "its iterations end it no more" in said(found)


def test_the_shortcuts_of_options_are_shaped_too() -> None:
    declared = Declared(Settings(load=Load(vus=3, duration_s=9.0)), (Spec("go", "go"),))
    (spec,) = applied(declared, RunRequest("script.py", shape="spike")).scenarios
    assert (spec.start_vus, spec.most_vus, spec.length_s) == (3, 30, 720)


def test_minus_u_is_the_normal_load_and_minus_d_the_whole_length() -> None:
    spec, found = of(CONSTANT, "spike", vus=5, duration_s=72.0)
    assert spec.stages == ((12, 5), (0, 50), (30, 50), (0, 5), (30, 5))
    assert len(found.notices) == 1
    spec, _ = of(CONSTANT, "peak", vus=5, duration_s=72.0)
    assert (spec.vus, spec.length_s) == (15, 72)


def test_factors_come_last() -> None:
    spec, found = of(CONSTANT, "spike", scale=0.5, time_scale=0.1)
    assert spec.stages == ((12, 10), (0, 100), (30, 100), (0, 10), (30, 10))
    assert "spike 100 VUs for 30s" in said(found)


@pytest.mark.parametrize("asked", [{"iterations": 5}, {"stages": ((5.0, 3.0),)}])
def test_another_end_is_refused_where_the_shape_has_one(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"leave out -[is]"):
        of(CONSTANT, "spike", **asked)
    of(CONSTANT, "peak", **asked)


SCRIPT = """
from fastbench import scenario, sleep
@scenario(executor="constant-vus", vus=2, duration="1h")
async def browse(vu):
    await vu.get("/")
    await sleep(0.01)
@scenario(executor="constant-arrival-rate", rate=20, duration="1h", pre_allocated_vus=2)
async def buy(vu):
    await vu.get("/buy")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as found:
        yield found


def test_a_run_in_a_shape_is_judged_by_its_parts(tmp_path: Path, server: Server) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    limits = (
        *("http_reqs{scenario:buy}: rate>100 [stage=spike]",),
        *("http_reqs{scenario:buy}: rate<60 [stage=before]",),
        *("http_reqs{scenario:buy}: rate<60 [stage=after]",),
        *("rps[stage=spike] > 3 * rps[stage=after]", "rps[stage=spike] > 30 * rps[stage=after]"),
    )
    words = [word for limit in limits for word in ("--threshold", limit)]
    flags = ("--shape", "spike", "-d", "1.8s", "--base-url", server.url("/"))
    run = fastbench("run", *flags, *words, str(tmp_path / "script.py"))
    assert "Scenario buy, --shape spike: before 20/s for 300ms, spike 200/s for 750ms" in run.err
    found = {text: each["ok"] for text, each in run.document["thresholds"].items()}
    assert list(found.values()) == [True, True, True, True, False], found
    assert run.code == 99
