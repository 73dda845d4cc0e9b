"""Values of a TOML table, each of the type its key has; what is not is one sentence with the cure.

`place` names the table in sentences. What is left out is None, or empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastbench.foundation.nearest import nearest
from fastbench.foundation.units import parse_duration_s
from fastbench.foundation.usage_error import UsageError

Table = Mapping[str, Any]


def known(given: Table, keys: Sequence[str], place: str) -> None:
    """Refuse a key that is none, with the one that may be meant."""
    for key in given:
        if key not in keys:
            near = nearest(key, keys)
            cure = f"did you mean {near[0]}?" if near else f"there is {', '.join(keys)}."
            raise UsageError(f"{place}: there is no key `{key}`; {cure}")


def text(given: Table, key: str, place: str) -> str | None:
    """Return a text."""
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"{place}: {key} is a text; write it in quotes.")


def number(given: Table, key: str, place: str) -> str | None:
    """Return a number, or the text of one with its unit, as a command line has it."""
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.12g}" if isinstance(value, float) else str(value)
    raise UsageError(f"{place}: {key} is a number, or a text in quotes.")


def texts(given: Table, key: str, place: str) -> tuple[str, ...]:
    """Return a list of texts; a single one may stand without brackets."""
    value = given.get(key, [])
    found = [value] if isinstance(value, str) else value
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return tuple(found)
    raise UsageError(f'{place}: {key} is a list of texts, for example ["one", "two"].')


def table(given: Table, key: str, place: str) -> dict[str, str]:
    """Return a table of texts and numbers, all of them as texts."""
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f'{place}: {key} is a table, for example {{ NAME = "value" }}.')
    return {name: number(value, name, f"{place}: {key}") or "" for name in value}


def switch(given: Table, key: str, place: str) -> bool:
    """Return true or false, which it is where it is left out."""
    value = given.get(key, False)
    if isinstance(value, bool):
        return value
    raise UsageError(f"{place}: {key} is true or false, without quotes.")


def seconds(value: str, place: str) -> float:
    """Return the length of a duration: 30s, 2m, or a bare number."""
    try:
        return parse_duration_s(value)
    except ValueError as error:
        raise UsageError(f"{place}: {error}") from None


def version_of_http(given: Table, place: str) -> tuple[str, ...]:
    """Return the flag of the version that `http` names, none where it is not there."""
    flags = {None: (), "1.1": ("--http1",), "2": ("--http2",)}
    found = number(given, "http", place)
    if found not in flags:
        raise UsageError(f'{place}: http is "1.1" or "2".')
    return flags[found]
