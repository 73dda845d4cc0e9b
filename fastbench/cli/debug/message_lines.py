"""Both sides of an exchange as lines for a terminal: secrets masked, control characters gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastbench.cli.debug import http2_frames
from fastbench.cli.debug.http2_frames import KINDS, Frame
from fastbench.foundation import redact, units

SHOWN_BODY_BYTES = 2048
SHOWN_LINE = 2000
SHOWN_FRAME = 200
_OPCODES = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}  # RFC 6455 section 5.2
_CLOSE = 8
SENT, CAME = "> ", "< "  # as in curl -v


def head_lines(mark: str, head: bytes, secrets: Iterable[str] = ()) -> Iterator[str]:
    """Show a start line and header fields; a request of HTTP/2 begins with pseudo-fields."""
    first, *fields = as_text(head).split("\r\n")
    yield mark + _line(redact.values(redact.text(first), secrets))
    for line in fields:
        yield mark + _line(redact.values(redact.field_line(line), secrets))


def body_lines(mark: str, data: bytes, size: int, secrets: Iterable[str] = ()) -> Iterator[str]:
    """Show the start of a body as it came, chunk sizes included."""
    if not data:
        return
    yield mark.strip()
    # Masked before it is cut: half a secret would not be recognised as one.
    text = redact.values(redact.text(as_text(data[: SHOWN_BODY_BYTES * 2])), secrets)
    for line in redact.printable(text[:SHOWN_BODY_BYTES], lines=True).splitlines():
        yield (mark + line[:SHOWN_LINE]).rstrip()
    if size > SHOWN_BODY_BYTES:
        yield f"{mark}… ({units.format_bytes(size)} in all)"


def frame_lines(
    way: str, opcode: int, data: str | bytes, secrets: Iterable[str] = ()
) -> Iterator[str]:
    """Show a frame of a WebSocket in one line."""
    kind = _OPCODES.get(opcode, f"opcode {opcode}")
    if opcode == _CLOSE and isinstance(data, bytes):
        code = int.from_bytes(data[:2]) if len(data) > 1 else "without a code"
        yield f"{way} {kind} {code} {redact.printable(as_text(data[2:]))}".rstrip()
        return
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "replace"))
    words = as_text(data[: SHOWN_FRAME * 2]) if isinstance(data, bytes) else data[: SHOWN_FRAME * 2]
    shown = redact.printable(redact.values(redact.text(words), secrets))[:SHOWN_FRAME]
    more = " …" if len(shown) < len(words) and len(shown) == SHOWN_FRAME else ""
    yield f"{way} {kind}, {units.format_bytes(size)}: {shown}{more}"


def http2_lines(
    mark: str, frame: Frame, body: bytes, size: int, secrets: Iterable[str] = ()
) -> Iterator[str]:
    """Show a frame of HTTP/2: its kind and what it says, below it the fields of a head.

    `body` is what is shown below the first frame of DATA, of `size` bytes.
    """
    kind = KINDS[frame.kind] if frame.kind < len(KINDS) else f"frame of type {frame.kind}"
    said = ([f"stream {frame.stream}"] if frame.stream else []) + _said(frame)
    yield f"{mark}{kind}{'  ' if said else ''}{redact.printable(', '.join(said))}"
    for name, value in frame.fields:
        shown = redact.header(as_text(name), as_text(value))
        # A path may hold secrets, as the start line of HTTP/1.1 may.
        yield f"{mark}  " + _line(redact.values(redact.text(f"{as_text(name)}: {shown}"), secrets))
    yield from body_lines(mark, body, size, secrets)


def _said(frame: Frame) -> list[str]:
    """Return what a frame says, in words."""
    kind, flags = frame.kind, frame.flags
    said = []
    if kind == http2_frames.SETTINGS:
        pairs = (f"{http2_frames.setting(name)} {value:,}" for name, value in frame.pairs())
        said = ["ack"] if flags & http2_frames.ACK else list(pairs)
    elif kind == http2_frames.DATA:
        said = [units.format_bytes(len(frame.content))]
    elif kind == http2_frames.WINDOW_UPDATE:
        said = [f"{frame.word & http2_frames.MAX_WINDOW:,} bytes more"]
    elif kind == http2_frames.RST_STREAM:
        said = [http2_frames.code(frame.word)]
    elif kind == http2_frames.GOAWAY:
        last, code = int.from_bytes(frame.payload[:4]), int.from_bytes(frame.payload[4:8])
        said = [f"last stream {last & http2_frames.MAX_WINDOW}", http2_frames.code(code)]
        said += [as_text(frame.payload[8 : 8 + SHOWN_FRAME])] if frame.payload[8:] else []
    elif kind == http2_frames.PING:
        said = ["ack"] if flags & http2_frames.ACK else []
    return said + (["ends the stream"] if frame.ends else [])


def secrets_of(payload: bytes) -> tuple[str, ...]:
    """List the secrets of a request, which an answer may echo."""
    head, _, body = payload.partition(b"\r\n\r\n")
    return redact.secrets_in(as_text(head), as_text(body[:SHOWN_BODY_BYTES]))


def as_text(data: bytes) -> str:
    """Decode what should be UTF-8, and lose no byte of what is not."""
    return data.decode("utf-8", "surrogateescape")


def _line(text: str) -> str:
    return redact.printable(text)[:SHOWN_LINE]
