"""The one reader of text that people wrote: lists of URLs, headers, CSV, JSON, TOML, Lua.

1. Text is UTF-8, with or without a byte order mark; UTF-16 and UTF-32 are read where a mark says so
   (Unicode 15.0, section 23.8). Nothing is guessed: other bytes are refused with their line.
2. A line ends with LF, CR LF or CR, and with nothing else: U+2028, NEL, VT, FF and FS are
   characters like others, which is why `str.splitlines` is not used on text from outside.
3. What cannot be read is one UsageError with the file, the line where there is one, and the cure.
"""

from __future__ import annotations

import codecs
import os
import re
import sys

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError

MAX_BYTES = 1 << 30

_LINE_END = re.compile(r"\r\n|\r|\n")
_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_bytes(path: str, flag: str) -> bytes:
    """Return the bytes of a file (`-` is standard input), at most 1 GiB.

    Raises UsageError, whose sentence begins with `flag`: the flag or function that names the file.
    """
    shown, too_large = redact.printable(path), False
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:
                too_large = os.fstat(file.fileno()).st_size > MAX_BYTES
                data = b"" if too_large else file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"{flag} cannot read `{shown}`: {reason}.") from None
    if too_large or len(data) > MAX_BYTES:
        raise UsageError(f"{flag}: `{shown}` is larger than 1 GiB; use a smaller file.")
    return data


def read_text(path: str, flag: str, *, any_bytes: bool = False) -> str:
    """Return the text of a file without its byte order mark; see `read_bytes` and `decoded`."""
    name = "standard input" if path == "-" else redact.printable(path)
    return decoded(read_bytes(path, flag), name, any_bytes=any_bytes)


def decoded(data: bytes, name: str, *, any_bytes: bool = False) -> str:
    """Decode text without its byte order mark. Raises UsageError with the line that is no text.

    With `any_bytes` those that are not UTF-8 come through as surrogates (PEP 383), for what is
    sent as it was written.
    """
    mark, encoding = next((each for each in _MARKS if data.startswith(each[0])), (b"", "utf-8"))
    body = data[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        if any_bytes and encoding == "utf-8":
            text = body.decode(encoding, "surrogateescape")
        else:
            at = _line_at(body[: error.start].decode(encoding, "replace"))
            what = encoding.removesuffix("-le").removesuffix("-be").upper()
            raise UsageError(
                f"{name}, line {at}: the byte 0x{body[error.start]:02x} is not {what}; "
                "save the file as UTF-8."
            ) from None
    if (at := text.find("\0")) >= 0:
        raise UsageError(
            f"{name}, line {_line_at(text[:at])}: a NUL, which text does not have; "
            "save the file as text in UTF-8."
        )
    return text


def lines(text: str) -> list[str]:
    """Cut text into its lines, without their ends; the end of the last one starts no other."""
    found = _LINE_END.split(text)
    return found[:-1] if not found[-1] else found


def _line_at(before: str) -> int:
    """Return the number of the line that begins or goes on after this text."""
    return len(_LINE_END.findall(before)) + 1
