"""Ticks, bounds and places of labels in charts: the page's own script, run here as it stands."""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fastbench.report.html.charts import chart

quickjs = pytest.importorskip(
    "fastbench.engine.javascript._quickjs", reason="built without JavaScript"
)

VALUES = st.floats(1e-6, 1e12, allow_nan=False, allow_infinity=False)
UNITS = ("count", "whole", "ms", "percent", "bytes", "bytes_per_s", "s")
LENGTHS = st.floats(250, 1300)


@cache
def realm() -> tuple[Any, Any]:
    made = quickjs.Realm()
    call = "(name, given) => JSON.stringify(scales[name](...given))"
    return made, made.evaluate(f"{chart._own('scales.js')}\n{call}", "scales.js")


def call(name: str, *given: Any) -> Any:
    """Call a function of scales.js."""
    made, function = realm()
    return json.loads(made.run(function, made.value(name), made.value(list(given))).copy())


def formatted(unit: str, value: float) -> str:
    made, _ = realm()
    function = made.evaluate("(unit, value) => scales.formats[unit](value)", "format")
    return str(made.run(function, made.value(unit), made.value(value)).copy())


def digit(value: float) -> float:
    return float(f"{value:.4e}".partition("e")[0])


@given(VALUES, st.floats(1.001, 1e7), st.integers(2, 13))
def test_logarithmic_ticks_are_1_2_5_and_within_the_axis(
    least: float, factor: float, most: int
) -> None:
    low, high = call("logBounds", least, least * factor)
    assert low <= least * (1 + 1e-6) and high >= least * factor * (1 - 1e-6) and low < high
    assert digit(low) in (1, 2, 5) and digit(high) in (1, 2, 5)
    ticks = call("logTicks", low, high, most)
    assert 2 <= len(ticks) <= max(most, 2)
    assert ticks == sorted(set(ticks))
    assert {digit(each) for each in ticks} <= {1, 2, 5}
    assert low * 0.999 <= ticks[0] and ticks[-1] <= high * 1.001


def test_logarithmic_ticks_of_three_powers_are_all_of_them() -> None:
    assert call("logTicks", 1, 1000, 12) == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    assert call("logTicks", 1, 1000, 9) == [1, 10, 100, 1000]


@given(st.floats(0, 1e6), VALUES, st.integers(2, 12), st.sampled_from(UNITS))
def test_linear_ticks_are_multiples_of_round_steps(
    low: float, length: float, most: int, unit: str
) -> None:
    assume(length > low * 1e-6)
    high = low + length
    ticks = call("linearTicks", low, high, most, unit)
    assert len(ticks) <= most + 2
    slack = 1e-6 * max(abs(high), length)
    assert all(low - slack <= each <= high + slack for each in ticks)
    steps = [after - before for before, after in pairwise(ticks)]
    assert all(step == pytest.approx(steps[0], rel=1e-3) for step in steps)
    if unit == "whole":
        assert all(each == round(each) for each in ticks)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1300).map(float), st.sampled_from(("0s", "10m", "1h30m", "500ms"))
        ),
        min_size=2,
        max_size=60,
    ),
    LENGTHS,
)
def test_labels_along_an_axis_do_not_touch(labels: list[tuple[float, str]], length: float) -> None:
    labels.sort()
    given_ = [{"x": x, "text": text} for x, text in labels]
    shown = call("along", given_, length)
    ends = [(each["middle"], call("width", each["text"]) / 2) for each in shown]
    assert all(middle - half >= 0 and middle + half <= length + 1e-6 for middle, half in ends)
    for (one, half), (other, other_half) in pairwise(ends):
        assert one + half + 8 <= other - other_half + 1e-6
    if labels and 60 < labels[0][0] < length / 2:
        assert shown, "the first one has room"


@given(st.lists(st.floats(0, 180), max_size=8))
def test_names_of_thresholds_stand_apart_within_the_picture(wanted: list[float]) -> None:
    found = call("spread", wanted, 15, 18, 192)
    assert len(found) == len(wanted)
    heights = sorted(found)
    assert all(other - one >= 15 - 1e-6 for one, other in pairwise(heights))
    assert not heights or (heights[-1] <= 192)
    if wanted == sorted(wanted) and all(b - a >= 15 for a, b in pairwise(wanted)):
        inside = [each for each in wanted if 18 <= each <= 192 - 15 * len(wanted)]
        assert all(each in found for each in inside if min(wanted) >= 18)


@given(VALUES, st.floats(1.01, 1e6), st.booleans())
def test_a_scale_goes_both_ways(low: float, factor: float, log: bool) -> None:
    made, _ = realm()
    function = made.evaluate(
        "(low, high, log, value) => { const s = scales.scale(low, high, 62, 988, log);"
        " return JSON.stringify([s(low), s(high), s.back(s(value))]); }",
        "scale",
    )
    high, value = low * factor, low * math.sqrt(factor)
    given_ = map(made.value, (low, high, log, value))
    first, last, back = json.loads(made.run(function, *given_).copy())
    assert (first, last) == (pytest.approx(62), pytest.approx(988))
    assert back == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("ms", 0.25, "250us"),
        ("ms", 12, "12.0ms"),
        ("ms", 1500, "1.50s"),
        ("ms", 0, "0ms"),
        ("count", 12_345, "12.3k"),
        ("whole", 7, "7"),
        ("bytes", 3 * 2**20, "3.00MiB"),
        ("bytes_per_s", 2048, "2.00KiB/s"),
        ("percent", 99.5, "99.5%"),
        ("s", 3661, "1h1m1s"),
        ("one_in", 1000, "99.9%"),
    ],
)
def test_every_number_has_its_unit(unit: str, value: float, text: str) -> None:
    assert formatted(unit, value) == text
