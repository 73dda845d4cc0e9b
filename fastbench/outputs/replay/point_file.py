"""From a file of points back to a result: what `-o json=FILE` wrote, or k6's output of that name.

1. The last line of a file of ours holds the result of the run, which is then the answer. Points
   themselves hold the metrics, over time and by tags, and nothing else: not the machine, not what
   was asked for, not requests without an answer. A result that is made of them says so.
2. A file that ends within a line was cut off, as by a run that was killed: the rest of it counts,
   and the result is `incomplete`. Everything else that is no point is an error with its line.
3. The thresholds that stand in a file of k6 are judged anew, over the whole run. Of ours the last
   line tells whether one failed.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.point import Tags, clean
from fastbench.outputs.replay.point_result import PointResult
from fastbench.outputs.replay.point_sums import Wrong
from fastbench.results.metric_values import CONTAINS, METRIC_TYPES, Kind
from fastbench.results.result import DocumentError, Result

MAX_LINE_BYTES = 1 << 20
MAX_BYTES = 4 << 30
_GZIP = b"\x1f\x8b"
_TYPES = ("Start", "Metric", "Point", "End")


def unzipped(data: bytes, name: str) -> bytes:
    """Return what gzip (RFC 1952) has packed; other bytes as they are.

    Of a file that is cut off, what is there. Raises UsageError where it is damaged or too large.
    """
    if not data.startswith(_GZIP):
        return data
    found, file = io.BytesIO(), gzip.GzipFile(fileobj=io.BytesIO(data))
    try:
        while part := file.read1(1 << 20):
            found.write(part)
            if found.tell() > MAX_BYTES:
                raise UsageError(f"`{name}` is larger than 4 GiB unpacked; use a smaller file.")
    except EOFError:
        pass
    except (OSError, zlib.error) as error:
        raise UsageError(f"`{name}` is damaged: {str(error).lower()}; write it again.") from None
    return found.getvalue()


def is_points(data: bytes) -> bool:
    """Tell whether the first line is one of a file of points."""
    first = data[:MAX_LINE_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
    try:
        row = json.loads(first)
    except ValueError:
        return False
    return isinstance(row, dict) and row.get("type") in _TYPES and "schema" not in row


def read(data: bytes, name: str) -> Result:
    """Add up a file of points; `name` is how it is shown. Raises UsageError that names a line."""
    told = PointResult(by_second=_by_second(data))
    whole: Result | None = None
    for number, row in _rows(data, name, told):
        try:
            whole = _take(row, told) or whole
        except Wrong as error:
            what = redact.printable(str(error))
            raise UsageError(
                f"`{name}`, line {number}: {what}; give a file that -o json=FILE wrote, or k6's."
            ) from None
    if whole is None and told.empty:
        raise UsageError(f"`{name}` holds no point: the run ended before its first second did.")
    return whole or told.result(name)


def _rows(data: bytes, name: str, told: PointResult) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of each line that is not empty."""
    lines = io.BytesIO(data.removeprefix(b"\xef\xbb\xbf"))
    number = 0
    while line := lines.readline():
        number += 1
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            if not line.endswith(b"\n"):
                told.cut = True
                return
            raise UsageError(
                f"`{name}`, line {number}: it is not JSON; a file of points has an object in each "
                "line."
            ) from None
        if not isinstance(row, dict):
            raise UsageError(f"`{name}`, line {number}: it is not an object, so it is not a point.")
        yield number, row


def _by_second(data: bytes) -> bool:
    """Tell whether a point stands for a second, as ours do: rates and trends have their count."""
    for line in data[:MAX_LINE_BYTES].splitlines():
        if any(word in line for word in (b'"count"', b'"Start"', b'"End"')):
            try:
                row = json.loads(line)
            except ValueError:
                return False
            if not isinstance(row, dict):
                return False
            if row.get("type") in ("Start", "End") or "count" in (row.get("data") or {}):
                return True
    return False


def _take(row: Mapping[str, Any], told: PointResult) -> Result | None:
    """Take a line; return the result that the last one of ours holds."""
    kind, name, data = row.get("type"), row.get("metric"), row.get("data")
    if kind == "Start":
        told.started(_unix_s(row.get("time")))
    elif kind == "End":
        told.ended(failed=row.get("thresholdsFailed") is True)
        return _whole(row["result"]) if "result" in row else None
    elif kind not in ("Metric", "Point"):
        pass  # a newer writer may add some
    elif not isinstance(name, str) or not isinstance(data, dict):
        raise Wrong("it names no metric, or has no data")
    elif kind == "Metric":
        if "{" not in name:
            told.declare(name, _kind(data))
        told.limit(name, data.get("thresholds"))
    else:
        told.take(name, _tags(data.get("tags")), _unix_s(data.get("time")), data)
    return None


def _whole(document: object) -> Result:
    try:
        return Result.from_document(document)
    except DocumentError as error:
        raise Wrong(f"its result: {error}") from None


def _kind(data: Mapping[str, Any]) -> Kind:
    type_, contains = data.get("type"), data.get("contains", "default")
    if type_ not in METRIC_TYPES or contains not in CONTAINS:
        raise Wrong("its type is none of " + ", ".join(METRIC_TYPES))
    return Kind(type_, contains)


def _tags(tags: object) -> Tags:
    if tags is None:
        return ()
    if not isinstance(tags, dict):
        raise Wrong("its tags are no object")
    return clean({str(key): str(value) for key, value in tags.items()})


def _unix_s(text: object) -> float:
    """Return Unix time of RFC 3339; digits beyond microseconds are left out."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        raise Wrong("its time is not RFC 3339") from None
