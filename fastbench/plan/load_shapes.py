"""The shapes that a load can be given by factor: normal, peak, spike, sustained, ramp.

A part has a name, for `[stage=spike]`, a length, and the factors of the normal load at its begin
and its end. One without a length lasts as long as the load does without a shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

STEPS = 10  # of the ramp, so that [stage=5] is one of them


@dataclass(frozen=True, slots=True)
class ShapePart:
    """A part of a shape; `length_s` is inf where the load has a length of its own."""

    name: str
    length_s: float
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Shape:
    """What `--shape NAME` asks for."""

    name: str
    parts: tuple[ShapePart, ...]

    @property
    def timed(self) -> bool:
        """Whether it has lengths of its own, and no stages of the load are kept."""
        return math.isfinite(self.length_s)

    @property
    def length_s(self) -> float:
        """How long all parts are."""
        return math.fsum(part.length_s for part in self.parts)

    @property
    def peak(self) -> float:
        """The highest factor."""
        return max(max(part.first, part.last) for part in self.parts)


def _shape(name: str, *parts: ShapePart) -> Shape:
    return Shape(name, parts)


def _flat(name: str, factor: float, length_s: float = math.inf) -> ShapePart:
    return ShapePart(name, length_s, factor, factor)


SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        _shape("normal", _flat("normal", 1)),
        _shape("peak", _flat("peak", 3)),
        _shape("spike", _flat("before", 1, 120), _flat("spike", 10, 300), _flat("after", 1, 300)),
        _shape("sustained", _flat("sustained", 2, 3600)),
        _shape(
            "ramp",
            *(ShapePart("ramp", 1800 / STEPS, step, step + 1) for step in range(STEPS)),
        ),
    )
}
