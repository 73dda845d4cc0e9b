"""Request bodies: inline, from a file, URL-encoded and multipart, as in curl."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import placeholder_texts
from fastbench.plan.plan import check_header
from fastbench.plan.text_file import read_bytes

URLENCODED = "application/x-www-form-urlencoded"

Span = tuple[int, int]  # begin and end, in bytes


@dataclass(frozen=True, slots=True)
class Body:
    """Hold the bytes to send and the Content-Type they ask for ("" when they ask for none).

    Of placeholders: none stand in what is `fixed`, as uploaded files are; those in what is `quoted`
    stand in a head of a part of multipart/form-data.
    """

    data: bytes
    content_type: str = ""
    fixed: tuple[Span, ...] = ()
    quoted: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Hold one part of a multipart/form-data body; `filename` None makes it a plain field."""

    name: str
    data: bytes
    filename: str | None
    content_type: str
    fixed: bool = False  # has no placeholders, see Body


def inline(text: str) -> Body:
    """Make the body of `-b TEXT` or `-b @FILE`, byte for byte."""
    if text.startswith("@"):
        return of_file(read_bytes(text[1:], "-b"))
    return Body(encoded(text))


def of_file(data: bytes) -> Body:
    """Make a body of a file, byte for byte; what is no text has no placeholders."""
    return Body(data, fixed=() if _is_text(data) else ((0, len(data)),))


def urlencoded(items: Sequence[tuple[str, str]], *, raw: bool = False) -> Body:
    """Join `--data` and its like with `&`, in order, as curl does.

    Each item is (flag, value). `--data @FILE` loses line breaks and NUL, as in curl;
    `--data-binary @FILE` keeps them; `--data-raw` has no files. `--data-urlencode` takes content,
    =content, name=content, @FILE and name@FILE. Placeholders are not encoded, unless `raw` says
    that there are none.
    """
    pieces, fixed, at = [], [], 0
    for flag, value in items:
        if flag == "--data-urlencode":
            piece = _urlencode(value, raw)
        elif flag == "--data-raw" or not value.startswith("@"):
            piece = encoded(value)
        else:
            piece = read_bytes(value[1:], flag)
            if not _is_text(piece):
                fixed.append((at, at + len(piece)))
            if flag != "--data-binary":
                piece = re.sub(rb"[\r\n\0]", b"", piece)
        pieces.append(piece)
        at += len(piece) + 1
    return Body(b"&".join(pieces), URLENCODED, tuple(fixed))


def multipart(forms: Sequence[str], boundary: Callable[[], str] | None = None) -> Body:
    """Make a multipart/form-data body of `-F` values as in curl.

    Its boundary follows from the values: with one --seed all runs send the same bytes.
    """
    parts = [form_part(form) for form in forms]
    return multipart_of(parts, boundary or _digests(parts).__next__)


def _digests(parts: Sequence[Part]) -> Iterator[str]:
    """Yield one boundary after another for these parts."""
    import hashlib  # loads OpenSSL: 2 ms that a run without a form does without

    blocks = [_block(part) for part in parts]
    whole = hashlib.sha256(b"".join(b"%d:%b" % (len(block), block) for block in blocks))
    for number in itertools.count():
        yield hashlib.sha256(whole.digest() + b"%d" % number).hexdigest()[:32]


def multipart_of(
    parts: Sequence[Part], boundary: Callable[[], str] = lambda: os.urandom(16).hex()
) -> Body:
    """Make a multipart/form-data body (RFC 7578).

    `boundary` proposes; a proposal that occurs in a part is thrown away (RFC 2046 5.1.1).
    """
    blocks = [_block(part) for part in parts]
    while True:
        mark = boundary().encode("ascii")
        if not any(mark in block for block in blocks):
            break
    body, fixed, quoted = bytearray(), [], []
    for part, block in zip(parts, blocks, strict=True):
        body += b"--" + mark + b"\r\n"
        quoted.append((len(body), len(body) + len(block) - len(part.data)))
        body += block
        if part.fixed:
            fixed.append((len(body) - len(part.data), len(body)))
        body += b"\r\n"
    content_type = f"multipart/form-data; boundary={mark.decode('ascii')}"
    data = bytes(body + b"--" + mark + b"--\r\n")
    return Body(data, content_type, tuple(fixed), tuple(quoted))


def form_part(form: str) -> Part:
    """Read `name=value`, `name=@file` or `name=<file`, each with `;type=` and `;filename=`."""
    name, equals, rest = form.partition("=")
    if not equals or not name:
        raise UsageError("-F needs `name=value`, `name=@file` or `name=<file`.")
    source = rest[:1] if rest[:1] in ("@", "<") else ""
    content, options = _words(rest[len(source) :])
    data = read_bytes(content, "-F") if source else encoded(content)
    filename = options.get("filename", os.path.basename(content) if source == "@" else None)
    content_type = options.get("type", guess_type(filename or content) if source == "@" else "")
    if content_type:
        check_header("Content-Type", content_type)
    fixed = source == "@" or (source == "<" and not _is_text(data))
    return Part(name, data, filename, content_type, fixed)


def encoded(text: str) -> bytes:
    """Encode text as UTF-8; bytes of the command line that were not UTF-8 stay what they were.

    Raises UsageError for half a surrogate pair, which is no character.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        raise UsageError(f"A text to send has {half}, which is only half of a character.") from None


def field_text(value: str | bytes) -> str:
    """Return the value of a header as text whose Latin-1 bytes are sent. The rule of all headers.

    Bytes are sent as they are. Text is sent in Latin-1 where it can be, because what an answer's
    headers hold is read as Latin-1 (RFC 9110 section 5.5): a value that was read goes back
    unchanged. Text with other characters is sent in UTF-8. What is typed or stands in a file was
    bytes: it is given here as such.
    """
    if isinstance(value, bytes):
        return value.decode("latin-1")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return encoded(value).decode("latin-1")
    return value


def guess_type(filename: str) -> str:
    """Tell the media type of a file by its name."""
    from mimetypes import MimeTypes

    guess, compression = MimeTypes().guess_type(filename)
    return "application/octet-stream" if guess is None or compression else guess


def _urlencode(item: str, raw: bool) -> bytes:
    match = re.match("[=@]|[^=@]+[=@]", item)
    if match is None:
        return _quoted_plus(encoded(item), raw)
    name, sign, content = match[0][:-1], match[0][-1], item[match.end() :]
    data = read_bytes(content, "--data-urlencode") if sign == "@" else encoded(content)
    value = _quoted_plus(data, raw or (sign == "@" and not _is_text(data)))
    return encoded(name) + b"=" + value if name else value


def _quoted_plus(data: bytes, raw: bool) -> bytes:
    """Encode as a form does, but for placeholders."""
    if raw or not placeholder_texts.has_any(data):
        return quote_plus(data).encode("ascii")
    parts = []
    for literal, found in placeholder_texts.cut(data):
        parts.append(quote_plus(literal).encode("ascii"))
        parts += [data[found.start : found.end]] if found else []
    return b"".join(parts)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _words(text: str) -> tuple[str, dict[str, str]]:
    """Cut `content;type=…;filename=…`; a quoted word may hold `;`, `\\"` and `\\\\`."""
    content, at = _word(text, 0)
    options = {}
    while at < len(text):
        option, at = _word(text, at + 1, key=True)
        key, equals, value = option.partition("=")
        if not equals or key.strip() not in ("type", "filename"):
            raise UsageError(
                "-F takes ;type= and ;filename= after the value; "
                "put a value with ; in quotes: -F 'name=\"a;b\"'."
            )
        options[key.strip()] = value
    return content, options


def _word(text: str, start: int, *, key: bool = False) -> tuple[str, int]:
    """Read up to `;`, or a quoted word; return it with the position where it ended."""
    prefix = ""
    if key and (match := re.compile(r"\s*[a-z]+=").match(text, start)):
        prefix, start = match[0], match.end()
    if text[start : start + 1] == '"':
        match = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?=;|$)', re.DOTALL).match(text, start)
        if match is not None:
            return prefix + re.sub(r'\\(["\\])', r"\1", match[1]), match.end()
    end = text.find(";", start)
    end = len(text) if end < 0 else end
    return prefix + text[start:end], end


def _block(part: Part) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{_quoted(part.name)}"'
    if part.filename is not None:
        disposition += f'; filename="{_quoted(part.filename)}"'
    head = [disposition] + ([f"Content-Type: {part.content_type}"] if part.content_type else [])
    return encoded("\r\n".join(head)) + b"\r\n\r\n" + part.data


def _quoted(text: str) -> str:
    """Escape a name as browsers and curl do (WHATWG HTML, multipart/form-data)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
