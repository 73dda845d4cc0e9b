"""Feed the engine's parser one response in pieces, and see what it makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from naive import Outcome

from fastbench.engine.bridge._core import Parser

__all__ = ["Outcome", "cuts", "drive", "splits", "stream"]

OUTCOMES = ("", "ok", "protocol", "truncated", "too_large")
EVERY_POSITION = 2048  # longer wires are split near their ends and at strides between


def drive(
    pieces: Iterable[bytes | memoryview],
    *,
    head: bool = False,
    eof: bool = False,
    expect: bytes = b"",
) -> tuple[Outcome, bool]:
    """Feed the pieces of one response; returns its outcome and whether `expect` was found.

    The outcome's body is as long as the parser counted, its content is not kept (zeros).
    """
    parser = Parser(head=head, expect_body=expect)
    consumed = 0
    for piece in pieces:
        consumed += feed(parser, piece)
        if parser.outcome:
            break
    if eof and not parser.outcome:
        parser.eof()
        assert parser.outcome, "an end of file leaves nothing undecided"
    return outcome_of(parser, consumed), parser.body_found


def feed(parser: Parser, piece: bytes | memoryview) -> int:
    """Feed one piece and check what holds after every feed."""
    taken = parser.feed(piece)
    assert 0 <= taken <= len(piece)
    assert taken == len(piece) or parser.outcome, "bytes are left over only when it is decided"
    assert parser.outcome in OUTCOMES
    assert bool(parser.rule) == (parser.outcome in ("protocol", "too_large"))
    if parser.outcome:
        assert parser.feed(piece) == 0, "a decided parser takes nothing more"
    return taken


def outcome_of(parser: Parser, consumed: int) -> Outcome:
    return Outcome(
        parser.outcome, parser.status, bytes(parser.body_bytes), parser.reusable, consumed
    )


def stream(wire: bytes, heads: Iterable[bool]) -> tuple[list[Outcome], bytes]:
    """Read one response for each asked request off a stream; returns them and what is left."""
    parser = Parser()
    outcomes: list[Outcome] = []
    for head in heads:
        parser.reset(head=head)
        taken = feed(parser, wire)
        if not parser.outcome:
            break
        outcomes.append(outcome_of(parser, taken))
        wire = wire[taken:]
    return outcomes, wire


def splits(wire: bytes) -> Iterator[tuple[bytes, ...]]:
    """Yield the wire whole, byte by byte, and in two at every position."""
    yield (wire,)
    yield tuple(wire[i : i + 1] for i in range(len(wire)))
    for position in cuts(len(wire)):
        yield wire[:position], wire[position:]


def cuts(length: int) -> Iterator[int]:
    """Every position up to `EVERY_POSITION`, for longer wires some 200 that reach both ends."""
    if length <= EVERY_POSITION:
        yield from range(1, length)
        return
    yield from range(1, 64)
    yield from range(64, length - 64, max(1, length // 64))
    yield from range(length - 64, length)
