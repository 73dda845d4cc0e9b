"""`-o influxdb=URL`: InfluxDB's line protocol, version 1 and 2.

1. `http://host:8086/DB` is version 1, as k6 has it: user and password stand in the URL; the
   database is made if it is not there, and its name is k6 if the URL has none.
2. `http://host:8086/api/v2/write?org=ORG&bucket=BUCKET` is version 2; its token is the password of
   the URL, $K6_INFLUXDB_TOKEN or $INFLUX_TOKEN.
3. A measurement is a metric, its field `value` what k6 writes there. Fields beside it tell of how
   many samples it is, and of a trend min, med, max, p90, p95 and p99, times in ms.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.http_client import taken
from fastbench.outputs.output_environment import ServerOutput
from fastbench.outputs.point import Frame, Point, Tags

DATABASE = "k6"
V2_PATH = "/api/v2/write"
MISSING = 404
_MEASUREMENT = re.compile("([, ])")
_TAG = re.compile("([,= ])")
_RESERVED = {"time", "_field", "_measurement"}  # as keys of tags they lose the point
_TYPE = {"Content-Type": "text/plain; charset=utf-8"}


class InfluxOutput(ServerOutput):
    """Post frames to InfluxDB. Raises UsageError for a URL that names no place in it."""

    sort = "influxdb"

    def __init__(
        self, where: str, shown: str, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(where, shown, environment)
        self._headers = dict(_TYPE)
        self._database = ""
        path = self._remote.path.rstrip("/")
        if path == V2_PATH:
            self._write_to = self._version_2()
        elif path.count("/") <= 1:
            self._database = path.strip("/") or self._environment.get("K6_INFLUXDB_DB") or DATABASE
            self._write_to = f"/write?{urlencode({'db': self._database, 'precision': 'ns'})}"
        else:
            raise UsageError(
                "-o influxdb takes http://HOST:8086/DATABASE, or "
                f"http://HOST:8086{V2_PATH}?org=ORG&bucket=BUCKET."
            )

    def _version_2(self) -> str:
        query = dict(parse_qsl(self._remote.query))
        if not query.get("bucket"):
            raise UsageError(
                f"-o influxdb with {V2_PATH} needs a bucket: …{V2_PATH}?org=ORG&bucket=BUCKET."
            )
        names = ("K6_INFLUXDB_TOKEN", "INFLUX_TOKEN")
        tokens = (self._remote.url_password, *(self._environment.get(name, "") for name in names))
        if token := next(filter(None, tokens), ""):
            self._headers["Authorization"] = f"Token {token}"
        return f"{V2_PATH}?{urlencode({**query, 'precision': 'ns'})}"

    def write(self, frames: Sequence[Frame]) -> None:
        """Post the points of all frames in one message."""
        lines = [
            line(point, frame.at_ns)
            for frame in frames
            for point in frame.points
            if not point.silent
        ]
        body = "\n".join(lines).encode()
        if not body:
            return
        answer = self._remote.ask(self._write_to, body, self._headers)
        if answer.status == MISSING and self._database:
            name = self._database.replace("\\", "\\\\").replace('"', '\\"')
            asked = urlencode({"q": f'CREATE DATABASE "{name}"'})
            self._remote.ask(f"/query?{asked}", b"", {})
            answer = self._remote.ask(self._write_to, body, self._headers)
        taken(answer)


def line(point: Point, at_ns: int) -> str:
    """Return one point as a line."""
    name = _MEASUREMENT.sub(r"\\\1", point.name)
    tags = "".join(f",{key}={value}" for key, value in _tags(point.tags))
    fields = ",".join(f"{key}={value!r}" for key, value in _fields(point))
    return f"{name}{tags} {fields} {at_ns}"


def _tags(tags: Tags) -> Iterator[tuple[str, str]]:
    """Escape keys and values; a backslash cannot stand at their end."""
    for key, value in tags:
        key = f"tag_{key}" if key in _RESERVED else key
        pair = [_TAG.sub(r"\\\1", text.rstrip("\\")) for text in (key, value)]
        if all(pair):
            yield pair[0], pair[1]


def _fields(point: Point) -> Iterator[tuple[str, float]]:
    """Return the fields, all of them floats: a field keeps the type it came with first."""
    rows = {"value": point.value}
    if point.kind.type in ("rate", "trend"):
        rows["count"] = point.count
    if point.kind.type == "trend":
        stats = {key: value for key, value in point.now.items() if key not in ("avg", "count")}
        rows |= {key.replace("(", "").replace(")", ""): value for key, value in stats.items()}
    return ((key, float(value)) for key, value in rows.items() if math.isfinite(value))
