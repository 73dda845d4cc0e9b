"""Results that are kept to compare with: saved under a name, found again, read with care.

1. Baselines stand in `.fastbench/baselines/` of the project: the nearest folder from here upwards
   that has a `.fastbench` or is a git checkout, else the folder we are in.
2. A baseline is the whole result document, so the machine it was measured on stands in it.
3. What cannot be read is one sentence that names the file and the field, never a traceback.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from fastbench.foundation import redact
from fastbench.foundation.files import write_atomic
from fastbench.foundation.usage_error import UsageError

if TYPE_CHECKING:
    from fastbench.results.result import Result

FOLDER = ".fastbench"
KEPT = "baselines"
_SUFFIX = ".json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_SHOWN_NAMES = 8
_DOCUMENTS = "fastbench."  # how the schemas of our other documents begin


def folder() -> Path:
    """Return where baselines of this project are kept; it need not be there yet."""
    here = Path.cwd()
    for place in (here, *here.parents):
        if (place / FOLDER).is_dir() or (place / ".git").exists():
            return place / FOLDER / KEPT
    return here / FOLDER / KEPT


def names() -> list[str]:
    """List the baselines of this project."""
    try:
        found = [path.stem for path in folder().iterdir() if path.suffix == _SUFFIX]
    except OSError:
        return []
    return sorted(name for name in found if _is_name(name))


def _is_name(word: str) -> bool:
    return bool(_NAME.fullmatch(word)) and not word.endswith(_SUFFIX)


def check_name(flag: str, name: str) -> str:
    """Return the name, or refuse one that would be a path or cannot be typed."""
    if not _is_name(name):
        raise UsageError(
            f"{flag} takes a name of letters, digits, - . and _, for example {flag} main; "
            "to keep a result in a file of your own use --json FILE."
        )
    return name


def saved_path(name: str) -> Path:
    """Return the file of a baseline."""
    return folder() / f"{name}{_SUFFIX}"


def is_saved(word: str) -> bool:
    """Tell whether the word is the name of a baseline of this project."""
    return _is_name(word) and saved_path(word).is_file()


def save(name: str, document: bytes) -> str:
    """Keep a result document under a name, in place of an older one; return its path.

    Raises OSError; then what was there before still is.
    """
    path = saved_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(str(path), document)
    return str(path)


def load(word: str) -> Result:
    """Read a saved result by the name of a baseline or the path of a file.

    A name wins over a file that is called so. Raises UsageError with the field that is wrong.
    """
    from fastbench.results.json_codec import DocumentError
    from fastbench.results.result import Result  # most commands only ask for a name

    named = is_saved(word)
    path = str(saved_path(word)) if named else word
    shown = f"the baseline {word}" if named else word
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(_unreadable(word, error)) from None
    try:
        return Result.from_document(_parsed(data))
    except DocumentError as error:
        raise UsageError(
            f"{redact.text(shown)} cannot be compared: {error}. Save a run by `fastbench --json "
            "FILE URL` or --save-baseline NAME."
        ) from None


def _parsed(data: bytes) -> object:
    """Return the JSON value; raises DocumentError for what is broken, or another document."""
    from fastbench.results.json_codec import DocumentError, parsed
    from fastbench.results.result import SCHEMA

    document = parsed(data)
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, str) and schema != SCHEMA and schema.startswith(_DOCUMENTS):
        kind = schema.removeprefix(_DOCUMENTS).partition("/")[0]
        kind = "compare" if kind == "comparisons" else kind
        raise DocumentError(f"schema: it is the document of `fastbench {kind}`, not of one run")
    return document


def _unreadable(word: str, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    shown = redact.text(word)
    if not isinstance(error, FileNotFoundError):
        return f"{shown} cannot be read: {reason}."
    known = names()
    if not _is_name(word):
        return f"{shown} cannot be read: {reason}; give a file that --json wrote."
    if not known:
        return (
            f"{shown} is neither a file nor a saved baseline (there are none yet); "
            f"save one with --save-baseline {shown}."
        )
    more = " …" if len(known) > _SHOWN_NAMES else ""
    return (
        f"{shown} is neither a file nor a baseline; this project has "
        f"{', '.join(known[:_SHOWN_NAMES])}{more}."
    )
