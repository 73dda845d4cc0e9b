"""The words of `-o`: which outputs there are, and what each takes.

A file must be named; a server may be left to the environment (see `environ`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs import output_environment
from fastbench.outputs.queue import Output


@dataclass(frozen=True, slots=True)
class OutputFlag:
    """One output as asked for: `sort` is json, csv, …; `where` a file or a URL."""

    sort: str
    where: str

    @property
    def shown(self) -> str:
        """The output as it may be shown."""
        where = redact.url(self.where) if "://" in self.where else self.where
        return redact.printable(f"{self.sort}={where}")

    def open(self) -> Output:
        """Make the file, or read the URL; raises UsageError for what cannot be."""
        return _OPEN[self.sort](self)


def parse(words: Sequence[str]) -> tuple[OutputFlag, ...]:
    """Read `json=FILE` and its like; each output once."""
    found = []
    for word in words:
        sort, _, where = word.partition("=")
        sort = _ALIASES.get(sort, sort)
        if sort == "sqlite":
            raise UsageError("-o has no sqlite; --history FILE.db keeps runs in an SQLite file.")
        if sort not in _OPEN:
            raise UsageError(f"-o takes {_takes()}, not `{redact.printable(redact.text(word))}`.")
        if not where and sort in SERVERS:
            where = output_environment.where(sort, os.environ)
        if not where:
            raise UsageError(f"-o {sort} needs a file, for example -o {_EXAMPLES[sort]}.")
        if where == "-":
            raise UsageError(f"-o {sort} writes a file during the run; name it.")
        found.append(OutputFlag(sort, where))
    return tuple(found)


def _json(flag: OutputFlag) -> Output:
    from fastbench.outputs.ndjson import JsonOutput

    return _made(flag, lambda: JsonOutput(flag.where, flag.shown))


def _csv(flag: OutputFlag) -> Output:
    from fastbench.outputs.csv_points import CsvOutput

    return _made(flag, lambda: CsvOutput(flag.where, flag.shown))


def _influxdb(flag: OutputFlag) -> Output:
    from fastbench.outputs.influxdb import InfluxOutput

    return InfluxOutput(flag.where, flag.shown, os.environ)


def _prometheus(flag: OutputFlag) -> Output:
    from fastbench.outputs.prometheus import PrometheusOutput

    return PrometheusOutput(flag.where, flag.shown, os.environ)


def _otlp(flag: OutputFlag) -> Output:
    from fastbench.outputs.otlp import OtlpOutput

    return OtlpOutput(flag.where, flag.shown, os.environ)


def _made(flag: OutputFlag, make: Callable[[], Output]) -> Output:
    """Open the file before the load: afterwards it would be lost."""
    try:
        return make()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"-o {flag.shown} cannot be written: {reason}.") from None


_OPEN: Mapping[str, Callable[[OutputFlag], Output]] = {
    "json": _json,
    "csv": _csv,
    "influxdb": _influxdb,
    "prometheus": _prometheus,
    "otlp": _otlp,
}
SERVERS = frozenset({"influxdb", "prometheus", "otlp"})
_ALIASES = {  # k6's names
    "experimental-prometheus-rw": "prometheus",
    "xk6-influxdb": "influxdb",
    "opentelemetry": "otlp",
    "experimental-opentelemetry": "otlp",
}
_EXAMPLES = {
    "json": "json=points.json.gz",
    "csv": "csv=points.csv",
    "influxdb": "influxdb=http://localhost:8086/k6",
    "prometheus": "prometheus=http://localhost:9090/api/v1/write",
    "otlp": "otlp=http://localhost:4318",
}


def _takes() -> str:
    *first, last = (f"{_EXAMPLES[sort]}" for sort in _OPEN)
    return f"{', '.join(first)} or {last}"
