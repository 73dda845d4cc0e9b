"""Counts of any numbers, as scripts give them to their own trends: percentiles, merging, packing.

The layout is that of engine/trend.pxd: a place for each 1,024th of a power of two, from 2^-24 to
2^40, negative numbers before the place of 0. So a percentile is at most 0.1 % nearer to 0 than the
number that it stands for.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastbench.results.histogram import counts_of, payload_of

PLACES = 131073
ZERO = 65536
_MIN_EXPONENT = 1023 - 24  # biased, as in a double (IEEE 754)
_COOKIE = b"FBN1"
_BEGIN = base64.b64encode(_COOKIE[:3]).decode()
_LONGEST_BYTES = 9  # of one number


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers by place, in ascending order; exact extremes and sum."""

    counts: Mapping[int, int]
    min: float
    max: float
    sum: float
    count: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", sum(self.counts.values()))

    def percentile(self, percent: float) -> float:
        """Return the number that `percent` of all do not exceed (nearest rank); 0 if empty."""
        wanted = max(1, int(percent / 100 * self.count + 0.999999))
        seen = 0
        for place, n in self.counts.items():
            seen += n
            if seen >= wanted:
                return max(self.min, min(_value_at(place), self.max))
        return self.max

    def merge(self, other: Numbers) -> Numbers:
        """Return the counts of both: places are added, nothing averaged."""
        if not (self.count and other.count):
            return self if self.count else other
        counts = dict(self.counts)
        for place, n in other.counts.items():
            counts[place] = counts.get(place, 0) + n
        least, most = min(self.min, other.min), max(self.max, other.max)
        return Numbers(dict(sorted(counts.items())), least, most, self.sum + other.sum)

    def packed(self) -> str:
        """Return the counts as text; keep extremes and sum beside it."""
        return packed_places(self.counts)

    @classmethod
    def unpacked(cls, text: str, least: float, most: float, added: float) -> Numbers:
        """Read what `packed` wrote, beside extremes and sum. Raises ValueError for other text."""
        blob = base64.b64decode(text, validate=True)
        if not blob.startswith(_COOKIE):
            raise ValueError("not packed numbers")
        reader = zlib.decompressobj()
        try:
            payload = reader.decompress(blob[len(_COOKIE) :], PLACES * _LONGEST_BYTES)
        except zlib.error as error:
            raise ValueError(f"the numbers do not decompress: {error}") from None
        if not reader.eof:
            raise ValueError("the numbers are cut short")
        return cls(counts_of(payload, PLACES), least, most, added)

    def of(self, count: int) -> Numbers:
        """Return itself. Raises ValueError if it holds another count."""
        if self.count != count:
            raise ValueError(f"it holds {self.count} samples, its row {count}")
        return self


def is_packed(text: str) -> bool:
    """Tell whether a text is what `Numbers.packed` wrote, and no histogram of times."""
    return text.startswith(_BEGIN)


def packed_places(counts: Mapping[int, int]) -> str:
    """Return counts by place as text."""
    return base64.b64encode(_COOKIE + zlib.compress(payload_of(counts))).decode()


def _value_at(place: int) -> float:
    """Return the number nearest to 0 that shares a place."""
    away = abs(place - ZERO)
    if not away:
        return 0.0
    bits = ((away - 1) + (_MIN_EXPONENT << 10)) << 42
    magnitude: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return magnitude if place > ZERO else -magnitude
