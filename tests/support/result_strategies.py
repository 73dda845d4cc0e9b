"""Draw any result that there can be, from the types of its fields."""

from __future__ import annotations

import typing
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import strategies as st

from fastbench.results.histogram import MAX_VALUE_NS, Histogram
from fastbench.results.json_codec import Signed
from fastbench.results.part_series import PartSeries, PartsOverTime

Strategy = st.SearchStrategy[Any]
TEXT = st.text(max_size=20)
COUNT = st.integers(0, 2**62)
AMOUNT = st.just(0.0) | st.floats(1e-9, 1e12)
HISTOGRAMS = st.lists(st.integers(0, MAX_VALUE_NS), max_size=20).map(Histogram.from_values)
JSON = st.recursive(
    st.none() | st.booleans() | COUNT | TEXT, lambda inner: st.lists(inner), max_leaves=4
)


def strategy(kind: Any, name: str = "") -> Strategy:
    """Draw any value that a field of the result may have, from its type."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind == Signed:
        return AMOUNT | AMOUNT.map(lambda value: -value)
    if origin is typing.Annotated:
        return st.sampled_from(inner[1])
    if type(None) in inner:
        return st.none() | strategy(inner[0], name)
    if origin is tuple:
        return st.lists(strategy(inner[0]), max_size=2).map(tuple)
    if kind is Histogram:
        return HISTOGRAMS
    if kind is PartsOverTime:  # each column has a value for each step, and a step its length
        return _over_time()
    if is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{part.name: strategy(hints[part.name]) for part in fields(kind)})
    if origin is not None:
        return st.dictionaries(TEXT, strategy(inner[1]), max_size=2)
    simple = {int: COUNT, float: AMOUNT, str: TEXT, bool: st.booleans(), object: JSON}
    return simple[kind]


def _over_time() -> Strategy:
    """Draw parts of 0 to 3 steps: each column has a value for each step, and a step its length."""
    hints = typing.get_type_hints(PartSeries, include_extras=True)
    plain = {part.name: strategy(hints[part.name]) for part in fields(PartSeries)}
    return st.integers(0, 3).flatmap(lambda steps: _of(steps, plain))


def _of(steps: int, plain: dict[str, Strategy]) -> Strategy:
    def column(values: Strategy) -> Strategy:
        return st.lists(values, min_size=steps, max_size=steps).map(tuple)

    drawn = plain | dict.fromkeys(("ended", "failed"), column(COUNT))
    drawn |= dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), column(st.none() | AMOUNT))
    return st.builds(
        PartsOverTime,
        t_s=column(st.floats(0, 1e6)),
        span_s=column(st.floats(1e-9, 1e6)),
        parts=st.lists(st.builds(PartSeries, **drawn), max_size=2).map(tuple),
    )
