"""The parameters of a request as k6/http takes them; each raises K6Error for what it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastbench.foundation import units
from fastbench.script.k6.k6_calls import K6Error

# Scripts made of recordings have them; k6 leaves them out, too.
_OF_THE_CLIENT = frozenset(("content-length", "transfer-encoding"))


def timeout_s(given: Any) -> float | None:
    """Return a timeout in seconds: k6 has numbers in milliseconds, and texts with their units."""
    if given is None:
        return None
    try:
        return units.parse_duration_s(given) if isinstance(given, str) else float(given) / 1e3
    except (ValueError, TypeError):
        raise K6Error(f"invalid timeout value: {given!r}; write '30s', or milliseconds") from None


def object_in(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object of the parameters, an empty one for none; raises K6Error."""
    found = params.get(name) or {}
    if not isinstance(found, Mapping):
        raise K6Error(f"{name} of a request is an object such as {{ name: 'value' }}")
    return found


def texts_in(params: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return what an object of the parameters says; what is null or undefined is left out."""
    found = object_in(params, name)
    return {name: _tag(value) for name, value in found.items() if value is not None}


def headers_in(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request, without those that the client writes itself."""
    found = texts_in(params, "headers")
    return {name: text for name, text in found.items() if name.lower() not in _OF_THE_CLIENT}


def redirects_of(given: Any) -> int | None:
    """Return the most redirects that are followed, None for as many as options say."""
    if given is None:
        return None
    try:
        return int(given)
    except (ValueError, TypeError, OverflowError):
        raise K6Error(f"invalid redirects value: {given!r}; write a number such as 5") from None


def _tag(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ",".join(map(_tag, value))
    if isinstance(value, Mapping):
        return "[object Object]"
    return "" if value is None else str(value)


def cookies_of(params: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
    pairs, replaced = [], set()
    for name, value in object_in(params, "cookies").items():
        if isinstance(value, Mapping):
            if value.get("replace"):
                replaced.add(name)
            value = value.get("value", "")
        pairs.append((name, _tag(value)))
    return tuple(pairs), frozenset(replaced)


def codings_of(given: Any) -> tuple[str, ...]:
    if not given:
        return ()
    found = tuple(each.strip().lower() for each in str(given).split(","))
    for each in found:
        if each not in ("gzip", "deflate", "br", "zstd"):
            raise K6Error(
                f"unknown compression algorithm {each}, supported algorithms are gzip, deflate, "
                "br and zstd"
            )
    return found
