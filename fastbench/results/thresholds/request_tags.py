"""The tags that samples of a script's run have by themselves, and what cannot be a threshold's.

1. Names and values are k6's. A tag that k6 has and nothing here is counted by is refused before the
   load, unless the script gives it itself: a threshold on it would never have a sample.
2. `error_code` has k6's number where it means the same (grafana/k6, docs of `error_code`): 1000 and
   the status of an answer from 400 on, else what the kind of error says.
3. Of tags whose values are all known (CLOSED) nothing counted is an answer: there were 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from fastbench.results.metric_values import MACHINE
from fastbench.results.thresholds.limit_values import refuse
from fastbench.results.thresholds.submetric import Tags

OF_REQUESTS = (
    *("scenario", "group", "name", "method", "url", "status", "expected_response"),
    *("proto", "error", "error_code"),
)
OF_CHECKS = ("scenario", "group", "check")
OF_GROUPS = ("scenario", "group")
OF_ITERATIONS = ("scenario",)
OF_OPERATIONS = ("scenario", "group", "name", "kind", "outcome")
CLOSED = frozenset({"status", "expected_response", "proto", "error", "error_code"})

_OF_METRICS: Mapping[str, tuple[str, ...]] = {
    "checks": OF_CHECKS,
    "group_duration": OF_GROUPS,
    **dict.fromkeys(
        ("dropped_iterations", "iteration_duration", "iterations", "script_exceptions"),
        OF_ITERATIONS,
    ),
    **dict.fromkeys(("operation_duration", "operation_failed", "operations"), OF_OPERATIONS),
    **dict.fromkeys(("data_received", "data_sent"), (*OF_REQUESTS, "kind", "outcome")),
}
_UNCOUNTED = ("from_cache", "ip", "iter", "ocsp_status", "subproto", "tls_version", "vu")
_SYSTEM = frozenset({*OF_REQUESTS, *OF_CHECKS, *_UNCOUNTED})
_WHOLE = ("vus", "vus_max")
_ERROR_CODES = {
    "connect": 1210,
    "connect_refused": 1212,
    "connect_timeout": 1211,
    "content_encoding": 1701,
    "stream_reset": 1630,
    "goaway": 1610,
    "dns": 1101,
    "reset": 1220,
    "timeout": 1050,
    "tls": 1300,
}
_OTHER_ERROR = 1000
_NUMBER = re.compile(r"[0-9]{1,3}")
_CODE = re.compile(r"1[0-9]{3}")
_VERSION = re.compile(r"HTTP/(1\.0|1\.1|2\.0)")

Used = Callable[[], Collection[str]]


def error_code(status: int, kind: str) -> str:
    """Return k6's number of what went wrong with a request; "" if nothing did."""
    if kind:
        return str(_ERROR_CODES.get(kind, _OTHER_ERROR))
    return str(1000 + status) if status >= 400 else ""


def own(metric: str) -> tuple[str, ...] | None:
    """Return the tags that samples of a metric have by themselves, None where that is open."""
    of_requests = metric.startswith("http_req")
    return _OF_METRICS.get(metric, OF_REQUESTS if of_requests else None)


def check(metric: str, tags: Tags, text: str, used: Used) -> None:
    """Refuse tags of a script's run that never have a sample; raises UsageError.

    `used` returns the names that the script may give to tags itself.
    """
    if metric in MACHINE or not tags:
        return
    if metric in _WHOLE:
        refuse(text, f"{metric} is counted for the whole run; leave the tags out")
    known = own(metric)
    for name, value in tags:
        if known is not None and name in known:
            check_value(name, value, text)
        elif name in (_SYSTEM if known is not None else _UNCOUNTED) and name not in used():
            has = "" if known is None else f"{listed(known)}, and "
            cure = f"{metric} has the tags {has}those that the script gives"
            refuse(text, f"nothing has the tag {name}: {cure}", name)


def check_value(name: str, value: str, text: str) -> None:
    """Refuse a value that a tag of ours cannot have; raises UsageError."""
    if name == "status" and not _NUMBER.fullmatch(value):
        refuse(text, "a status is a number such as 200, or 0 for no response", value)
    if name == "expected_response" and value not in ("true", "false"):
        refuse(text, "expected_response is true or false", value)
    if name == "proto" and not _VERSION.fullmatch(value):
        refuse(text, "proto is HTTP/1.1 or HTTP/2.0", value)
    if name == "error_code" and not _CODE.fullmatch(value):
        refuse(text, "an error_code is k6's number, such as 1404 for a 404", value)


def listed(names: Collection[str]) -> str:
    """Return names as a sentence has them: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def open_part(tags: Tags) -> Tags | None:
    """Return the tags without those of CLOSED; None if there is none of these."""
    rest = tuple(pair for pair in tags if pair[0] not in CLOSED)
    return None if len(rest) == len(tags) else rest
