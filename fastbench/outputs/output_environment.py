"""Where outputs are, and who may write there, as the environment says it: k6's names, and OTEL_*.

1. A URL in the word of `-o` goes before the one in the environment; both may be missing, then it is
   the server's usual port on this machine, as with k6.
2. Users, tokens and headers come from the environment even so: they need not stand in a command
   line. A user in the URL goes before them.
3. K6_… goes before OTEL_…. What cannot be sent as a header is refused with the variable's name, and
   without its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote, urlencode

from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.http_client import Access, Remote
from fastbench.outputs.point import End
from fastbench.outputs.queue import Output

_TRUE = {"1", "true", "yes"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e]*")

Environment = Mapping[str, str]


class ServerOutput(Output):
    """An output that is a server of one sort: influxdb, prometheus or otlp.

    Raises UsageError for a URL or a header that cannot be one.
    """

    sort: str

    def __init__(self, where: str, shown: str, environment: Environment | None = None) -> None:
        self.shown = shown
        self._environment = environment or {}
        self._remote = Remote(where, access(self.sort, self._environment))

    @property
    def _query(self) -> str:
        return f"?{self._remote.query}" if self._remote.query else ""

    def finish(self, end: End) -> None:
        """Do nothing: the last frame was the last message."""

    def close(self) -> None:
        """Close the connection."""
        self._remote.close()


def where(sort: str, environment: Environment) -> str:
    """Return the URL of an output that was asked for without one."""
    return _WHERE[sort](environment)


def access(sort: str, environment: Environment) -> Access:
    """Return who may write there. Raises UsageError for headers that cannot be sent."""
    return _ACCESS[sort](environment)


def pairs(name: str, environment: Environment, equals: str = "=") -> dict[str, str]:
    """Read `a=1,b=2` from a variable; with `=` values are percent-encoded (W3C baggage)."""
    found = {}
    for word in environment.get(name, "").split(","):
        if not word.strip():
            continue
        key, mark, value = word.partition(equals)
        if not mark or not key.strip():
            raise UsageError(f"${name} is not written NAME{equals}VALUE,NAME{equals}VALUE.")
        value = value.strip()
        found[key.strip()] = unquote(value) if equals == "=" else value
    return found


def _first(environment: Environment, *names: str) -> str:
    return next((value for name in names if (value := environment.get(name, ""))), "")


def _true(environment: Environment, name: str) -> bool:
    return environment.get(name, "").lower() in _TRUE


def _influxdb(environment: Environment) -> str:
    address = _first(environment, "K6_INFLUXDB_ADDR") or "http://localhost:8086"
    address = address.rstrip("/")
    if bucket := _first(environment, "K6_INFLUXDB_BUCKET"):
        query = {"org": _first(environment, "K6_INFLUXDB_ORGANIZATION"), "bucket": bucket}
        return f"{address}/api/v2/write?{urlencode(query)}"
    database = _first(environment, "K6_INFLUXDB_DB")
    return f"{address}/{database}" if database else address


def _prometheus(environment: Environment) -> str:
    address = _first(environment, "K6_PROMETHEUS_RW_SERVER_URL")
    return address or "http://localhost:9090/api/v1/write"


def _otlp(environment: Environment) -> str:
    if host := _first(environment, "K6_OTEL_HTTP_EXPORTER_ENDPOINT"):
        scheme = "http" if _true(environment, "K6_OTEL_HTTP_EXPORTER_INSECURE") else "https"
        path = _first(environment, "K6_OTEL_HTTP_EXPORTER_URL_PATH") or "/v1/metrics"
        return f"{scheme}://{host}{path}"
    if whole := _first(environment, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
        return whole
    base = _first(environment, "OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    return f"{base.rstrip('/')}/v1/metrics"


def _influxdb_access(environment: Environment) -> Access:
    return Access(
        user=_first(environment, "K6_INFLUXDB_USERNAME"),
        password=_first(environment, "K6_INFLUXDB_PASSWORD"),
        insecure=_true(environment, "K6_INFLUXDB_INSECURE"),
    )


def _prometheus_access(environment: Environment) -> Access:
    return Access(
        user=_first(environment, "K6_PROMETHEUS_RW_USERNAME"),
        password=_first(environment, "K6_PROMETHEUS_RW_PASSWORD"),
        headers=dict(_prometheus_headers(environment)),
        insecure=_true(environment, "K6_PROMETHEUS_RW_INSECURE_SKIP_TLS_VERIFY"),
    )


def _prometheus_headers(environment: Environment) -> Iterator[tuple[str, str]]:
    one = "K6_PROMETHEUS_RW_HEADERS_"
    for name, value in environment.items():
        if name.startswith(one) and name != one:
            yield _header(name, name.removeprefix(one), value)
    several = "K6_PROMETHEUS_RW_HTTP_HEADERS"
    for name, value in pairs(several, environment, ":").items():
        yield _header(several, name, value)
    token = "K6_PROMETHEUS_RW_BEARER_TOKEN"
    if value := _first(environment, token):
        yield _header(token, "Authorization", f"Bearer {value}")


def _otlp_access(environment: Environment) -> Access:
    """Read headers from the first variable that has any; specific ones go before general ones."""
    names = ("K6_OTEL_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
    name = next((name for name in names if environment.get(name)), names[0])
    return Access(
        headers=dict(_header(name, *pair) for pair in pairs(name, environment).items()),
        insecure=_true(environment, "K6_OTEL_TLS_INSECURE_SKIP_VERIFY"),
    )


def _header(variable: str, name: str, value: str) -> tuple[str, str]:
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise UsageError(f"${variable} has a header that HTTP cannot carry: ASCII, on one line.")
    return name, value


_WHERE: Mapping[str, Callable[[Environment], str]] = {
    "influxdb": _influxdb,
    "prometheus": _prometheus,
    "otlp": _otlp,
}
_ACCESS: Mapping[str, Callable[[Environment], Access]] = {
    "influxdb": _influxdb_access,
    "prometheus": _prometheus_access,
    "otlp": _otlp_access,
}
