"""`-o csv=FILE`: k6's columns, one row per metric, set of tags and second.

The first columns are k6's: name, Unix time in seconds, value, tags. Then follows what the value
stands for: how many samples, and of a trend min, med, max and percentiles, times in ms.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fastbench.outputs.output_file import FileOutput
from fastbench.outputs.point import End, Frame, Point
from fastbench.report.export.csv_series import cell

_TAGS = ("check", "group", "method", "name", "scenario")
_STATS = ("min", "med", "max", "p(90)", "p(95)", "p(99)")
_HEADER = ("metric_name", "timestamp", "metric_value", *_TAGS, "extra_tags", "count", *_STATS)


class CsvOutput(FileOutput):
    """Write frames as rows."""

    def __init__(self, path: str, shown: str) -> None:
        super().__init__(path, shown)
        self._header = [_HEADER]

    def write(self, frames: Sequence[Frame]) -> None:
        """Write the points, below a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(self._header)
        for frame in frames:
            for point in frame.points:
                if not point.silent:
                    writer.writerow([cell(value) for value in _row(frame.at_ns, point)])
        self._file.write(text.getvalue().encode())
        self._header = []

    def finish(self, end: End) -> None:
        """Close the file; a run without a second has a header, too."""
        if self._header:
            self.write(())
        self._file.finish()


def _row(at_ns: int, point: Point) -> list[object]:
    tags = dict(point.tags)
    known = [tags.pop(name, "") for name in _TAGS]
    more = "&".join(f"{name}={value}" for name, value in tags.items())
    is_trend = point.kind.type == "trend"
    stats = [point.now[name] if is_trend else None for name in _STATS]
    at_s = at_ns // 1_000_000_000
    return [point.name, at_s, point.value, *known, more, point.count, *stats]
