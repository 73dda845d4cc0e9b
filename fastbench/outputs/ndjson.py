"""`-o json=FILE`: k6's lines of JSON, one point per second instead of one per sample.

A metric is declared by a line of type Metric before its first point. The value of a point is what
k6 writes there: the count of a counter, the share of a rate, the mean of a trend. Beside it stands
what k6's samples would have told: `count` samples, and for a trend min, med, max and percentiles.
Latencies and durations of iterations also have `hdr`, their histogram in ns as the document holds
it (HdrHistogram's V2 form, base64), so that seconds can be added up: `fastbench report FILE` does.
The first line, of type Start, has the instant at which the load began.
The last line, of type End, holds the run's result, as --json writes it, and says whether the
thresholds failed: `"thresholdsFailed":false`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from fastbench.outputs.output_file import FileOutput
from fastbench.outputs.point import End, Frame, Point


class JsonOutput(FileOutput):
    """Write frames as lines of JSON."""

    wants_histograms = True

    def __init__(self, path: str, shown: str) -> None:
        super().__init__(path, shown)
        self._declared: set[str] = set()
        self._started = False

    def write(self, frames: Sequence[Frame]) -> None:
        """Write the points, each metric declared before its first."""
        lines = []
        for frame in frames:
            time = _time(frame.at_ns)
            if not self._started:
                self._started = True
                start_ns = frame.at_ns - round(frame.t_s * 1e9)
                lines.append(_line({"type": "Start", "time": _time(start_ns)}))
            for point in frame.points:
                if not point.silent:
                    lines += self._lines(time, point)
        if lines:
            self._file.write(b"".join(lines))

    def _lines(self, time: str, point: Point) -> list[bytes]:
        name = point.name
        lines = []
        if name not in self._declared:
            self._declared.add(name)
            about = {"name": name, "type": point.kind.type, "contains": point.kind.contains}
            data: dict[str, object] = {**about, "thresholds": [], "submetrics": None}
            lines.append(_line({"type": "Metric", "data": data, "metric": name}))
        sample = {"time": time, "value": _whole(point.value), "tags": dict(point.tags)}
        if point.kind.type in ("rate", "trend"):
            sample["count"] = _whole(point.count)
        if point.kind.type == "trend":
            sample |= {key: point.now[key] for key in point.now if key not in ("avg", "count")}
            if point.hdr:
                sample["hdr"] = point.hdr
        return [*lines, _line({"metric": name, "type": "Point", "data": sample})]

    def finish(self, end: End) -> None:
        """Write the last line."""
        last = {
            "type": "End",
            "time": _time(end.at_ns),
            "result": end.document,
            "thresholdsFailed": end.thresholds_failed,
        }
        self._file.finish(_line(last))


def _line(row: dict[str, object]) -> bytes:
    """Return one line: no blanks, so that it can be searched, and ASCII only."""
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _time(at_ns: int) -> str:
    """Return RFC 3339 with microseconds."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="microseconds")
