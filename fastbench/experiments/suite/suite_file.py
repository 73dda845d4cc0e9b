"""The file of a suite: what may stand in it, and which words of a command line it becomes.

1. A key that is none is an error with the nearest one. A value has the form that its flag takes; a
   bare number of a duration is in seconds.
2. env, tags, thresholds, args and base_url of `[suite]` are for every run that can have them; a
   run's own env and tags win by name, its thresholds and args are added.
3. `on` names the machines that carry a run; an empty one keeps a run on this machine, whatever else
   says. A comparison has none.
4. The command line of the suite wins over the file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from fastbench.experiments.suite.toml_values import (
    Table,
    known,
    number,
    seconds,
    switch,
    table,
    text,
    texts,
    version_of_http,
)
from fastbench.foundation import redact
from fastbench.foundation.units import parse_rate
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file
from fastbench.plan.load_shapes import SHAPES
from fastbench.plan.network import readiness
from fastbench.plan.network.readiness import WaitFor

MAX_NAME = 100
MAX_RUNS = 1000
SUITE = "[suite]"
_TAKEN = ("index", "summary", "junit")  # files of the suite itself, without their endings
_TOP = (
    *("name", "out", "wait_for", "pause", "stop_on_failure"),
    *("base_url", "env", "tags", "thresholds", "on", "args"),
)
_SENT = {  # how requests are sent and judged, of every kind of run
    "headers": "-H",
    "accept": "-A",
    "host": "--host",
    "user_agent": "--user-agent",
    "auth": "-a",
    "bearer": "--bearer",
    "timeout": "--timeout",
    "expect_status": "--expect-status",
    "proxy": "--proxy",
}
_REQUEST = {  # what is sent, where no script says it
    "method": "-m",
    "body": "--body",
    "body_file": "-D",
    "data": "--data",
    "form": "-F",
    "content_type": "-T",
    "expect_body": "--expect-body",
    "streams": "--streams",
    **_SENT,
}
_FLAGS = {  # by kind of run, which is the key that says what is loaded: key and flag
    "url": {
        "duration": "-d",
        "connections": "-c",
        "requests": "-n",
        "rate": "-R",
        "warmup": "-W",
        "shape": "--shape",
        "wait_for": "--wait-for",
        "urls_from_file": "--urls-from-file",
        **_REQUEST,
    },
    "script": {
        "duration": "-d",
        "vus": "-u",
        "iterations": "-i",
        "scenario": "--scenario",
        "scale": "--scale",
        "time_scale": "--time-scale",
        "shape": "--shape",
        "base_url": "--base-url",
        "wait_for": "--wait-for",
        **_SENT,
    },
    "compare": {
        "duration": "--visit",
        "connections": "-c",
        "rate": "-R",
        "warmup": "-W",
        "pairs": "--pairs",
        **_REQUEST,
    },
}
_MANY = (
    "scenario",
    "urls_from_file",
    "headers",
    "data",
    "form",
)  # of these flags there may be several
_LISTS = {"url": "urls_from_file"}  # by kind: what may say in its place what is loaded
_MORE = {  # beside them
    "url": ("name", "url", "http", "thresholds", "on", "args"),
    "script": ("name", "script", "env", "tags", "thresholds", "on", "args"),
    "compare": ("name", "compare", "http", "args"),
}
COMMANDS = {"url": (), "script": ("run",), "compare": ("compare",)}
_IN_TIME, _IN_SIZE = ("duration", "warmup"), ("rate", "connections")  # what factors multiply


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says of all runs. The factors are 1 where it says nothing."""

    base_url: str | None = None
    env: tuple[str, ...] = ()
    scale: float = 1.0
    time_scale: float = 1.0
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One run: its words after `fastbench`, without those that say where its files go.

    `stem` is the name of its files, `place` names the entry in sentences, `what` is its command
    line as it may be shown. Runs of one `group` run at the same time; `group_stem` names the files
    of their common result.
    """

    name: str
    stem: str
    kind: str
    words: tuple[str, ...]
    place: str
    what: str = ""
    group: str = ""
    group_stem: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """What the file asks for. `folder` is its own, `out` where the results go, both absolute.

    `on` is where runs go that do not say it themselves, "" for this machine.
    """

    name: str
    folder: str
    out: str
    wait_for: WaitFor | None
    base_url: str | None
    pause_s: float
    stop_on_failure: bool
    entries: tuple[Entry, ...]
    on: str = ""


def read(path: str, overrides: Overrides) -> Suite:
    """Read the file; raises UsageError with the place of what is wrong in it."""
    shown = redact.printable(path)
    whole = _loaded(path, shown)
    known(whole, ("suite", "run", "together"), shown)
    top, place = whole.get("suite", {}), f"{shown}, {SUITE}"
    if not isinstance(top, dict):
        raise UsageError(f"{shown}: suite is a table; write [suite] above its keys.")
    if "webhook" in top:
        raise UsageError(f"{place}: the URL of a webhook is a secret; give it as --webhook URL.")
    known(top, _TOP, place)
    stem = os.path.splitext(os.path.basename(path))[0]
    folder = os.path.dirname(os.path.abspath(path))
    wait, pause = text(top, "wait_for", place), number(top, "pause", place)
    return Suite(
        name=text(top, "name", place) or stem,
        folder=folder,
        out=os.path.join(folder, text(top, "out", place) or f"{stem}-results"),
        wait_for=None if wait is None else _wait_for(wait, place),
        base_url=overrides.base_url or text(top, "base_url", place),
        pause_s=overrides.time_scale * seconds(pause or "0", f"{place}: pause"),
        stop_on_failure=switch(top, "stop_on_failure", place),
        entries=tuple(_every(whole, top, overrides, shown)),
        on=_machines({}, top, overrides, place),
    )


def _loaded(path: str, shown: str) -> dict[str, Any]:
    source = text_file.decoded(text_file.read_bytes(path, "suite"), shown)
    try:
        # TOML knows no CR alone as the end of a line (v1.0.0, "Newline").
        return tomllib.loads("\n".join(text_file.lines(source)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{shown} is not TOML: {error}.") from None


def _wait_for(given: str, place: str) -> WaitFor:
    try:
        return readiness.parse(given, "wait_for")
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None


def _every(whole: Table, top: Table, overrides: Overrides, shown: str) -> Iterable[Entry]:
    """Give the runs one after the other, then those at the same time, group by group."""
    names, stems = _Names(), set(_TAKEN)
    groups = whole.get("together", [])
    if "run" in whole or not groups:
        yield from _entries(whole.get("run"), top, overrides, (shown, "run"), names, stems)
    if not isinstance(groups, list):
        raise UsageError(f"{shown}: write [[together]], a name, and [[together.run]] below it.")
    for at, group in enumerate(groups, 1):
        place = f"{shown}, [[together]] {at}"
        if not isinstance(group, dict):
            raise UsageError(f"{place} is not a table; write [[together]] above its keys.")
        known(group, ("name", "run"), place)
        name = names.taken(group, place)
        stem = _stem(name, stems)
        where = (f"{place} `{name}`", "together.run")
        found = list(_entries(group.get("run"), top, overrides, where, names, stems))
        if len(found) < 2:
            raise UsageError(f"{where[0]} has one run; write [[together.run]] for two at least.")
        for entry in found:
            if entry.kind == "compare":
                raise UsageError(f"{entry.place}: a comparison runs alone; make it a [[run]].")
            yield replace(entry, group=name, group_stem=stem)


class _Names(set[str]):
    """The names of runs and groups so far."""

    def taken(self, run: Table, place: str) -> str:
        """Return the name of a table, which nobody else may have."""
        name = text(run, "name", place) or ""
        if not name.strip() or len(name) > MAX_NAME:
            raise UsageError(f"{place} needs a name of at most {MAX_NAME} characters.")
        if name in self:
            raise UsageError(f"{place}: there is a run of the name `{name}` already.")
        self.add(name)
        return name


def _entries(
    given: Any,
    top: Table,
    overrides: Overrides,
    where: tuple[str, str],
    names: _Names,
    stems: set[str],
) -> Iterable[Entry]:
    shown, table_name = where
    if not isinstance(given, list) or not given:
        raise UsageError(
            f"{shown} has no run; write [[{table_name}]], a name, and a url or a script."
        )
    if len(given) > MAX_RUNS:
        raise UsageError(f"{shown} has {len(given):,} runs; at most {MAX_RUNS:,} are one suite.")
    for at, run in enumerate(given, 1):
        place = f"{shown}, [[{table_name}]] {at}"
        if not isinstance(run, dict):
            raise UsageError(f"{place} is not a table; write [[{table_name}]] above its keys.")
        name = names.taken(run, place)
        place = f"{place} `{name}`"
        kind = _kind(run, place)
        words = tuple(_words(kind, run, top, overrides, place))
        yield Entry(name, _stem(name, stems), kind, words, place)


def _stem(name: str, taken: set[str]) -> str:
    """Return a name for files that nobody has yet, safe wherever a path may stand."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "run"
    found, at = plain, 2
    while found.lower() in taken:
        found, at = f"{plain}-{at}", at + 1
    taken.add(found.lower())
    return found


def _kind(run: Table, place: str) -> str:
    """Return what kind of run it is; refuse keys that are of none, or of another."""
    kinds = [kind for kind in _FLAGS if kind in run or _LISTS.get(kind) in run]
    if len(kinds) != 1:
        have = f"both {kinds[0]} and {kinds[1]}" if kinds else "none of them"
        listed = ", ".join((*_FLAGS, *_LISTS.values()))
        raise UsageError(f"{place} has one of {listed}, not {have}.")
    keys = {kind: (*_MORE[kind], *_FLAGS[kind]) for kind in _FLAGS}
    for key in run:
        if key not in keys[kinds[0]] and any(key in each for each in keys.values()):
            raise UsageError(
                f"{place}: a run with a {kinds[0]} has no {key}; it has "
                f"{', '.join(keys[kinds[0]])}."
            )
    known(run, keys[kinds[0]], place)
    return kinds[0]


def _words(kind: str, run: Table, top: Table, overrides: Overrides, place: str) -> Iterable[str]:
    """Return the command line of one run; what it loads stands last."""
    base_url = overrides.base_url or text(top, "base_url", SUITE)
    yield from COMMANDS[kind]
    for key, flag in _FLAGS[kind].items():
        found = _several(run, key, place) if key in _MANY else (number(run, key, place),)
        for value in found:
            if value is not None:
                yield from (flag, _scaled(key, value, kind, overrides, place))
    yield from version_of_http(run, place)
    shape = SHAPES.get(text(run, "shape", place) or "")
    if kind == "url" and shape and shape.timed and "duration" not in run:
        yield from ("-d", f"{shape.length_s * overrides.time_scale:.9g}")
    if kind == "script":
        yield from _of_script(run, top, overrides, place, base_url)
    if kind != "compare":
        for limit in (*texts(top, "thresholds", SUITE), *texts(run, "thresholds", place)):
            yield from ("--threshold", limit)
        if on := _machines(run, top, overrides, place):
            yield from ("--on", on)
    yield from (*texts(top, "args", SUITE), *texts(run, "args", place))
    targets = texts(run, kind, place)
    elsewhere = kind == "compare" or _LISTS.get(kind) in run  # a comparison may start its servers
    if not all(targets) or not (targets or elsewhere):
        raise UsageError(f"{place}: {kind} is empty; say what is loaded.")
    yield from ("--",) if any(target.startswith("-") for target in targets) else ()
    for target in targets:
        # What is compared may be a saved result.
        file = kind == "script" or (kind == "compare" and os.path.isfile(target))
        yield target if file else _whole(target, base_url, place)


def _machines(run: Table, top: Table, overrides: Overrides, place: str) -> str:
    """Return which machines carry a run, "" for this one."""
    own = text(run, "on", place)
    if own == "":
        return ""
    return (overrides.on if overrides.on is not None else own or text(top, "on", SUITE)) or ""


def _several(run: Table, key: str, place: str) -> Iterable[str]:
    """Return the values of a flag that may stand more than once; headers may be a table."""
    if key == "headers" and isinstance(run.get(key), dict):
        return [f"{name}: {value}" for name, value in table(run, key, place).items()]
    return texts(run, key, place)


def _of_script(
    run: Table, top: Table, overrides: Overrides, place: str, base_url: str | None
) -> Iterable[str]:
    if base_url is not None and (overrides.base_url or "base_url" not in run):
        yield from ("--base-url", base_url)
    for flag, key in (("-e", "env"), ("--tag", "tags")):
        for name, value in {**table(top, key, SUITE), **table(run, key, place)}.items():
            yield from (flag, f"{name}={value}")
    for word in overrides.env:  # the last one given counts
        yield from ("-e", word)
    for key, factor in (("scale", overrides.scale), ("time_scale", overrides.time_scale)):
        if factor != 1.0:
            own = _factor(number(run, key, place) or "1", f"{place}: {key}")
            yield from (_FLAGS["script"][key], f"{own * factor:.12g}")


def _whole(url: str, base_url: str | None, place: str) -> str:
    """Return the URL; one that is only a path goes to the base URL of the suite."""
    if not url.startswith("/"):
        return url
    if base_url is None:
        raise UsageError(
            f"{place}: `{url}` is only a path; write base_url into [suite], or the whole URL."
        )
    return base_url.rstrip("/") + url


def _scaled(key: str, value: str, kind: str, overrides: Overrides, place: str) -> str:
    """Return a number as the factors of the command line make it; a script scales its own."""
    if kind != "url":
        return value
    if key in _IN_TIME and overrides.time_scale != 1.0:
        return f"{seconds(value, f'{place}: {key}') * overrides.time_scale:.9f}"
    if key not in _IN_SIZE or overrides.scale == 1.0:
        return value
    try:
        found = parse_rate(value) * overrides.scale
    except ValueError as error:
        raise UsageError(f"{place}: {key}: {error}") from None
    return f"{found:.9f}" if key == "rate" else str(max(1, round(found)))


def _factor(value: str, place: str) -> float:
    """Return a factor: 0.5, 2 or 50%."""
    try:
        return float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        raise UsageError(f"{place} is a factor: 0.1, 2 or 50%.") from None
