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
from typing import TYPE_CHECKING

from fastbench.plan import UsageError
from fastbench.sinks import environ, protobuf
from fastbench.sinks.point import BOUNDS_S, End, Frame, Point, Tags
from fastbench.sinks.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PrometheusOutput", "series"]

PREFIX = "k6_"
NS_PER_MS = 1_000_000
_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_LABEL = re.compile("[^a-zA-Z0-9_]")
_OURS = {"le"}  # a label of buckets
_LE = tuple(f"{bound:g}" for bound in BOUNDS_S)

Labels = tuple[tuple[str, str], ...]
Row = tuple[str, Labels, float, bool]  # name, labels, value, and whether it only grows


class PrometheusOutput:
    """Post frames by remote write. Raises UsageError without a snappy to pack them with."""

    is_file = False
    wants_buckets = True

    def __init__(
        self, where: str, shown: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.shown = shown
        self._compress = _snappy()
        self._remote = Remote(where, environ.access("prometheus", environment or {}))
        if self._remote.path in ("", "/"):
            raise UsageError(
                "-o prometheus needs the path of remote write too: http://HOST:9090/api/v1/write."
            )
        query = f"?{self._remote.query}" if self._remote.query else ""
        self._path = f"{self._remote.path}{query}"
        self._known: set[Labels] = set()
        self._before_ms = 0

    def write(self, frames: Sequence[Frame]) -> None:
        """Post the points of all frames in one message; the same again means the same."""
        samples: dict[Labels, list[tuple[float, int]]] = {}
        before_ms = self._before_ms
        for frame in frames:
            at_ms = frame.at_ns // NS_PER_MS
            before_ms = before_ms or at_ms - max(1, round(frame.t_s * 1000))
            for point in frame.points:
                for name, labels, value, grows in series(point):
                    key = (("__name__", name), *labels)
                    known = key in samples or key in self._known or not grows
                    rows = samples.setdefault(key, [] if known else [(0.0, before_ms)])
                    if rows and rows[-1][1] == at_ms:  # tags that differ in what labels cannot say
                        rows[-1] = (rows[-1][0] + value, at_ms)
                    else:
                        rows.append((value, at_ms))
            before_ms = at_ms
        if samples:
            body = self._compress(protobuf.write_request(samples.items()))
            self._remote.post(self._path, body, _HEADERS)
        self._known.update(samples)
        self._before_ms = before_ms

    def finish(self, end: End) -> None:
        """Do nothing: the last frame was the last."""

    def close(self) -> None:
        """Close the connection."""
        self._remote.close()


def series(point: Point) -> Iterator[Row]:
    """Return the series that a point belongs to, with their values now."""
    name = PREFIX + _LABEL.sub("_", point.name)
    labels = _labels(point.tags)
    total = point.total
    kind = point.kind.type
    if kind == "counter":
        yield f"{name}_total", labels, total["count"], True
    elif kind == "gauge":
        yield name, labels, total["value"], False
    elif kind == "rate":
        yield f"{name}_total", labels, total["passes"], True
        yield f"{name}_samples_total", labels, total["passes"] + total["fails"], True
        yield f"{name}_rate", labels, total["rate"], False
    else:
        yield from _trend(point, name, labels)


def _trend(point: Point, name: str, labels: Labels) -> Iterator[Row]:
    total = point.total
    unit = 1e-3 if point.kind.contains == "time" else 1.0
    count = total["count"]
    if point.buckets:
        for le, below in zip((*_LE, "+Inf"), (*point.buckets, count), strict=True):
            yield f"{name}_bucket", tuple(sorted((*labels, ("le", le)))), below, True
    yield f"{name}_count", labels, count, True
    yield f"{name}_sum", labels, point.sum * unit, True
    for key, value in total.items():
        if key != "count":
            yield f"{name}_{_LABEL.sub('', key)}", labels, value * unit, False


def _labels(tags: Tags) -> Labels:
    """Return tags as labels: allowed names, each once, sorted."""
    found: dict[str, str] = {}
    for name, value in tags:
        name = _LABEL.sub("_", name)
        if name in _OURS or name.startswith("__") or name[:1].isdigit():
            name = f"tag_{name}"
        while name in found:
            name += "_"
        found[name] = value
    return tuple(sorted(found.items()))


def _snappy() -> Callable[[bytes], bytes]:
    try:
        from cramjam import snappy
    except ImportError:
        raise UsageError(
            "-o prometheus needs the package cramjam: pip install 'fastbench-http[prometheus]'."
        ) from None
    return lambda data: bytes(snappy.compress_raw(data))
