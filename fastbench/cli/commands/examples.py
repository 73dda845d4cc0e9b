"""`fastbench examples`: list the examples that are installed with the package, and copy one."""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import fastbench
from fastbench.cli.args.command_parser import Parser
from fastbench.cli.help import pager
from fastbench.foundation import nearest
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError

_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc")


def parser() -> Parser:
    """Return the parser of the words."""
    made = Parser(
        "examples",
        description="List the examples: scripts, folders of scripts, a suite, jobs of CI. `copy` "
        "puts one here, or to TO, where it runs as it stands against `fastbench serve`.",
    )
    made.add_argument("words", nargs="*", metavar="copy NAME [TO]")
    return made


def main(argv: Sequence[str]) -> int:
    """List, or copy what is named; raises UsageError for wrong words."""
    words: list[str] = parser().parse_args(argv).words
    found = _examples()
    if not words:
        width = max(map(len, found))
        rows = [f"  {name:{width}}  {told(path)}" for name, path in found.items()]
        return pager.write("\n".join([*rows, "", "fastbench examples copy NAME [TO] copies one."]))
    if words[0] != "copy" or not 2 <= len(words) <= 3:
        raise UsageError("examples: the words are `copy NAME [TO]`; without any they are listed.")
    path = found.get(words[1].rstrip("/")) or found.get(f"{words[1]}.py")
    if path is None:
        close = nearest.nearest(words[1], found)
        more = f"; did you mean {close[0]}?" if close else "; `fastbench examples` lists them."
        raise UsageError(f"examples: there is none called {printable(words[1])}{more}")
    target = _copied(path, words[2] if len(words) > 2 else ".")
    says = "Its first lines say"
    if target.is_dir():
        page = target / "README.md"
        says = f"{printable(str(page))} says" if page.is_file() else "Its files say at their top"
    return pager.write(f"{printable(str(target))} is there. {says} how to run it.")


def names() -> list[str]:
    """Return the names that `copy` takes; none where the examples are not installed."""
    try:
        return list(_examples())
    except UsageError:
        return []


def _examples() -> dict[str, Path]:
    """Give the examples by name: those of the package, or of the checkout that it is in."""
    package = Path(fastbench.__file__).parent
    for folder in (package / "examples", package.parent / "examples"):
        if (folder / "README.md").is_file():
            return {
                each.name: each
                for each in sorted(folder.iterdir())
                if each.suffix in (".py", ".toml") or each.is_dir()
                if each.name != "ruff.toml" and each.name[0] not in "._"  # caches
            }
    raise UsageError("examples: they are not in this installation; install fastbench-http again.")


def told(path: Path) -> str:
    """Return what an example says of itself: one line."""
    if path.is_dir():
        readme, same = path / "README.md", path / f"{path.name}.py"
        if same.is_file():
            return told(same)
        if readme.is_file():
            return readme.read_text().partition("\n")[0].lstrip("# ")
        return ", ".join(each.name for each in sorted(path.glob("*.*")))
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
    else:
        text = path.read_text().lstrip("# ")
    return re.split(r"\n\n|(?<=\.)\s", text)[0].replace("\n", " ")


def _copied(path: Path, to: str) -> Path:
    """Copy a file or a folder; what is there is kept."""
    target = Path(to) / path.name if os.path.isdir(to) or to.endswith("/") else Path(to)
    if os.path.lexists(target):
        raise UsageError(f"examples: `{printable(str(target))}` exists and is kept; name another.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, ignore=_NOT_COPIED)
        else:
            shutil.copy(path, target)
    except (OSError, shutil.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"examples: `{printable(str(target))}` cannot be written: {reason.lower()}."
        ) from error
    return target
