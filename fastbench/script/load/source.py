"""What the text of a script says of itself, without running it: for --dry-run.

1. Read are the script and those of its siblings that it imports. What comes from elsewhere is not
   known, and then nothing is claimed.
2. Times are lower bounds as long as nothing ends an iteration early; numbers of requests are
   upper bounds, infinite where a loop has no known end.
"""

from __future__ import annotations

import ast
import builtins
import dis
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from fastbench.foundation import imports, units
from fastbench.script.load import loader

METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
_DEEPEST = 8  # functions that call functions
_MAX_FILES = 50
_MODULE_NAMES = frozenset(
    {"__file__", "__name__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__"}
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that will not do what it says."""

    file: str
    line: int
    text: str


@dataclass(slots=True)
class Source:
    """Hold what was found. `calls` are the names of what is called anywhere in it.

    `texts` are all texts, and what dict(…) takes.
    One that is `unread` claims nothing: it is no Python.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    unread: bool = False

    def sleeps_s(self, function: str) -> float:
        """Return how long one iteration of a function sleeps at least."""
        if self.unread:
            return 0.0
        return _Sleeps(self).of(function, _DEEPEST)

    def requests(self, function: str) -> float:
        """Return how many requests one iteration of a function sends at most, maybe inf."""
        if self.unread:
            return math.inf
        return _Requests(self).of(function, _DEEPEST)


def read(path: str, public: Sequence[str] = ()) -> Source:
    """Read a script and the siblings it imports; `public` are the names that fastbench has."""
    found = Source()
    folder = os.path.dirname(os.path.abspath(path))
    for file, tree in _trees(path):
        try:
            code = compile(tree, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue  # whoever imports it says so
        shown = os.path.relpath(file, folder)
        _collect(found, tree)
        found.problems += _unknown_names(tree, code, shown, public)
        found.problems += _not_awaited(tree, shown)
    found.problems.sort(key=lambda problem: (problem.file, problem.line))
    return found


def shadowed(path: str) -> list[str]:
    """Say which siblings a script imports by a name that is the standard library's, or ours."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        stems = {name.removesuffix(".py") for name in os.listdir(folder)}
    except OSError:
        return []
    if not any(map(imports.is_taken, stems)):
        return []
    found: dict[str, str] = {}
    for _, tree in _trees(path):
        for name in _imported(tree):
            top = name.partition(".")[0]
            if imports.is_taken(top) and (file := next(_files(top, [folder]), "")):
                found[top] = os.path.relpath(file, folder)
    return [
        f"`import {name}` takes {_whose(name)}, not the script's own {file}; rename that file."
        for name, file in sorted(found.items())
    ]


def _whose(name: str) -> str:
    if name in sys.stdlib_module_names:
        return "the module of Python's standard library"
    return "the installed package that fastbench uses"


def _trees(path: str) -> Iterator[tuple[str, ast.Module]]:
    """Give a script and what it imports of its own, each with its file."""
    folder = os.path.dirname(os.path.abspath(path))
    folders = [folder, *filter(None, [imports.project_root(folder)])]
    waiting, seen = [os.path.abspath(path)], set[str]()
    while waiting and len(seen) < _MAX_FILES:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        try:
            tree = ast.parse(loader.text(file), file)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # whoever imports it says so
        yield file, tree
        for name in _imported(tree):
            top = name.partition(".")[0]
            if top != "fastbench" and not imports.is_taken(top):  # ours, also where its sources are
                waiting += _files(name, folders)


def _collect(found: Source, tree: ast.Module) -> None:
    for node in tree.body:
        if isinstance(node, Function):
            found.functions.setdefault(node.name, node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.values.setdefault(node.targets[0].id, node.value)
    for each in ast.walk(tree):
        if isinstance(each, ast.Call):
            found.calls.add(_called(each))
            if _called(each) == "dict":
                found.texts.update(word.arg for word in each.keywords if word.arg)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            found.texts.add(each.value)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        start = os.path.join(folder, *name.split("."))
        for file in (f"{start}.py", os.path.join(start, "__init__.py")):
            if os.path.isfile(file):
                yield file


def _unknown_names(
    tree: ast.Module, code: CodeType, file: str, public: Sequence[str]
) -> Iterator[Problem]:
    """Find names that no line of the module defines: a forgotten import, mostly."""
    known = {*vars(builtins), *_MODULE_NAMES}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, Function | ast.ClassDef):
            known.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
        elif isinstance(node, ast.Global):
            known |= set(node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            known.add(node.name)
    told = set[str]()
    for name, line in _globals(code):
        if name not in known and name not in told:
            told.add(name)
            cure = (
                f"add `from fastbench import {name}`" if name in public else "define or import it"
            )
            yield Problem(file, line, f"{name} is used, but nothing defines it; {cure}.")


def _globals(code: CodeType) -> Iterator[tuple[str, int]]:
    """Give the global names that functions read, each with its line."""
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        line = step.starts_line if isinstance(step.starts_line, int) else line
        line = step.positions.lineno or line if step.positions else line
        if step.opname == "LOAD_GLOBAL":
            yield str(step.argval), line
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _globals(each)


def _not_awaited(tree: ast.Module, file: str) -> Iterator[Problem]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.AsyncFunctionDef):
            continue
        vu = next(iter(each.arg for each in node.args.args), "")
        for each in ast.walk(node):
            if not isinstance(each, ast.Expr) or not isinstance(each.value, ast.Call):
                continue
            name = _called(each.value)
            if name in ("sleep", "think") or _is_request(each.value, vu):
                whole = ast.unparse(each.value.func)
                text = f"{whole}() is not awaited; write `await {whole}(…)`."
                yield Problem(file, each.lineno, text)


def _called(call: ast.Call) -> str:
    """Return the last part of the name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_request(call: ast.Call, vu: str) -> bool:
    at = call.func
    return (
        isinstance(at, ast.Attribute)
        and at.attr in METHODS
        and isinstance(at.value, ast.Name)
        and at.value.id == vu
    )


class _Walk:
    """Add up what the statements of a function do; a subclass says what one call does."""

    unknown_loop = 0.0  # how often a loop runs whose length is not known

    def __init__(self, source: Source) -> None:
        self._source = source

    def of(self, function: str, depth: int) -> float:
        node = self._source.functions.get(function)
        if node is None or depth == 0:
            return self.of_unknown()
        vu = next(iter(each.arg for each in node.args.args), "")
        return self._block(node.body, vu, depth)

    def of_unknown(self) -> float:
        return 0.0

    def of_call(self, call: ast.Call, vu: str, depth: int) -> float:
        raise NotImplementedError

    def choice(self, one: float, other: float) -> float:
        raise NotImplementedError

    def _block(self, statements: Iterable[ast.stmt], vu: str, depth: int) -> float:
        return math.fsum(self._statement(each, vu, depth) for each in statements)

    def _statement(self, node: ast.stmt, vu: str, depth: int) -> float:
        if isinstance(node, Function | ast.ClassDef):
            return 0.0
        if isinstance(node, ast.If):
            return self._expressions([node.test], vu, depth) + self.choice(
                self._block(node.body, vu, depth), self._block(node.orelse, vu, depth)
            )
        if isinstance(node, ast.For | ast.AsyncFor):
            return self._loop(self._length(node), node, vu, depth)
        if isinstance(node, ast.While):
            return self._loop(self.unknown_loop, node, vu, depth)
        if isinstance(node, ast.With | ast.AsyncWith):
            heads = [item.context_expr for item in node.items]
            return self._expressions(heads, vu, depth) + self._block(node.body, vu, depth)
        if isinstance(node, ast.Try):
            return self._block([*node.body, *node.orelse, *node.finalbody], vu, depth)
        return self._expressions(ast.iter_child_nodes(node), vu, depth)

    def _loop(self, times: float, node: Any, vu: str, depth: int) -> float:
        ends = (ast.Break, ast.Return, ast.Raise)
        if not self.unknown_loop and any(isinstance(each, ends) for each in ast.walk(node)):
            return 0.0  # a lower bound: it may end in its first round
        each_time = self._block(node.body, vu, depth)
        return times * each_time if each_time else 0.0

    def _length(self, node: ast.For | ast.AsyncFor) -> float:
        items = node.iter
        if isinstance(items, ast.Name):
            items = self._source.values.get(items.id, items)
        if isinstance(items, ast.List | ast.Tuple | ast.Set):
            starred = any(isinstance(each, ast.Starred) for each in items.elts)
            return self.unknown_loop if starred else len(items.elts)
        if isinstance(items, ast.Dict):
            return len(items.keys)
        if isinstance(items, ast.Call) and _called(items) == "range":
            ends = [self.number(each) for each in items.args]
            if None not in ends and not items.keywords:
                return len(range(*(int(end or 0) for end in ends)))
        return self.unknown_loop

    def _expressions(self, nodes: Iterable[ast.AST], vu: str, depth: int) -> float:
        calls = (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Call))
        return math.fsum(self.of_call(call, vu, depth) for call in calls)

    def number(self, node: ast.expr) -> float | None:
        """Return the seconds or the number that an argument is, if it can be told."""
        if isinstance(node, ast.Name):
            node = self._source.values.get(node.id, node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                return units.parse_duration_s(node.value)
            except ValueError:
                return None
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return float(node.value)  # type: ignore[arg-type]
        return None


class _Sleeps(_Walk):
    def of_call(self, call: ast.Call, vu: str, depth: int) -> float:
        name = _called(call)
        if name in ("sleep", "think"):
            first = self.number(call.args[0]) if call.args else None
            return max(0.0, first or 0.0)
        if isinstance(call.func, ast.Name) and name in self._source.functions:
            return self.of(name, depth - 1)
        return 0.0

    def choice(self, one: float, other: float) -> float:
        return min(one, other)


class _Requests(_Walk):
    unknown_loop = math.inf

    def of_unknown(self) -> float:
        return math.inf

    def of_call(self, call: ast.Call, vu: str, depth: int) -> float:
        if _is_request(call, vu):
            return 1.0
        name = _called(call)
        if isinstance(call.func, ast.Name) and name in self._source.functions:
            return self.of(name, depth - 1)
        gets_vu = any(isinstance(each, ast.Name) and each.id == vu for each in call.args)
        on_vu = (
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == vu
        )
        return math.inf if gets_vu or on_vu else 0.0  # batch() and what is not known

    def choice(self, one: float, other: float) -> float:
        return max(one, other)
