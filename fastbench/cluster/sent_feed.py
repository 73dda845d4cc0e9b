"""The rows of --feed on their way to other machines."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from fastbench.cluster import message_codec
from fastbench.cluster.message_codec import MessageError
from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.pieces import Feed
from fastbench.run import feed_file
from fastbench.run.feed_file import WORD_BYTES

MAX_BYTES = 128 << 20  # packed: a frame holds 256 MiB, in base64
MAX_UNPACKED_BYTES = 8 << 30
_FIELDS = {"path", "columns", "n_rows", "order", "longest", "is_file", "data", "cells"}
_ORDERS = ("in-order", "random", "once", "per-connection")


def message_of(feed: Feed) -> dict[str, Any]:
    """Return rows as JSON knows them; raises UsageError where they are too many."""
    data, cells = zlib.compress(feed.data, 1), zlib.compress(feed.cells, 1)
    if len(data) + len(cells) > MAX_BYTES:
        raise UsageError(
            f"--feed {feed.path} is {units.format_bytes(len(data) + len(cells))} when packed, and "
            f"--on sends at most {units.format_bytes(MAX_BYTES)} to each machine; use fewer rows."
        )
    return {
        "path": feed.path,
        "columns": list(feed.columns),
        "n_rows": feed.n_rows,
        "order": feed.order,
        "longest": list(feed.longest),
        "is_file": feed.is_file,
        "data": message_codec.base64_of(data),
        "cells": message_codec.base64_of(cells),
    }


def feed_of(message: object) -> Feed:
    """Build the rows of a message, in memory that workers share. Raises MessageError."""
    if not isinstance(message, dict) or set(message) != _FIELDS:
        raise MessageError("feed: expected rows")
    columns, longest, rows = message["columns"], message["longest"], message["n_rows"]
    right = (
        isinstance(columns, list)
        and all(isinstance(each, str) for each in columns)
        and isinstance(longest, list)
        and all(type(each) is int for each in longest)
        and len(columns) == len(longest) > 0
        and type(rows) is int
        and rows > 0
        and message["order"] in _ORDERS
        and isinstance(message["path"], str)
    )
    if not right:
        raise MessageError("feed: expected columns and rows")
    data, cells = _unpacked(message, "data"), _unpacked(message, "cells")
    if len(cells) != rows * len(columns) * WORD_BYTES or not feed_file.fits(cells, longest, data):
        raise MessageError("feed: the rows are not where they are said to be")
    return Feed(
        message["path"],
        tuple(columns),
        rows,
        message["order"],
        data,
        cells,
        tuple(longest),
        is_file=bool(message["is_file"]),
    )


def _unpacked(message: Mapping[str, Any], name: str) -> memoryview:
    packed = message_codec.bytes_of(message[name], f"feed.{name}")
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(packed, MAX_UNPACKED_BYTES)
    except zlib.error:
        raise MessageError(f"feed.{name}: expected what zlib packed") from None
    if not reader.eof:
        raise MessageError(f"feed.{name}: it is too long, or was cut")
    return feed_file.shared(found)
