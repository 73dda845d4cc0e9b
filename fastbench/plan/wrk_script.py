"""A script of wrk that defines functions, and what its table `wrk` begins with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WrkScript:
    """Hold a script: its text, and what URL and flags say.

    `host` has no brackets; `port` is None where the URL has none; `path` is path and query.
    `arguments` are the URL as typed, then the words behind `--`. `prints_to_stderr`: standard
    output is for the result alone.
    """

    path: str
    source: bytes
    scheme: str
    host: str
    port: int | None
    target: bytes
    method: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | None
    arguments: tuple[bytes, ...]
    prints_to_stderr: bool = False
