"""-u, -d, -i and -s on the stages of Options, and scenarios that are imported with their load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import fastbench

from fastbench.foundation.usage_error import UsageError
from fastbench.script.api.options import Declared, Load, Settings
from fastbench.script.load.cli_overrides import Applied, applied
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import Spec

RAMP = Load(stages=((60.0, 50), (120.0, 50), (60.0, 0)))


def of(own: Load, **asked: Any) -> Applied:
    declared = Declared(Settings(load=own), (Spec("go", "go"),))
    return applied(declared, RunRequest("script.py", **asked))


def test_minus_u_is_the_peak_of_a_ramp_in_options() -> None:
    found = of(RAMP, vus=10)
    assert found.scenarios[0].stages == ((60.0, 10), (120.0, 10), (60.0, 0))
    assert found.scenarios[0].start_vus == 1 and found.most_vus == 10
    assert any("-u 10 is its peak" in notice for notice in found.notices)


def test_minus_d_is_its_length_in_the_same_shape() -> None:
    (spec,) = of(RAMP, duration_s=24.0).scenarios
    assert spec.executor == "ramping-vus"
    assert spec.stages == ((6.0, 50), (12.0, 50), (6.0, 0))


def test_both_at_once_and_a_start_above_one() -> None:
    own = Load(vus=20, stages=RAMP.stages)
    (spec,) = of(own, vus=5, duration_s=24.0).scenarios
    assert spec.stages == ((6.0, 5), (12.0, 5), (6.0, 0)) and spec.start_vus == 2


def test_minus_i_makes_iterations_of_it_and_says_so() -> None:
    found = of(RAMP, iterations=100)
    (spec,) = found.scenarios
    assert (spec.executor, spec.iterations, spec.vus) == ("shared-iterations", 100, 50)
    assert any("-i makes its ramping-vus shared-iterations" in each for each in found.notices)


def test_minus_s_replaces_the_stages() -> None:
    (spec,) = of(RAMP, stages=((5.0, 3.0),)).scenarios
    assert spec.stages == ((5.0, 3),)


@given(
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 500)), min_size=1, max_size=6),
    st.integers(1, 1000),
    st.integers(1, 3600),
)
def test_whatever_the_ramp_its_peak_and_length_are_those_asked_for(
    stages: list[tuple[int, int]], vus: int, length_s: int
) -> None:
    own = Load(stages=tuple((float(each_s), target) for each_s, target in stages))
    (spec,) = of(own, vus=vus, duration_s=float(length_s)).scenarios
    assert spec.most_vus == vus
    assert spec.length_s == pytest.approx(length_s)


MODULE = """
from fastbench import *
options = Options(stages=[("100ms", 3), ("100ms", 0)], tags={"team": "a"})
@scenario
async def shared(vu):
    await sleep(0.01)
"""


def plan(folder: Path, text: str, *more: str) -> str:
    (folder / "flows.py").write_text(MODULE)
    (folder / "script.py").write_text(text)
    found = fastbench("run", str(folder / "script.py"), "--dry-run", *more)
    assert found.code == 0, found.err
    return found.out + found.err


def test_an_imported_scenario_keeps_the_stages_of_its_module(tmp_path: Path) -> None:
    text = plan(tmp_path, "from flows import shared\n")
    assert "ramping-vus" in text and "200ms" in text
    assert "Options of flows: tags are not used" in text
    assert "10 is its peak" in plan(tmp_path, "from flows import shared\n", "-u", "10")


def test_a_load_of_the_script_replaces_it_and_is_told(tmp_path: Path) -> None:
    own = "from fastbench import Options\noptions = Options(vus=2, duration='1s')\n"
    text = plan(tmp_path, "from flows import shared\n" + own)
    assert "constant-vus" in text and "replaces the load of flows" in text


def test_options_that_are_imported_too_are_the_script_s(tmp_path: Path) -> None:
    text = plan(tmp_path, "from flows import options, shared\n")
    assert "not used" not in text and "ramping-vus" in text


def test_two_ends_of_a_run_are_refused_as_before() -> None:
    with pytest.raises(UsageError, match="leave out -d"):
        of(RAMP, stages=((5.0, 3.0),), duration_s=5.0)
