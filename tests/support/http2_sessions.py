"""A session of HTTP/2 without a socket: what it reads from bytes that are cut anywhere."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from http2_frames import block, settings

from fastbench.engine.bridge import _core

__all__ = ["HEAD", "Said", "conversation", "cuts", "hear", "session"]

HEAD = block((":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/"))
OF_ALL_STREAMS = ("settled", "settings", "went away", "broken")
Said = tuple[str, int, str, bytes | bool]  # event, slot, code, and its bytes or whether it ends


def session(streams: int = 2, *, asked: int = 2, **more: object) -> _core.Session:
    """One that knows the peer's settings and sent its requests."""
    made = _core.Session(streams, HEAD, **more)  # type: ignore[arg-type]
    for _ in range(asked):
        made.ask()
    hear(made, settings())
    made.written()
    return made


def hear(made: _core.Session, wire: bytes) -> list[Said]:
    """Let it read these bytes and do what the engine does; the parts of a body are one."""
    found: list[Said] = []
    at = 0
    while True:
        event, slot, code, ends, text, at = made.read(wire, at)
        if not event:
            return found
        if event in OF_ALL_STREAMS:
            slot = 0  # it says nothing
        if event == "body":
            found.append((event, slot, code, text))
        if event != "body" or ends:
            found.append((event, slot, code, ends))
        if event == "broken":
            return found
        if event == "refused":
            made.again(slot)
        elif ends or event in ("broken stream", "reset"):
            made.drop(slot)


def join(found: list[Said], said: Said) -> None:
    """Append it; the parts of a body that follow each other are one."""
    text = said[3]
    if found and said[0] == "body" and found[-1][:2] == said[:2]:
        before = found[-1][3]
        if isinstance(text, bytes) and isinstance(before, bytes):
            found[-1] = (*said[:3], before + text)
            return
    found.append(said)


def conversation(
    pieces: Iterable[bytes], **more: object
) -> tuple[list[Said], bytes, tuple[int | bool, ...]]:
    """All that two requests met, what was written back, and the state at the end."""
    made = session(**more)  # type: ignore[arg-type]
    found: list[Said] = []
    for piece in pieces:
        # Its buffer is as long as the piece, so that a sanitizer sees who reads beyond.
        for said in hear(made, bytes(piece)):
            join(found, said)
        if found and found[-1][0] == "broken":
            break
    # Bytes that belong to a body that breaks a rule may go untold.
    broken = {said[1] for said in found if said[0] == "broken stream"}
    kept = [s for s in found if s[0] != "body" or (s[3] != b"" and s[1] not in broken)]
    return kept, made.written(), made.state


def cuts(wire: bytes, seed: int = 0) -> Iterator[list[bytes]]:
    """Byte by byte, at one place each, and at random places."""
    rng = random.Random(seed)
    if len(wire) < 20_000:
        yield [wire[at : at + 1] for at in range(len(wire))]
    for at in range(1, len(wire), max(1, len(wire) // 50)):
        yield [wire[:at], wire[at:]]
    for _ in range(10 if wire else 0):
        places = sorted(rng.randrange(len(wire)) for _ in range(rng.randrange(2, 9)))
        yield [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True)]
