"""Load a script: a Python file, or a folder with a `__main__.py`; its siblings can be imported.

The script's folder comes first on the search path, as with `python SCRIPT.py`, then the root of
its project (see imports). What goes wrong is one sentence with the file and the line of the script
that it is the business of.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from fastbench.foundation import imports, redact
from fastbench.foundation.files import SCRIPT_ENDINGS
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file
from fastbench.script import exceptions
from fastbench.script.exceptions import Broken, Spot

ENTRY = "__main__.py"  # of a folder
STDIN = "<stdin>"  # the name of a script that standard input holds; its folder is where we are
_OF_OPTIONS = frozenset(
    f"fastbench.script.api.{name}" for name in ("declare", "metrics", "options")
)
_typed: list[bytes] = []  # what standard input held
_FALLBACK_NAME = "fastbench_script"  # where the script's own name is taken


@dataclass(frozen=True, slots=True)
class ScriptLocation:
    """Where a script lies: its file, and the folder its siblings are imported from."""

    file: str
    folder: str


def find(path: str) -> ScriptLocation:
    """Find the file of a script; UsageError says what is wrong with the path.

    The first who looks for STDIN reads it: workers are forked later, and have it, too.
    """
    if path == STDIN:
        if not _typed:
            _typed.append(text_file.read_bytes("-", "fastbench run"))
            if not _typed[0].strip():
                raise UsageError("Standard input has no script; write `fastbench run - < FILE`.")
        here = os.getcwd()
        return ScriptLocation(os.path.join(here, STDIN), here)
    shown = redact.printable(path)
    file = os.path.join(path, ENTRY) if os.path.isdir(path) else path
    if not os.path.exists(file):
        if file != path:
            raise UsageError(f"{shown} is a folder without {ENTRY}; name the script in it.")
        raise UsageError(f"{shown} does not exist; give the path of a script.")
    if not os.path.isfile(file):
        raise UsageError(f"{shown} is not a file; give the path of a script.")
    if not file.endswith(SCRIPT_ENDINGS):
        raise UsageError(f"{shown} is no script: its name must end in {', '.join(SCRIPT_ENDINGS)}.")
    if not os.access(file, os.R_OK):
        raise UsageError(f"{shown} cannot be read; see its permissions.")
    absolute = os.path.abspath(file)
    return ScriptLocation(absolute, os.path.dirname(absolute))


def text(file: str) -> bytes:
    """Return what stands in a file of a script; raises OSError."""
    if _typed and os.path.basename(file) == STDIN:
        return _typed[0]
    with open(file, "rb") as opened:
        return opened.read()


class _Loader(SourceFileLoader):
    """Load the script that standard input held; nothing of it is cached."""

    def get_data(self, path: str) -> bytes:
        """Return the source."""
        return text(path)

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Raise OSError: there is no file, so no bytecode goes beside it."""
        raise FileNotFoundError(path)


def load(path: str) -> tuple[ModuleType, ScriptLocation]:
    """Import the script; Broken says what went wrong in it."""
    try:
        place = find(path)
    except UsageError as error:
        raise Broken("load", str(error), Spot(redact.printable(path), 0)) from None
    imports.add(place.folder)
    name = _name(place)
    loader = _Loader(name, place.file) if path == STDIN else None
    spec = importlib.util.spec_from_file_location(name, place.file, loader=loader)
    assert spec is not None and spec.loader is not None  # its name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError as error:
        raise broken(_stage(error), error, place.folder) from None
    except BaseException as error:  # a script may also try to end its process
        if isinstance(error, SyntaxError) and not error.filename:  # a NUL has no line
            error.filename = place.file
        raise broken("load", error, place.folder) from None
    return module, place


def broken(stage: str, error: BaseException, folder: str) -> Broken:
    """Describe an exception that the script did not catch."""
    spot = exceptions.spot(error, folder)
    text = exceptions.text_of(error)
    if isinstance(error, UsageError):
        return Broken(stage, text, spot)
    return Broken(stage, _sentence(error, text), spot, exceptions.traceback_of(error, folder))


def _stage(error: UsageError) -> str:
    """Tell wrong options from other functions of ours that were called while loading, as data()."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") in _OF_OPTIONS:
            return "options"
        trace = trace.tb_next
    return "load"


def _name(place: ScriptLocation) -> str:
    """Name the module after its file, so that the script's siblings may import it."""
    stem = os.path.splitext(os.path.basename(place.file))[0]
    if stem == "__main__":
        stem = os.path.basename(place.folder)
    free = stem.isidentifier() and stem not in sys.modules and not imports.is_taken(stem)
    return stem if free else _FALLBACK_NAME


def _sentence(error: BaseException, text: str) -> str:
    """Say what happened, and what to do where that is known."""
    kind = exceptions.type_name(error)
    if isinstance(error, SyntaxError):
        found = redact.printable(error.msg or "")
        if "null bytes" in found or "codec can't decode" in found:
            return f"{kind}: the file is not UTF-8 text; save it as UTF-8"
        line = redact.printable(redact.text((error.text or "").strip()))[:80]
        return f"{kind}: {found}" + (f" in `{line}`" if line else "")
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = redact.printable(error.name).partition(".")[0]
        if missing == "locust":
            return (
                "this is a test of Locust; make a script of it with `fastbench convert "
                "LOCUSTFILE -o script.py`, and run that."
            )
        return (
            f"{kind}: there is no module {missing} next to the script, and none is installed; "
            f"install it for {redact.printable(sys.executable)}."
        )
    said = f"{kind}: {text}" if text else kind
    return said if isinstance(error, Exception) else f"the script tried to end its process: {said}"
