"""What stands in a placeholder: its name, its arguments, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.body import encoded
from fastbench.plan.pieces import Piece
from fastbench.plan.placeholder_texts import RAW

MAX_NUMBER = 10**18
MAX_STEP = 10**6
MAX_WIDTH = 19
MAX_DIGITS = 1024
MAX_ZIPF = 10**15  # exact as floating point
COLUMN = "feed"  # {{feed:NAME}}: a column, whatever its name

_FORMS = {
    "seq": "{{seq}}, {{seq:START}}, {{seq:START:STEP}} or {{seq:START:STEP:WIDTH}}",
    "uuid": "{{uuid}}",
    "int": "{{int:LOW:HIGH}} or {{int:LOW:HIGH:zipf}}",
    "hex": "{{hex:DIGITS}}",
    "pick": "{{pick:A|B|C}}",
    "now": "{{now}}",
    "now_ms": "{{now_ms}}",
    "env": "{{env:NAME}}",
}
_ALONE = ("uuid", "now", "now_ms")
_PART = re.compile(r"[^\\|]+|\\.|.", re.DOTALL)
_ESCAPED = ("\\|", "\\}", "\\\\")


@dataclass(frozen=True, slots=True)
class Known:
    """What placeholders may name beside what is made here: columns of the feed, the environment."""

    columns: tuple[str, ...] = ()
    feed: str = ""  # as messages call it
    environment: Mapping[str, str] | None = None


def piece(inner: bytes, known: Known) -> Piece:
    """Return the piece that a placeholder is, not escaped yet; constant values are "text".

    Raises UsageError for what there is not.
    """
    text = inner.decode("utf-8", "surrogateescape")
    name, colon, arguments = text.partition(":")
    name = name.strip()
    if name == COLUMN and colon and known.columns:
        return _column(arguments.strip(), known)
    if (whole := text.strip()) in known.columns:
        if whole in _FORMS:
            raise UsageError(
                f"{{{{{whole}}}}} is a column of {known.feed} and a value that is made here; write "
                f"{{{{{COLUMN}:{whole}}}}} for the column, or give the column another name."
            )
        return _column(whole, known)
    if name not in _FORMS:
        _unknown(whole, known)
    return _MAKERS[name](name, arguments if colon else None, known)


def _column(name: str, known: Known) -> Piece:
    if name not in known.columns:
        _unknown(name, known)
    return Piece("column", column=known.columns.index(name))


def _unknown(name: str, known: Known) -> NoReturn:
    """Refuse a name; a text that is no name is not repeated as a whole."""
    bare = name.partition(":")[0].strip()
    shown = name if name == bare else bare
    near = nearest(bare, (*_FORMS, *known.columns))
    meant = f"; did you mean {{{{{near[0]}}}}}?" if near else "."
    columns = f"; columns of {known.feed}: {_listed(known.columns)}" if known.columns else ""
    more = "" if known.columns else "; --feed FILE gives columns"
    short = shown if len(shown) <= 40 else f"{shown[:40]}…"
    raise UsageError(
        f"There is no {{{{{short}}}}}{meant} Known: {', '.join(_FORMS)}{columns}{more}. "
        f"Two braces that are meant as such are written \\{{{{, and {RAW}."
    )


def _listed(columns: tuple[str, ...]) -> str:
    more = len(columns) - 20
    return ", ".join(columns[:20]) + (f" and {more} more" if more > 0 else "")


def _wrong(name: str, why: str = "") -> NoReturn:
    raise UsageError(f"A placeholder {name} is {_FORMS[name]}{f': {why}' if why else ''}.")


def _number(name: str, text: str, what: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text.strip(), re.ASCII):
        _wrong(name, f"{what} is a whole number")
    found = int(text)
    if not least <= found <= most:
        _wrong(name, f"{what} is between {least:,} and {most:,}")
    return found


def _alone(name: str, arguments: str | None, _known: Known) -> Piece:
    if arguments is not None:
        _wrong(name, "it has no arguments")
    return Piece({each: each for each in _ALONE}[name])  # type: ignore[arg-type]


def _seq(name: str, arguments: str | None, _known: Known) -> Piece:
    given = [] if arguments is None else arguments.split(":")
    if len(given) > 3:
        _wrong(name)
    start, step, width = (*given, *[""] * (3 - len(given)))
    return Piece(
        "seq",
        low=_number(name, start or "1", "START", -MAX_NUMBER, MAX_NUMBER),
        high=_number(name, step or "1", "STEP", -MAX_STEP, MAX_STEP),
        width=_number(name, width or "1", "WIDTH", 1, MAX_WIDTH),
    )


def _int(name: str, arguments: str | None, _known: Known) -> Piece:
    given = (arguments or "").split(":")
    if not 2 <= len(given) <= 3:
        _wrong(name)
    low, high = (
        _number(name, text, what, -MAX_NUMBER, MAX_NUMBER)
        for text, what in zip(given, ("LOW", "HIGH"), strict=False)
    )
    shape = given[2].strip() if given[2:] else "uniform"
    if shape not in ("uniform", "zipf"):
        _wrong(name)
    if high < low:
        _wrong(name, f"LOW is at most HIGH, not {low} and {high}")
    if shape == "zipf" and high - low >= MAX_ZIPF:
        _wrong(name, f"with zipf there are at most {MAX_ZIPF:,} numbers")
    return Piece("zipf" if shape == "zipf" else "int", low=low, high=high)


def _hex(name: str, arguments: str | None, _known: Known) -> Piece:
    return Piece("hex", width=_number(name, arguments or "", "DIGITS", 1, MAX_DIGITS))


def _pick(name: str, arguments: str | None, _known: Known) -> Piece:
    """Return one of several texts; `\\|`, `\\}` and `\\\\` stand for themselves within them."""
    if arguments is None:
        _wrong(name)
    texts: list[list[str]] = [[]]
    for each in _PART.findall(arguments):
        if each == "|":
            texts.append([])
        else:
            texts[-1].append(each[1:] if each in _ESCAPED else each)
    choices = tuple(encoded("".join(each)) for each in texts)
    return Piece("pick", choices=choices) if len(choices) > 1 else Piece("text", text=choices[0])


def _env(name: str, arguments: str | None, known: Known) -> Piece:
    wanted = (arguments or "").strip()
    if not wanted:
        _wrong(name)
    value = (known.environment or {}).get(wanted)
    if value is None:
        raise UsageError(f"The environment has no {wanted}, which {{{{env:{wanted}}}}} names.")
    return Piece("text", text=encoded(value))


_Maker = Callable[[str, str | None, Known], Piece]
_MAKERS: dict[str, _Maker] = {
    **dict.fromkeys(_ALONE, _alone),
    "seq": _seq,
    "int": _int,
    "hex": _hex,
    "pick": _pick,
    "env": _env,
}
