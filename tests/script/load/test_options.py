"""options.py, spec.py, declare.py: what a script may say, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import orjson
import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.results import json_codec
from fastbench.script import recording_context
from fastbench.script.api import declare
from fastbench.script.api.metrics import Trend
from fastbench.script.api.options import Declared, Options
from fastbench.script.spec import Spec, read


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    declare.begin({})
    yield
    declare.begin({})


def refused(what: Callable[[], object], *, says: str) -> None:
    """Check that something is refused in one sentence that says this."""
    with pytest.raises(UsageError) as caught:
        what()
    sentence = str(caught.value)
    assert says in sentence and sentence.endswith((".", "?")) and "\n" not in sentence


def module(**names: Any) -> ModuleType:
    found = ModuleType("script")
    vars(found).update(names)
    return found


async def run(vu: object) -> None:
    """Stand for the function of a scenario."""


DEFAULTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "shared-iterations": ({}, {"vus": 1, "iterations": 1, "max_duration_s": 600.0}),
    "per-vu-iterations": ({}, {"vus": 1, "iterations": 1, "max_duration_s": 600.0}),
    "constant-vus": ({"duration": "1m30s"}, {"vus": 1, "duration_s": 90.0}),
    "ramping-vus": (
        {"stages": [("2m", 50)]},
        {"start_vus": 1, "stages": ((120.0, 50),), "graceful_ramp_down_s": 30.0},
    ),
    "constant-arrival-rate": (
        {"rate": 600, "duration": "5m", "pre_allocated_vus": 50},
        {"rate": 600.0, "time_unit_s": 1.0, "pre_allocated_vus": 50, "max_vus": 50},
    ),
    "ramping-arrival-rate": (
        {"stages": [("1m", 10)], "pre_allocated_vus": 2, "max_vus": 9},
        {"start_rate": 0.0, "time_unit_s": 1.0, "pre_allocated_vus": 2, "max_vus": 9},
    ),
}


@pytest.mark.parametrize("executor", DEFAULTS)
def test_an_executor_has_the_defaults_of_k6(executor: str) -> None:
    given, expected = DEFAULTS[executor]
    found = read("s", "f", {"executor": executor, **given})
    assert {name: getattr(found, name) for name in expected} == expected
    assert (found.start_time_s, found.graceful_stop_s, found.env, found.tags) == (0, 30, {}, {})
    assert json_codec.read(Spec, orjson.loads(orjson.dumps(found)), "spec") == found


@pytest.mark.parametrize(
    "stage", [("2m", 50), ["120s", "50"], {"duration": 120, "target": 50}, "2m:50"]
)
def test_a_stage_is_a_pair_a_mapping_or_a_text(stage: object) -> None:
    found = read("s", "f", {"executor": "ramping-vus", "stages": [stage]})
    assert found.stages == ((120.0, 50),)


def test_a_duration_is_a_text_a_number_or_a_timedelta() -> None:
    for value in ("1.5s", 1.5, timedelta(milliseconds=1500)):
        assert read("s", "f", {"executor": "constant-vus", "duration": value}).duration_s == 1.5


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such executor": ({"executor": "externally-controlled"}, "one of shared-iterations"),
    "nearly an executor": ({"executor": "constant"}, "'constant'; did you mean constant-vus?"),
    "k6's spelling": (
        {"executor": "constant-vus", "duration": 1, "gracefulStop": "1s"},
        "did you mean graceful_stop?",
    ),
    "another executor's parameter": (
        {"executor": "constant-vus", "duration": 1, "rate": 5},
        "has no 'rate'",
    ),
    "VUs of a rate": (
        {"executor": "constant-arrival-rate", "duration": 1, "rate": 5, "vus": 5},
        "did you mean pre_allocated_vus?",
    ),
    "something missing": ({"executor": "constant-vus"}, "constant-vus needs duration"),
    "load without an executor": ({"duration": "1m", "vus": 2}, 'add executor="constant-vus"'),
    "a rate without an executor": (
        {"duration": "1m", "rate": 2, "pre_allocated_vus": 1},
        'executor="constant-arrival-rate"',
    ),
    "fewer iterations than VUs": ({"executor": "shared-iterations", "vus": 3}, "1 iterations"),
    "no VU ever": (
        {"executor": "ramping-vus", "stages": [("1m", 0)], "start_vus": 0},
        "never has a VU",
    ),
    "no time": ({"executor": "ramping-vus", "stages": [(0, 5)]}, "longer than 0"),
    "no rate": (
        {"executor": "constant-arrival-rate", "rate": 0, "duration": 1, "pre_allocated_vus": 1},
        "above 0",
    ),
    "fewer VUs than are made": (
        {"executor": "ramping-arrival-rate", "stages": [("1m", 1)], "pre_allocated_vus": 5}
        | {"max_vus": 4},
        "no less than pre_allocated_vus",
    ),
    "half a VU": ({"executor": "ramping-vus", "stages": [("1m", 0.5)]}, "whole number"),
    "a stage of four": ({"executor": "ramping-vus", "stages": [(1, 2, "a", 4)]}, '("2m", 50)'),
    "a stage with a number as name": (
        {"executor": "ramping-vus", "stages": [(1, 2, 3)]},
        "The name of stage 1",
    ),
    "a stage without target": (
        {"executor": "ramping-vus", "stages": [{"duration": 1}]},
        "both a duration and a target",
    ),
    "stages in a text": ({"executor": "ramping-vus", "stages": "1m:5"}, "a list such as"),
    "True for 1": ({"executor": "constant-vus", "duration": 1, "vus": True}, "whole number"),
    "no duration": ({"executor": "constant-vus", "duration": "soon"}, "is not a duration"),
    "tags in a list": ({"executor": "shared-iterations", "tags": ["a"]}, "is a mapping"),
}


@pytest.mark.parametrize("slip", WRONG)
def test_a_slip_in_a_scenario_is_one_sentence(slip: str) -> None:
    given, says = WRONG[slip]
    refused(lambda: read("s", "f", given), says=says)


def test_a_scenario_has_a_name_that_a_threshold_can_say() -> None:
    refused(lambda: read("a b", "f", {}), says="letters, digits, - and _ only")


def test_options_are_read_with_their_units() -> None:
    settings = Options(
        base_url="http://localhost:3001/api",
        thresholds={"http_req_duration": ["p(95)<200", {"threshold": "max<1"}], "checks": "rate>0"},
        timeout="2s",
        headers={"X-Team": "a"},
        expected_statuses=[(200, 299), 429],
        tags={"build": "7"},
    ).settings
    assert settings.timeout_s == 2.0
    assert settings.headers == (("X-Team", "a"),)
    assert settings.expected == ((200, 299), (429, 429))
    assert settings.tags == {"build": "7"}
    assert settings.thresholds["checks"] == ("rate>0",)
    assert settings.thresholds["http_req_duration"][1] == {"threshold": "max<1"}


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "k6's spelling": ({"maxRedirects": 1}, "did you mean max_redirects?"),
    "two ends": ({"stages": [("1m", 1)], "duration": "1m"}, "stages and duration"),
    "no URL": ({"base_url": "localhost:3001"}, "starts with http://"),
    "a threshold that is none": ({"thresholds": {"checks": [5]}}, "needs its expression"),
    "an empty list of limits": ({"thresholds": {"checks": []}}, "a list of limits"),
    "thresholds in a list": ({"thresholds": ["p(95)<1"]}, "from metric to limits"),
    "a header of two lines": ({"headers": {"A": "b\r\nC: d"}}, "split the request"),
    "no certificate": ({"cacert": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
    "no time": ({"timeout": 0}, "longer than 0"),
    "a text for a switch": ({"no_connection_reuse": "no"}, "True or False"),
    "scenarios in a list": ({"scenarios": [1]}, "is a mapping"),
    "a status that is none": ({"expected_statuses": 42}, "100 to 599"),
}


@pytest.mark.parametrize("slip", OPTIONS)
def test_a_slip_in_options_is_one_sentence(slip: str) -> None:
    given, says = OPTIONS[slip]
    refused(lambda: Options(**given), says=says)


def test_decorators_declare_scenarios_in_their_order() -> None:
    @declare.setup
    async def login() -> int:
        return 1

    @declare.teardown
    async def logout(vu: object, data: object) -> None: ...

    @declare.scenario
    async def browse(vu: object) -> None: ...

    @declare.scenario(name="night", executor="constant-vus", vus=2, duration="1m")
    @declare.scenario(name="day", executor="shared-iterations", tags={"at": "day"})
    async def buy(vu: object, data: object = None) -> None: ...

    Trend("size", is_time=True)
    found = declare.collect(module(options=Options(vus=3)))
    assert [(each.name, each.function, each.executor) for each in found.scenarios] == [
        ("browse", "browse", None),
        ("day", "buy", "shared-iterations"),
        ("night", "buy", "constant-vus"),
    ]
    assert found.setup and found.teardown and found.options.load.vus == 3
    assert found.metrics["size"].contains == "time"
    calls = (declare.setup_function(), declare.runnable("browse"), declare.runnable("day"))
    assert [each.parameters for each in calls if each] == [0, 1, 2]
    sent = orjson.dumps(found)
    back = json_codec.read(Declared, orjson.loads(sent), "declared")
    assert back == found
    assert orjson.dumps(back) == sent, "whole numbers stay whole"


def test_scenarios_may_stand_in_options_as_in_k6() -> None:
    options = Options(scenarios={"a": {"executor": "shared-iterations", "exec": "run"}})
    found = declare.collect(module(options=options, run=run))
    assert [(each.name, each.function) for each in found.scenarios] == [("a", "run")]
    assert declare.runnable("a").function is run


def test_a_function_called_default_is_the_scenario_as_in_k6() -> None:
    found = declare.collect(module(default=run))
    assert [each.name for each in found.scenarios] == ["default"]


def test_habits_of_other_tools_are_named_for_what_they_are() -> None:
    with pytest.raises(UsageError, match="scenario default is not a coroutine; write `async def"):
        declare.collect(module(default=lambda vu: None))
    with pytest.raises(UsageError, match='by name: executor="constant-vus"'):
        declare.scenario("constant-vus")  # type: ignore[call-overload]


def test_options_need_not_be_called_options_if_they_are_the_only_ones() -> None:
    assert declare.collect(module(settings=Options(vus=4))).options.load.vus == 4
    assert declare.collect(module(options={"vus": 5})).options.load.vus == 5
    two = module(one=Options(), other=Options())
    refused(lambda: declare.collect(two), says="name the one to use `options`")


def test_what_cannot_be_run_is_refused() -> None:
    def plain(vu: object) -> None: ...

    async def greedy(vu: object, data: object, more: object) -> None: ...

    declare.scenario(name="twice")(run)
    refused(lambda: declare.scenario(name="twice")(run), says="two scenarios twice")
    refused(lambda: declare.scenario(name="a")(plain), says="write `async def")
    refused(lambda: declare.scenario(name="b")(greedy), says="nothing else")
    declare.setup(run)
    refused(lambda: declare.setup(run), says="two functions with @setup")
    lost = Options(scenarios={"c": {"exec": "nowhere"}})
    refused(lambda: declare.collect(module(options=lost)), says="no function nowhere")


def test_env_asks_the_scenario_then_the_command_line_then_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FASTBENCH_TEST_A", "system")
    monkeypatch.setenv("FASTBENCH_TEST_B", "system")
    declare.begin({"FASTBENCH_TEST_B": "given", "FASTBENCH_TEST_C": "given"})
    declare.scenario(name="s", env={"FASTBENCH_TEST_C": "scenario"})(run)
    names = ("FASTBENCH_TEST_A", "FASTBENCH_TEST_B", "FASTBENCH_TEST_C")
    assert [declare.env(name) for name in names] == ["system", "given", "given"]
    assert declare.env("FASTBENCH_TEST_D") is None
    assert declare.env("FASTBENCH_TEST_D", "default") == "default"
    recorder: Any = None
    token = recording_context.PLACE.set(recording_context.root(recorder, "s"))
    try:
        assert [declare.env(name) for name in names] == ["system", "given", "scenario"]
    finally:
        recording_context.PLACE.reset(token)
