"""What `k6`, `k6/metrics`, `k6/execution`, `k6/encoding`, timers and console ask Python for."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastbench.engine.javascript._quickjs import JsValue, running
from fastbench.results import k6_text
from fastbench.script import remarks
from fastbench.script.api import checks, metrics
from fastbench.script.api.checks import Aborted
from fastbench.script.recording_context import PLACE

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User

_METRICS = {
    "Counter": metrics.Counter,
    "Gauge": metrics.Gauge,
    "Rate": metrics.Rate,
    "Trend": metrics.Trend,
}
_SHORTEST_S = 0.001  # what a timer of the loop may come too early
MIN_INTERVAL_MS = 1.0  # an interval of 0 would leave no time for anything else
MAX_WAIT_S = 1e8  # three years: longer than any run, and within what the loop can count


_MARKED = "the script marked the run as failed"


class K6Error(Exception):
    """Something that k6 throws as a GoError."""


class K6TypeError(K6Error):
    """Something that k6 throws as a TypeError."""

    js_name = "TypeError"


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.realm.check(_check)
    calls: dict[str, Callable[..., Any]] = {
        "sleep": _sleep,
        "enterGroup": lambda name: in_iteration("group()").enter_group(name),
        "leaveGroup": lambda: owner().leave_group(),
        "log": _log,
        "timer": _timer,
        "lost": lambda: owner().context.take_lost(),
        "clearTimer": lambda id: owner().clear_timer(id),
        "metric": _metric,
        "add": _add,
        "notANumber": _not_a_number,
        "initializing": lambda: owner().initializing,
        "ownEnv": lambda: owner().environment(),
        "open": _open,
        "abort": _abort,
        "markFailed": _mark_failed,
        "tag": lambda name: _tags().get(name),
        "allTags": _tags,
        "setTag": _set_tag,
        "dropTag": lambda name: in_iteration("tags").set_tag(name, None),
        "b64encode": _b64encode,
        "b64decode": _b64decode,
        "textSummary": _text_summary,
        "now": lambda: time.monotonic_ns() // 1_000_000,
    }
    arrays: dict[str, JsValue] = {}  # of SharedArray: a function that returns it, by name
    calls["sharedArray"] = lambda name, kept=None: (
        arrays.get(name) if kept is None else arrays.update({name: kept})
    )
    for name, call in calls.items():
        realm.define(name, call)


def owner() -> K6User:
    """Return the user that asks."""
    found: K6User = running().owner
    return found


def in_iteration(what: str) -> K6User:
    """Return the user that asks; raises K6Error while the script is loaded."""
    user = owner()
    if user.initializing or user.vu is None:
        raise K6Error(f"{what} cannot be used in the init context, nor in handleSummary()")
    return user


def _check(name: str, holds: bool, tags: Any) -> None:
    place = PLACE.get(None)
    if place is None or owner().initializing:
        raise K6Error("using check in the init context is not supported")
    if tags:
        _check_name(name)
        joined = place.with_tags(tags)
        place.recorder.check(place.scenario, place.group, name, joined).add(holds)
        return
    cell = place.checks.get(name)
    if cell is None:
        _check_name(name)
        cell = checks.cell_of(place, name)
    cell.add(holds)


def _check_name(name: str) -> None:
    if "::" in name:
        raise K6Error("group and check names may not contain '::'")


def _sleep(seconds: float) -> Any:
    if not seconds > 0:
        return None
    _refuse_waiting("sleep()")
    return asyncio.sleep(min(seconds, MAX_WAIT_S))


def _timer(id: int, ms: float, repeats: bool) -> None:
    _refuse_waiting("setInterval()" if repeats else "setTimeout()")
    ms = max(ms, MIN_INTERVAL_MS) if repeats else ms
    owner().start_timer(id, min(ms, MAX_WAIT_S * 1e3), repeats)


def _refuse_waiting(what: str) -> None:
    if owner().initializing:
        raise K6Error(f"{what} cannot be used in the init context: nothing waits while it is run")


def _log(level: str, text: str) -> None:
    sign = "" if level in ("log", "info") else f"{level}: "
    for secret in owner().realm.hidden:
        text = text.replace(secret, "***SECRET_REDACTED***")
    if (console := owner().realm.console) is not None:
        console(level, text)
    else:
        sys.stderr.write(f"{sign}{text}\n")


def _metric(kind: str, name: str, is_time: bool) -> int:
    user = owner()
    if not user.initializing:
        raise K6Error("metrics must be declared in the init context")
    realm = user.realm
    key = (kind, name, is_time)
    if (number := realm.metric_numbers.get(key)) is None:
        make = _METRICS[kind]
        made = make(name, is_time) if kind == "Trend" else make(name)
        number = realm.metric_numbers[key] = len(realm.metrics)
        realm.metrics.append(made)
    return number


def _add(index: int, value: float, tags: Any) -> None:
    metric, place = in_iteration("metrics.add()").realm.metrics[index], PLACE.get(None)
    cell = None if tags or place is None else place.cells.get(metric)
    if cell is not None and abs(value) <= metrics.MAX_VALUE:
        cell.add(value)
    else:
        metric.add(value, tags)


def _not_a_number(name: str, text: str) -> bool:
    said = f"'{text}' is an invalid value for metric '{name}', "
    said += "a number or a boolean value is expected"
    if owner().realm.throws:
        raise K6Error(said)
    _log("warn", said)
    return False


def _open(path: str, binary: bool) -> str | bytes:
    user = owner()
    if not user.initializing:
        raise K6Error(
            "The open() function is only available in the init stage (i.e. the global scope), "
            "see https://grafana.com/docs/k6/latest/using-k6/test-lifecycle for more information"
        )
    if not path:
        raise K6Error("open() can't be used with an empty filename")
    realm = user.realm
    full = os.path.normpath(
        os.path.join(os.path.dirname(realm.script), path.removeprefix("file://"))
    )
    found = realm.files.get((full, binary))
    if found is None:
        try:
            with open(full, "rb") as opened:
                raw = opened.read()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise K6Error(f"open {full}: {reason}") from None
        found = raw if binary else raw.decode("utf-8", "replace")
        realm.files[full, binary] = found
    return found


def _abort(text: str) -> None:
    in_iteration("exec.test.abort()")
    raise Aborted(text)


def _mark_failed(text: str) -> None:
    in_iteration("exec.test.fail()")
    said = f"the script marked the run as failed: {text}" if text else _MARKED
    remarks.tell(remarks.MARKED_FAILED, said, "")
    _log("error", f"test marked as failed: {text}" if text else "test marked as failed")


def _tags() -> dict[str, str]:
    user, place = owner(), PLACE.get(None)
    if user.initializing:
        raise K6Error("getting VU information in the init context is not supported")
    if place is None:  # in handleSummary()
        return dict(user.realm.options.get("tags") or {})
    scenario = {} if user.stage else {"scenario": place.scenario}
    return {"group": place.group, **scenario, **dict(place.tags)}


def tag_text(kind: str, name: str, value: Any) -> str:
    """Return a value of a tag, or of metadata, as k6 keeps it; raises K6TypeError."""
    if not isinstance(value, str | int | float):
        raise K6TypeError(
            f"invalid value for metric {kind} '{name}': only String, Boolean and Number types are "
            f"accepted as a metric {kind} value{'s' if kind == 'tag' else ''}"
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _set_tag(name: str, value: Any) -> None:
    text = tag_text("tag", name, value)
    in_iteration("tags").set_tag(name, text)


def _text_summary(data: Any, given: Any) -> str:
    """Return what jslib's textSummary() returns: the summary of k6 before 1.0."""
    options = {**(data.get("options") or {}), **(given or {})}
    style = k6_text.Style(
        tuple(options.get("summaryTrendStats") or k6_text.DEFAULT_STATS),
        options.get("summaryTimeUnit") or "",
        str(options.get("indent", " ")),
        options.get("enableColors") is not False,
    )
    return k6_text.legacy(data, style)


def _raw(data: Any) -> bytes:
    if data is None or isinstance(data, bytes):
        return data or b""
    if not isinstance(data, str):
        raise K6Error(f"b64encode() takes a text or an ArrayBuffer, not {data}")
    return data.encode("utf-8", "replace")


def _b64encode(data: Any, alphabet: str) -> str:
    raw = _raw(data)
    coded = base64.urlsafe_b64encode(raw) if "url" in alphabet else base64.b64encode(raw)
    text = coded.decode("ascii")
    return text.rstrip("=") if alphabet.startswith("raw") else text


def _b64decode(text: str, alphabet: str, as_text: bool) -> Any:
    text = text.replace("\r", "").replace("\n", "")  # as Go reads it
    padded = text + "=" * (-len(text) % 4) if alphabet.startswith("raw") else text
    try:
        raw = base64.b64decode(padded, b"-_" if "url" in alphabet else None, validate=True)
    except ValueError as error:
        raise K6Error(f"illegal base64 data: {error}") from None
    return raw.decode("utf-8", "replace") if as_text else raw
