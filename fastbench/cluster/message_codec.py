"""Frozen dataclasses to what JSON knows and back, exactly: bytes, sets, tuples, infinity, paths.

The types of the fields are the description, at both ends: both are of one version of fastbench.
(results/json_codec reads documents, whose numbers are finite and whose newer fields are ignored.)

1. Bytes are base64; sets are sorted lists; mappings lists of pairs, since a key may be no UTF-8;
   inf and nan are texts; text with surrogates, as a path that is no UTF-8, is {"text": base64}.
2. What is not described (`object`, Any) is a text of JSON within the JSON.
3. Fields that are made of others (`init=False`) are left out, and made again.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar

T = TypeVar("T")

_UNIONS = (types.UnionType, typing.Union)
_MAPPINGS = (Mapping, dict)
_NETWORKS = {IPv4Network, IPv6Network}
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class MessageError(ValueError):
    """A message that does not say what it should; the sentence names the field."""


def pack(value: Any, *, leave: Collection[str] = ()) -> dict[str, Any]:
    """Return a dataclass as JSON knows it, but for the fields to `leave` out."""
    of: Any = type(value)
    kinds = _fields(of)
    return {
        name: _packed(kind, getattr(value, name))
        for name, kind in kinds.items()
        if name not in leave
    }


def unpack(kind: type[T], message: object, *, leave: Collection[str] = ()) -> T:
    """Build what `pack` took apart; fields to `leave` out have a default. Raises MessageError."""
    found: T = _object(kind, message, kind.__name__, leave)
    return found


def base64_of(data: bytes) -> str:
    """Return bytes as a text."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def bytes_of(text: object, path: str) -> bytes:
    """Return the bytes of a text; raises MessageError."""
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error is one
        pass
    raise _wrong(path, "base64", text)


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """Return the types of the fields that make a dataclass; those only typing knows are objects."""
    unknown = {"Earlier": object, "SliceGate": object}
    hints = typing.get_type_hints(kind, localns=unknown)
    return {part.name: hints[part.name] for part in fields(kind) if part.init}


def _packed(kind: Any, value: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in (object, Any):
        return json.dumps(value)
    if value is None or isinstance(value, bool):
        return value
    if origin in _UNIONS and not _NETWORKS.issuperset(inner):
        return _packed(inner[0], value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return base64_of(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, IPv4Network | IPv6Network):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return pack(value)
    if origin is frozenset:
        return [_packed(inner[0], each) for each in sorted(value)]
    if origin in _MAPPINGS:
        return [[_text(key), _packed(inner[1], each)] for key, each in value.items()]
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[-1] is ... else inner
        return [_packed(of, each) for of, each in zip(kinds, value, strict=True)]
    raise TypeError(f"{kind} cannot be sent")


def _text(value: str) -> str | dict[str, str]:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"text": base64_of(value.encode("utf-8", "surrogatepass"))}
    return value


def _object(kind: Any, message: object, path: str, leave: Collection[str] = ()) -> Any:
    if not isinstance(message, dict):
        raise _wrong(path, "an object", message)
    kinds = {name: of for name, of in _fields(kind).items() if name not in leave}
    if wrong := set(kinds) ^ set(message):
        raise MessageError(f"{path}.{min(map(str, wrong))} is missing, or not known here")
    return kind(
        **{name: _unpacked(of, message[name], f"{path}.{name}") for name, of in kinds.items()}
    )


def _unpacked(kind: Any, value: Any, path: str) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        if value in inner and type(value) in {type(each) for each in inner}:
            return value
        raise _wrong(path, f"one of {', '.join(map(str, inner))}", value)
    if origin in _UNIONS and not _NETWORKS.issuperset(inner):
        return None if value is None else _unpacked(inner[0], value, path)
    if is_dataclass(kind):
        return _object(kind, value, path)
    if origin in (frozenset, tuple, *_MAPPINGS):
        return _several(origin, inner, value, path)
    return _scalar(kind, value, path)


def _several(origin: Any, inner: tuple[Any, ...], value: Any, path: str) -> Any:
    if not isinstance(value, list):
        raise _wrong(path, "a list", value)
    if origin in _MAPPINGS:
        if not all(isinstance(each, list) and len(each) == 2 for each in value):
            raise _wrong(path, "pairs", value)
        return {
            _scalar(str, key, path): _unpacked(inner[1], each, f"{path}[{key!r:.40}]")
            for key, each in value
        }
    kinds = inner
    if origin is frozenset or inner[-1] is ...:
        kinds = inner[:1] * len(value)
    if len(kinds) != len(value):
        raise _wrong(path, f"{len(kinds)} values", value)
    pairs = enumerate(zip(kinds, value, strict=True))
    return origin(_unpacked(of, each, f"{path}[{at}]") for at, (of, each) in pairs)


def _scalar(kind: Any, value: Any, path: str) -> Any:
    if kind in (object, Any):
        try:
            return json.loads(value)
        except (TypeError, ValueError, RecursionError):
            raise _wrong(path, "a text of JSON", value) from None
    if kind is str and isinstance(value, dict) and list(value) == ["text"]:
        try:
            return bytes_of(value["text"], path).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise _wrong(path, "text", value) from None
    if kind is bytes:
        return bytes_of(value, path)
    if kind is float and isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind in (bool, str, int) and type(value) is kind:
        return value
    if typing.get_origin(kind) in _UNIONS and isinstance(value, str):
        try:
            return ip_network(value)
        except ValueError:
            pass
    raise _wrong(path, getattr(kind, "__name__", str(kind)), value)


def _wrong(path: str, wanted: str, value: object) -> MessageError:
    """Name the field and what it holds instead; not the value, which may be a secret."""
    return MessageError(f"{path}: expected {wanted}, got {type(value).__name__}")
