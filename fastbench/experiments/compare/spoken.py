"""Which version of HTTP the sides of a comparison spoke: told where it is not plain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fastbench.results.counts import Http2
from fastbench.results.result import Result, Warning_


class Spoken(NamedTuple):
    """What a side's connections agreed on: of what was `chosen` by the server, or asked for.

    Without `http2` it is HTTP/1.1, which is all that there could be.
    """

    http2: Http2 | None
    chosen: bool

    @classmethod
    def of(cls, result: Result) -> Spoken:
        """Return that of a run."""
        return cls(result.http2, result.config.get("http") == "")

    @property
    def protocol(self) -> str:
        """Return its name, "" where nothing was connected."""
        return "HTTP/1.1" if self.http2 is None else self.http2.protocol


def warnings(sides: Sequence[Spoken]) -> tuple[Warning_, ...]:
    """Say that base and candidate did not speak the same, or not with the same streams."""
    if len(sides) != 2 or not all(each.protocol for each in sides):
        return ()
    base, candidate = sides
    if base.protocol != candidate.protocol:
        text = f"the base spoke {base.protocol}, the candidate {candidate.protocol}"
        hint = "--http1 or --http2 compares them over the same; else the protocol is compared, too"
        return (Warning_("different_protocols", text, hint),)
    limits = [(each.http2.stream_limit or 1) if each.http2 else 1 for each in sides]
    if limits[0] == limits[1]:
        return ()
    text = f"the base allows {limits[0]:,} streams on a connection, the candidate {limits[1]:,}"
    hint = f"-m {min(limits):,} loads both alike"
    return (Warning_("different_streams", text, hint),)


def notes(sides: Sequence[Spoken]) -> tuple[str, ...]:
    """Say that it is HTTP/2 where nobody asked for it: figures of before may be of HTTP/1.1."""
    if sides and all(each.chosen and each.protocol == "HTTP/2" for each in sides):
        return ("both spoke HTTP/2, as the servers chose; --http1 compares them over HTTP/1.1",)
    return ()
