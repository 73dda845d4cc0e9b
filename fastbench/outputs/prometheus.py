"""`-o prometheus=URL`: Prometheus remote write 1.0, in k6's names and with what k6 leaves out.

1. Counters are `k6_NAME_total`, gauges `k6_NAME`. Of a rate `k6_NAME_total` counts what was true,
   `k6_NAME_samples_total` everything, and `k6_NAME_rate` is the share so far.
2. Times are in seconds: classic histograms (`_bucket`, `_sum`, `_count`), and what k6 has of a
   trend: gauges of the run so far, `_p99`, `_p95`, `_p90`, `_med`, `_avg`, `_min` and `_max`.
3. A series begins with a 0, so that increase() finds its first second, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import prometheus_message
from fastbench.outputs.output_environment import ServerOutput
from fastbench.outputs.point import BOUNDS_S, Frame, Point, Tags

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "k6_"
NS_PER_MS = 1_000_000
_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_LABEL = re.compile("[^a-zA-Z0-9_]")
_OURS = {"le"}  # a label of buckets
_BUCKETS = tuple(("_bucket", le) for le in (*(f"{bound:g}" for bound in BOUNDS_S), "+Inf"))

Labels = tuple[tuple[str, str], ...]
Which = tuple[str, str]  # of a point's series: what is added to its name, and le of a bucket
Row = tuple[Which, float, bool]  # which series, its value, and whether that only grows


@dataclass(slots=True, eq=False)
class Series:
    """One series: its labels as they are sent, and whether the server has some of it."""

    labels: bytes
    known: bool = False


class PrometheusOutput(ServerOutput):
    """Post frames by remote write. Raises UsageError without a snappy to pack them with."""

    sort = "prometheus"
    wants_buckets = True

    def __init__(
        self, where: str, shown: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._compress = _snappy()
        super().__init__(where, shown, environment)
        if self._remote.path in ("", "/"):
            raise UsageError(
                "-o prometheus needs the path of remote write: http://HOST:9090/api/v1/write."
            )
        self._path = f"{self._remote.path}{self._query}"
        # What a point's series are is found out once: with a thousand names that is most of it.
        self._of_points: dict[tuple[str, Tags], dict[Which, Series]] = {}
        self._of_labels: dict[Labels, Series] = {}
        self._before_ms = 0

    def write(self, frames: Sequence[Frame]) -> None:
        """Post the points of all frames in one message; the same again means the same."""
        samples: dict[Series, list[tuple[float, int]]] = {}
        before_ms = self._before_ms
        for frame in frames:
            at_ms = frame.at_ns // NS_PER_MS
            before_ms = before_ms or at_ms - max(1, round(frame.t_s * 1000))
            for point in frame.points:
                of_point = self._of_points.setdefault((point.name, point.tags), {})
                for which, value, grows in rows(point):
                    series = of_point.get(which)
                    if series is None:
                        series = of_point[which] = self._series(point, which)
                    known = series.known or not grows or series in samples
                    found = samples.setdefault(series, [] if known else [(0.0, before_ms)])
                    if found and found[-1][1] == at_ms:  # tags differ in what labels cannot say
                        found[-1] = (found[-1][0] + value, at_ms)
                    else:
                        found.append((value, at_ms))
            before_ms = at_ms
        if samples:
            message = ((series.labels, found) for series, found in samples.items())
            body = self._compress(prometheus_message.write_request(message))
            self._remote.post(self._path, body, _HEADERS)
        for series in samples:
            series.known = True
        self._before_ms = before_ms

    def _series(self, point: Point, which: Which) -> Series:
        """Return the series of these labels, which another point may have, too."""
        suffix, le = which
        pairs = _labels(point.tags) | ({"le": le} if le else {})
        pairs["__name__"] = f"{PREFIX}{_LABEL.sub('_', point.name)}{suffix}"
        found = tuple(sorted(pairs.items()))
        if found not in self._of_labels:
            self._of_labels[found] = Series(prometheus_message.labels(found))
        return self._of_labels[found]


def rows(point: Point) -> Iterator[Row]:
    """Return the series that a point belongs to, with their values now."""
    total = point.total
    kind = point.kind.type
    if kind == "counter":
        yield ("_total", ""), total["count"], True
    elif kind == "gauge":
        yield ("", ""), total["value"], False
    elif kind == "rate":
        yield ("_total", ""), total["passes"], True
        yield ("_samples_total", ""), total["passes"] + total["fails"], True
        yield ("_rate", ""), total["rate"], False
    else:
        yield from _trend(point)


def _trend(point: Point) -> Iterator[Row]:
    total = point.total
    unit = 1e-3 if point.kind.contains == "time" else 1.0
    count = total["count"]
    if point.buckets:
        for which, below in zip(_BUCKETS, (*point.buckets, count), strict=True):
            yield which, below, True
    yield ("_count", ""), count, True
    yield ("_sum", ""), point.sum * unit, True
    for key, value in total.items():
        if key != "count":
            yield _stat(key), value * unit, False


@lru_cache(maxsize=64)
def _stat(key: str) -> Which:
    return f"_{_LABEL.sub('', key)}", ""


def _labels(tags: Tags) -> dict[str, str]:
    """Return tags as labels: allowed names, each once."""
    found: dict[str, str] = {}
    for name, value in tags:
        name = _LABEL.sub("_", name)
        if name in _OURS or name.startswith("__") or name[:1].isdigit():
            name = f"tag_{name}"
        while name in found:
            name += "_"
        found[name] = value
    return found


def _snappy() -> Callable[[bytes], bytes]:
    try:
        from cramjam import snappy
    except ImportError:
        raise UsageError(
            f"-o prometheus needs the package cramjam: {install_command('prometheus')}."
        ) from None
    return lambda data: bytes(snappy.compress_raw(data))
