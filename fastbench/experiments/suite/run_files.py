"""The files of one run of a suite: where they are, which words ask for them, the row they make."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping

from fastbench.experiments.suite import artifacts
from fastbench.experiments.suite.suite_file import COMMANDS, Entry
from fastbench.experiments.suite.suite_process import Ended
from fastbench.experiments.suite.suite_results import Row
from fastbench.foundation import exit_codes, signals

# The files of a run, by the flag that asks for them; a comparison has a document alone.
FORMS = {"html": ".html", "json": ".json", "md": ".md", "junit": ".junit.xml"}
REPORT = "text"  # what the run prints
ENDINGS = {REPORT: ".txt", **FORMS}


def paths_of(stem: str, out: str) -> dict[str, str]:
    """Return where each form of a run goes."""
    return {form: os.path.join(out, stem + ending) for form, ending in ENDINGS.items()}


def words_of(entry: Entry, paths: Mapping[str, str], forms: Iterable[str]) -> list[str]:
    """Return the command line of a run, with the files it writes."""
    at = len(COMMANDS[entry.kind])
    return [*entry.words[:at], *(f"--{form}={paths[form]}" for form in forms), *entry.words[at:]]


def remove(several: Iterable[Mapping[str, str]]) -> None:
    """Remove what an earlier suite left: it would be taken for this one's. Raises OSError."""
    for paths in several:
        for path in paths.values():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def there(paths: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the files that hold something, by form; an empty report is removed."""
    if os.path.exists(paths[REPORT]) and not _holds(paths[REPORT]):
        os.unlink(paths[REPORT])
    return {form: os.path.basename(path) for form, path in paths.items() if _holds(path)}


def row(
    entry: Entry, paths: Mapping[str, str], ended: Ended, elapsed_s: float, *, interrupted: bool
) -> Row:
    """Return the row of a run that has ended, with what it left."""
    files = there(paths)
    result, comparison = artifacts.read(paths["json"]) if "json" in files else (None, None)
    code, said = ended.code, ended.said
    if code < 0:
        more = f"; it said: {said}" if said else ""
        said = f"its process was ended by {signals.name_of(-code)}{more}"
        code = exit_codes.INTERRUPTED if interrupted else code
    if code == exit_codes.PASSED and result is not None and result.outcome.level == "failed":
        code = exit_codes.NOT_VALID  # a suite is a gate: what went wrong does not pass it
    killed = ended.code < 0
    return Row(entry.name, entry.what, code, said, elapsed_s, files, result, comparison, killed)


def _holds(path: str) -> bool:
    """Tell whether there is a file with something in it."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False
