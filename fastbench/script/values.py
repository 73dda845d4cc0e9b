"""Values as scripts write them: durations, counts, rates, stages, mappings of strings.

`what` names the value in the sentence that refuses it, as in `duration of scenario load`.
A bare number is seconds, as everywhere in fastbench (k6 takes milliseconds).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from fastbench.foundation import units
from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import workload

Stages = tuple[tuple[float, Any], ...]  # seconds and target: VUs stay whole numbers

_NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")
_STAGE = 'write it as ("2m", 50), or as {"duration": "2m", "target": 50}'


def duration_s(value: Any, what: str) -> float:
    """Return the seconds of "1m30s", of a number of seconds or of a timedelta."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        try:
            found = units.parse_duration_s(value)
        except ValueError as error:
            raise UsageError(f"{what}: {error}") from None
    elif _is_number(value):
        found = float(value)
    else:
        raise UsageError(f'{what} is a duration such as "30s" or "2m", not {shown(value)}.')
    if not 0 <= found <= workload.MAX_DURATION_S:
        raise UsageError(f"{what} must be between 0 and 365d, not {shown(value)}.")
    return found


def count(value: Any, what: str, *, least: int = 1, most: int = workload.MAX_REQUESTS) -> int:
    """Return a whole number within its limits; texts such as "10k" are read as flags are."""
    if isinstance(value, str):
        try:
            value = units.parse_count(value)
        except ValueError as error:
            raise UsageError(f"{what}: {error}") from None
    if not _is_number(value) or value != int(value):
        raise UsageError(f"{what} is a whole number, not {shown(value)}.")
    if not least <= value <= most:
        raise UsageError(f"{what} must be between {least} and {most:,}, not {shown(value)}.")
    return int(value)


def rate(value: Any, what: str) -> float:
    """Return a number of iterations per time unit, 0 or more."""
    if isinstance(value, str):
        try:
            value = units.parse_rate(value)
        except ValueError as error:
            raise UsageError(f"{what}: {error}") from None
    if not _is_number(value):
        raise UsageError(f"{what} is a number, not {shown(value)}.")
    if not 0 <= value <= workload.MAX_REQUESTS:
        raise UsageError(f"{what} must be 0 or more, not {shown(value)}.")
    return float(value)


def stages(value: Any, what: str, *, whole: bool) -> Stages:
    """Return pairs of seconds and target; `whole` where targets are VUs."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise UsageError(f'{what} are a list such as [("2m", 50), ("1m", 0)].')
    found = tuple(
        _stage(stage, f"stage {at} of {what}", whole) for at, stage in enumerate(value, 1)
    )
    if not 1 <= len(found) <= workload.MAX_STAGES:
        raise UsageError(f"{what} must be 1 to {workload.MAX_STAGES} stages, not {len(found)}.")
    return found


def stage_names(value: Iterable[Any], what: str) -> tuple[str, ...]:
    """Return the names of stages that can be read, "" of those without; () if none has one.

    A stage has its name in third place, ("2m", 50, "spike"), or as "name" of a mapping.
    """
    names = []
    for at, stage in enumerate(value, 1):
        found: Any = ""
        if isinstance(stage, Mapping):
            found = stage.get("name", "")
        elif not isinstance(stage, str) and len(stage) > 2:
            found = stage[2]
        if found:
            name(found, f"The name of stage {at} of {what}")
        names.append(found)
    return tuple(names) if any(names) else ()


def strings(value: Any, what: str) -> dict[str, str]:
    """Return a mapping of names to texts; numbers and switches become texts."""
    if not isinstance(value, Mapping):
        raise UsageError(f'{what} is a mapping such as {{"name": "value"}}.')
    found = {}
    for key, each in value.items():
        if not isinstance(key, str) or not key:
            raise UsageError(f"The names of {what} are texts, not {shown(key)}.")
        if isinstance(each, bool):
            each = "true" if each else "false"
        if not isinstance(each, str | int | float):
            raise UsageError(f"`{key}` of {what} is a text, not {shown(each)}.")
        found[key] = str(each)
    return found


def pairs(value: Any, what: str, advice: str = "") -> list[tuple[str, Any]]:
    """Return the names and values of a mapping, or of a list of pairs."""
    if isinstance(value, Mapping):
        return [(str(key), each) for key, each in value.items()]
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray):
        found = list(value)
        if all(_is_pair(each) for each in found):
            return [(str(key), each) for key, each in found]
    cure = f"; {advice}" if advice else ""
    raise UsageError(f"{what} takes a dict or a list of pairs, not {type(value).__name__}{cure}.")


def _is_pair(value: Any) -> bool:
    """Tell whether something is a pair: a list of two numbers is rather JSON."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        return False
    return isinstance(value, tuple) or isinstance(value[0], str)


def switch(value: Any, what: str) -> bool:
    """Return True or False, and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise UsageError(f"{what} is True or False, not {shown(value)}.")
    return value


def name(value: Any, what: str) -> str:
    """Return a name that can stand in a threshold: `{scenario:NAME}`."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise UsageError(f"{what} has letters, digits, - and _ only, not {shown(value)}.")
    return value


def text(value: Any, what: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"{what} is a text, not {shown(value)}.")
    return value


def refuse_unknown(given: Iterable[Any], known: Sequence[str], what: str) -> None:
    """Refuse the first name that is not known, with the one that was meant; k6's are read too."""
    for each in given:
        if each in known:
            continue
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(each)).lower()
        near = [snake] if snake in known else nearest(snake, known)
        if snake == "vus" and "pre_allocated_vus" in known:  # max_vus is more alike
            near = ["pre_allocated_vus"]
        cure = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}."
        raise UsageError(f"{what} has no {shown(each)}; {cure}")


def _stage(value: Any, what: str, whole: bool) -> tuple[float, float]:
    if isinstance(value, Mapping):
        refuse_unknown(value, ("duration", "target", "name"), what)
        pair = (value.get("duration"), value.get("target"))
    elif isinstance(value, str):
        length, _, target = value.partition(":")
        pair = (length, target)
    elif isinstance(value, Sequence) and len(value) in (2, 3):
        pair = (value[0], value[1])
    else:
        raise UsageError(f"{what} has a duration and a target; {_STAGE}.")
    if None in pair:
        raise UsageError(f"{what} needs both a duration and a target; {_STAGE}.")
    length_s = duration_s(pair[0], f"The duration of {what}")
    target_of = f"The target of {what}"
    if whole:
        return length_s, count(pair[1], target_of, least=0, most=workload.MAX_CONNECTIONS)
    return length_s, rate(pair[1], target_of)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def shown(value: Any) -> str:
    """Show a wrong value, but no long one: what stands there by mistake may be anything."""
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
