"""Counts of durations that can be read a week later: percentiles, merging, the HdrHistogram form.

The layout is HdrHistogram's with 3 significant digits, in nanoseconds: 2,048 sub-buckets, values
0 to 2^42 - 1 (73 minutes), 33,792 counters. A counter's width is at most 1/1024 of its values, and
a percentile is the highest value of its counter, so it is never understated and at most 0.1 % high.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

SUB_BUCKETS = 2048
HALF = SUB_BUCKETS // 2
SUB_BUCKET_BITS = 11
MAX_VALUE_NS = (1 << 42) - 1
COUNTERS = 33792

# HdrHistogram's V2 encoding: AbstractHistogram.encodeIntoByteBuffer of the Java reference.
_COOKIE = 0x1C849313
_COOKIE_COMPRESSED = 0x1C849314
_HEADER = struct.Struct(">iiiiqqd")
_ENVELOPE = struct.Struct(">ii")
_DIGITS = 3
_LONGEST_COUNT_BYTES = 9


def index(value_ns: int) -> int:
    """Return the counter that holds a value; values above the range share the last one."""
    value_ns = min(value_ns, MAX_VALUE_NS)
    if value_ns < SUB_BUCKETS:
        return value_ns
    shift = value_ns.bit_length() - SUB_BUCKET_BITS
    return shift * HALF + (value_ns >> shift)


def lowest_ns(counter: int) -> int:
    """Return the smallest value a counter holds."""
    if counter < SUB_BUCKETS:
        return counter
    shift = counter // HALF - 1
    return (counter - shift * HALF) << shift


def highest_ns(counter: int) -> int:
    """Return the largest value a counter holds."""
    return lowest_ns(counter + 1) - 1


@dataclass(frozen=True, slots=True)
class Histogram:
    """Samples in nanoseconds: sparse counters in ascending order, exact extremes and sum."""

    counts: Mapping[int, int]
    min_ns: int
    max_ns: int
    sum_ns: int
    count: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", sum(self.counts.values()))

    @classmethod
    def empty(cls) -> Histogram:
        """Return the histogram of no samples."""
        return cls({}, 0, 0, 0)

    @classmethod
    def from_values(cls, values_ns: Iterable[int]) -> Histogram:
        """Count values one by one."""
        values = list(values_ns)
        counts: dict[int, int] = {}
        for value in values:
            counts[index(value)] = counts.get(index(value), 0) + 1
        if not values:
            return cls.empty()
        return cls(dict(sorted(counts.items())), min(values), max(values), sum(values))

    def percentile(self, percent: float) -> int:
        """Return the value in ns that `percent` of the samples do not exceed (nearest rank).

        It is the highest value of its counter, or the exact maximum if that is less; 0 if empty.
        """
        millionths = round(percent * 1_000_000)  # whole numbers: 99.99 has no exact float
        rank = max(1, -(-millionths * self.count // 100_000_000))
        seen = 0
        for counter, n in self.counts.items():
            seen += n
            if seen >= rank:
                return min(highest_ns(counter), self.max_ns)
        return self.max_ns

    def count_below(self, value_ns: int) -> int:
        """Return how many samples lie in the counters before the one that holds the value."""
        limit = index(value_ns)
        return sum(n for counter, n in self.counts.items() if counter < limit)

    @property
    def mean_ns(self) -> float:
        """The exact mean; 0 if empty."""
        return self.sum_ns / self.count if self.count else 0.0

    @property
    def stdev_ns(self) -> float:
        """The standard deviation of the counters' middles; 0 if empty."""
        if not self.count:
            return 0.0
        middles = [(_middle(counter), n) for counter, n in self.counts.items()]
        mean = math.fsum(value * n for value, n in middles) / self.count
        square = math.fsum((value - mean) ** 2 * n for value, n in middles) / self.count
        return math.sqrt(square)

    def merge(self, other: Histogram) -> Histogram:
        """Return the histogram of both sets of samples: counters are added, nothing averaged."""
        if not (self.count and other.count):
            return self if self.count else other
        counts = dict(self.counts)
        for counter, n in other.counts.items():
            counts[counter] = counts.get(counter, 0) + n
        return Histogram(
            dict(sorted(counts.items())),
            min(self.min_ns, other.min_ns),
            max(self.max_ns, other.max_ns),
            self.sum_ns + other.sum_ns,
        )

    def to_v2(self) -> bytes:
        """Return HdrHistogram's V2 compressed form, which any HdrHistogram library reads.

        It holds the counters alone: keep the exact extremes and the sum beside it.
        """
        return v2_of(payload_of(self.counts))

    @classmethod
    def from_v2(cls, blob: bytes) -> Histogram:
        """Read HdrHistogram's V2 compressed form in this module's layout.

        Extremes and sum are those of the counters. Raises ValueError for anything else.
        """
        counts = counts_of(_inflate(blob), COUNTERS)
        if not counts:
            return cls.empty()
        total = sum(_middle(at) * n for at, n in counts.items())
        return cls(counts, lowest_ns(min(counts)), highest_ns(max(counts)), round(total))

    def with_exact(self, min_ns: int, max_ns: int, sum_ns: int) -> Histogram:
        """Return the same counters with extremes and sum that were kept beside them."""
        return replace(self, min_ns=min_ns, max_ns=max_ns, sum_ns=sum_ns)


def payload_of(counts: Mapping[int, int]) -> bytearray:
    """Return the numbers of HdrHistogram's V2 form: counts by counter, in ascending order."""
    payload = bytearray()
    append = payload.append
    following = 0
    for counter, n in counts.items():
        if gap := counter - following:
            number = 2 * gap - 1 if gap > 1 else 0  # ZigZag of -gap, and of a single 0
            append(number) if number < 0x80 else _put(payload, number)
        append(2 * n) if n < 0x40 else _put(payload, 2 * n)
        following = counter + 1
    return payload


def counts_of(payload: bytes, counters: int) -> dict[int, int]:
    """Read what `payload_of` wrote. Raises ValueError for more than so many counters."""
    counts: dict[int, int] = {}
    counter = 0
    for value in _values(payload):
        if value > 0:
            counts[counter] = value
        counter += -value if value < 0 else 1
        if counter > counters:
            raise ValueError("the histogram has more counters than its layout")
    return counts


def v2_of(payload: bytes | bytearray, level: int = -1) -> bytes:
    """Pack the numbers of HdrHistogram's V2 form; `level` is zlib's."""
    header = _HEADER.pack(_COOKIE, len(payload), 0, _DIGITS, 1, MAX_VALUE_NS, 1.0)
    packed = zlib.compress(header + payload, level)
    return _ENVELOPE.pack(_COOKIE_COMPRESSED, len(packed)) + packed


def _middle(counter: int) -> float:
    return (lowest_ns(counter) + lowest_ns(counter + 1)) / 2 if counter >= SUB_BUCKETS else counter


def _put(payload: bytearray, number: int) -> None:
    """Append one LEB128 number; the ninth byte carries eight bits."""
    for _ in range(_LONGEST_COUNT_BYTES - 1):
        if number < 0x80:
            payload.append(number)
            return
        payload.append((number & 0x7F) | 0x80)
        number >>= 7
    payload.append(number)


def _values(payload: bytes) -> Iterator[int]:
    """Yield the numbers that `_put` wrote."""
    at = 0
    while at < len(payload):
        number = 0
        for position in range(_LONGEST_COUNT_BYTES):
            if at >= len(payload):
                raise ValueError("the histogram ends in the middle of a number")
            byte = payload[at]
            at += 1
            last = position == _LONGEST_COUNT_BYTES - 1
            number |= (byte if last else byte & 0x7F) << (7 * position)
            if byte < 0x80 or last:
                break
        yield (number >> 1) ^ -(number & 1)


def _inflate(blob: bytes) -> bytes:
    """Check both headers and return the payload; never more than the layout can need."""
    if len(blob) < _ENVELOPE.size or _ENVELOPE.unpack_from(blob)[0] != _COOKIE_COMPRESSED:
        raise ValueError("not a compressed V2 HdrHistogram")
    limit = _HEADER.size + COUNTERS * _LONGEST_COUNT_BYTES
    try:
        plain = zlib.decompressobj().decompress(blob[_ENVELOPE.size :], limit)
    except zlib.error as error:
        raise ValueError(f"the histogram does not decompress: {error}") from None
    if len(plain) < _HEADER.size:
        raise ValueError("the histogram ends in its header")
    cookie, length, offset, digits, lowest, highest, ratio = _HEADER.unpack_from(plain)
    layout = (cookie, offset, digits, lowest, highest, ratio)
    if layout != (_COOKIE, 0, _DIGITS, 1, MAX_VALUE_NS, 1.0):
        raise ValueError(
            "the histogram has another layout: 1 ns to 2^42 - 1 ns with 3 digits needed"
        )
    payload = plain[_HEADER.size :]
    if len(payload) != length:
        raise ValueError("the histogram is cut short")
    return payload
