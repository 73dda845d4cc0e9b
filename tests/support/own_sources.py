"""Our own source files, and the functions in them: what the rules of the house are held against."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    *("CYTHON", "ROOT", "Function", "cython_functions", "python_functions", "shown", "sources"),
    *("statements", "tree", "without_comments"),
]

ROOT = Path(__file__).resolve().parents[2]
CYTHON = (".pxd", ".pyx", ".pxi")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of any of our languages, from its signature to its last line."""

    place: str
    name: str
    signature: str
    lines: int


def sources(*suffixes: str, under: tuple[str, ...] = ("fastbench", "tests", "bench")) -> list[Path]:
    """List our source files with one of the suffixes; what the build fetches is not ours."""
    found = [path for folder in under for path in (ROOT / folder).rglob("*")]
    found = [path for path in found if path.parent.name != "sucrase"]
    return sorted(path for path in found if path.suffix in suffixes and path.is_file())


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_comments(text: str) -> str:
    """Blank out docstrings and comments of Cython, keeping the line numbers."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'""".*?"""|#[^\n]*', blank, text, flags=re.DOTALL)


def cython_functions(path: Path) -> Iterator[Function]:
    """Find the functions of a .pxd or .pyx; each ends where the indentation falls back."""
    lines = without_comments(path.read_text()).splitlines()
    starts = re.compile(r"(\s*)(?:cdef|cpdef|def)\s(?!class\b)[^=(]*?(\w+)\(")
    for number, line in enumerate(lines):
        found = starts.match(line)
        if found is None:
            continue
        indent = len(found.group(1))
        end = number + 1
        while lines[end - 1].count(")") == 0 and not lines[end - 1].rstrip().endswith(":"):
            end += 1  # of a signature over several lines
        while not lines[end - 1].rstrip().endswith((":", ")")):
            end += 1
        signature = " ".join(each.strip() for each in lines[number:end])
        last = end
        while end < len(lines) and (
            not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
        ):
            end += 1
            last = end if lines[end - 1].strip() else last
        place = f"{shown(path)}:{number + 1}"
        yield Function(place, found.group(2), signature, last - number)


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Give the statements of a tree at any depth, without looking into expressions."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for each in getattr(node, name, ()):
            if isinstance(each, ast.stmt):
                yield each
            yield from statements(each)


def python_functions(path: Path) -> Iterator[Function]:
    for node in statements(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            yield Function(f"{shown(path)}:{node.lineno}", node.name, "", lines)
