"""What a Python script needs of its own, as far as its text tells: modules, and files by name.

1. Modules are followed from import to import, wherever the import stands: as `script/load/loader`
   would find them, in the script's folder and in the root of its project. What is installed, and
   the standard library, is there on the other machines or has to be installed.
2. Any text that is the name of a file, as seen from the module or from the working directory, may
   be opened: it comes along.
3. The list is certain if nothing in the script can reach another file: no `open`, no `__file__`,
   no module but those known to open nothing. Otherwise whoever asks takes the folder as well.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastbench.foundation import imports

MAX_MODULES = 5_000
_OPENS_NOTHING = frozenset(
    (
        *("__future__", "abc", "array", "asyncio", "base64", "binascii", "bisect", "calendar"),
        *("collections", "contextlib", "contextvars", "copy", "dataclasses", "datetime"),
        *("decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq", "hmac"),
        *("html", "ipaddress", "itertools", "json", "keyword", "locale", "logging", "math"),
        *("numbers", "operator", "pprint", "queue", "random", "re", "secrets", "statistics"),
        *("string", "struct", "textwrap", "threading", "time", "traceback", "types", "typing"),
        *("unicodedata", "urllib", "uuid", "warnings", "weakref", "zlib", "zoneinfo"),
        *("fastbench", "orjson"),
    )
)
_REACHES = frozenset(("open", "exec", "eval", "compile", "__import__", "__file__", "__path__"))
_READS_VARIABLE = re.compile(
    r"\b(?:environ(?:\.get\s*\(|\s*\[)|getenv\s*\(|env\s*\()\s*['\"]([A-Za-z_]\w*)['\"]"
)
_SUFFIXES = tuple(importlib.machinery.all_suffixes())  # .py, .pyc, and those of extensions


@dataclass(slots=True)
class Needs:
    """Hold absolute paths of what a script needs, and whether that is certain to be all.

    `variables` are the names of the environment that it reads. `absolute` are files that it names
    by an absolute path, which another machine has at the same place or not at all.
    """

    files: set[str] = field(default_factory=set)
    certain: bool = True
    variables: set[str] = field(default_factory=set)
    absolute: set[str] = field(default_factory=set)

    def add(self, folders: tuple[str, ...], name: str) -> bool:
        """Add the file of that name in each of the folders that has one; tell whether one has."""
        if not name or "\0" in name or len(name) > 4096:
            return False
        if os.path.isabs(name):
            if os.path.isfile(name):
                self.absolute.add(name)
            return False
        paths = [os.path.normpath(os.path.join(folder, name)) for folder in folders]
        there = [path for path in paths if os.path.isfile(path)]
        self.files.update(there)
        return bool(there)


def find(script: str) -> Needs:
    """Follow a script, given by the absolute path of its file."""
    folder = os.path.dirname(script)
    root = imports.project_root(folder)
    folders = [folder, *([root] if root is not None else [])]
    found = Needs({script})
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if not path.endswith(".py"):
            found.certain = False  # an extension may do anything
            continue
        more = _module(path, folders, found)
        waiting += [each for each in more if each not in found.files]
        found.files.update(more)
        if len(found.files) > MAX_MODULES:
            found.certain = False
            break
    return found


def _module(path: str, folders: list[str], found: Needs) -> set[str]:
    """Add what one module says, and return the modules it imports."""
    try:
        with open(path, "rb") as opened:
            raw = opened.read()
        tree = ast.parse(raw)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        found.certain = False  # whoever imports it says what is wrong
        return set()
    found.variables.update(_READS_VARIABLE.findall(raw.decode("utf-8", "replace")))
    modules = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any(each.name == "data" and each.asname for each in node.names):
                found.certain = False  # its calls go by another name
            for name, starts in _imported(node, path, folders):
                there = _files(name, starts)
                modules |= there or set()
                if there is None and name.partition(".")[0] not in _OPENS_NOTHING:
                    found.certain = False
        elif isinstance(node, ast.Name) and node.id in _REACHES:
            found.certain = False
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add((os.path.dirname(path), folders[0], os.getcwd()), node.value)
        elif isinstance(node, ast.Call) and _called(node) == "data":
            found.certain = found.certain and _is_known(node)
    return modules


def _called(call: ast.Call) -> str:
    name = call.func
    return name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")


def _is_known(call: ast.Call) -> bool:
    """Tell whether data() names its file, or is given rows."""
    if not call.args:
        return False
    first = call.args[0]
    rows = ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp
    return isinstance(first, rows) or (
        isinstance(first, ast.Constant) and isinstance(first.value, str)
    )


def _imported(
    node: ast.Import | ast.ImportFrom, path: str, folders: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """Give the dotted names that a statement may import, and the folders to look in."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _outside(alias.name, folders)
        return
    module, starts = node.module or "", folders
    if node.level:
        package = path
        for _ in range(node.level):
            package = os.path.dirname(package)
        starts = [package]
        if module:
            yield module, starts
    else:
        yield from _outside(module, folders)
    for alias in node.names:
        name = f"{module}.{alias.name}" if module else alias.name
        if _files(name, starts) is not None:  # it may be a function of its package as well
            yield name, starts


def _outside(name: str, folders: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Give a name and where to look: nowhere for what is never the script's own."""
    top = name.partition(".")[0]
    yield name, [] if imports.is_taken(top) or top == "fastbench" else folders


def _files(name: str, folders: list[str]) -> set[str] | None:
    """Return the files that an import of a dotted name runs; None if there is no such module.

    They are those of the packages on the way, too; a package without an __init__.py has none.
    """
    *packages, last = name.split(".")
    found: set[str] | None = None
    for folder in folders:
        path, passed = folder, set[str]()
        for package in packages:
            path = os.path.join(path, package)
            passed.update(_with_suffix(os.path.join(path, "__init__")))
        path = os.path.join(path, last)
        own = _with_suffix(os.path.join(path, "__init__")) or _with_suffix(path)
        if own or os.path.isdir(path):
            found = {*(found or ()), *passed, *own}
    return found


def _with_suffix(path: str) -> list[str]:
    return [path + suffix for suffix in _SUFFIXES if os.path.isfile(path + suffix)][:1]
