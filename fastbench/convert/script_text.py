"""A script as it is written: head, imports, constants, functions; in the layout of ruff format."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastbench.convert import python_layout
from fastbench.convert.expressions import quoted

# How a part that could not be carried over is marked, as people mark what is left to do.
MARK = "TO" + "DO"
_COMMENT_WIDTH = 96
_NEEDS_CARE = re.compile(r"[\\'\n]")  # quotes that are chosen by what stands between them
_RESERVED = {
    *("vu", "setup", "teardown", "env", "check", "group", "sleep", "think", "scenario"),
    *("response", "file", "uuid", "weighted", "random_int", "random_item", "list", "dict"),
    *("type", "str", "int", "float", "bytes", "json", "re", "time", "print", "default"),
}


@dataclass(frozen=True, slots=True)
class Converted:
    """Hold a script, and one sentence for each part of the file that was not carried over."""

    text: str
    remarks: tuple[str, ...] = ()
    run_line: str = ""  # the command, as its first lines have it


@dataclass(slots=True)
class Block:
    """Lines of code at one depth and deeper."""

    lines: list[str] = field(default_factory=list)
    depth: int = 0

    def line(self, source: str) -> None:
        """Add a simple statement, in as many lines as it takes."""
        self.lines += python_layout.statement(source, self.depth)

    def short(self, source: str) -> None:
        """Add a statement that is written as it should be, if it has room on one line."""
        margin = "    " * self.depth
        if len(margin) + len(source) > python_layout.WIDTH or _NEEDS_CARE.search(source):
            self.line(source)
        else:
            self.lines.append(margin + source)

    def raw(self, text: str) -> None:
        """Add lines that are laid out already."""
        for each in text.removesuffix("\n").split("\n"):  # a form feed ends no line of Python
            self.lines.append("    " * self.depth + each if each else "")

    def docstring(self, text: str) -> None:
        """Add a docstring; no text can end it early, or escape its end."""
        self.raw('"""' + "\n".join(map(_plain, text.strip().splitlines())) + '"""')

    def comment(self, text: str) -> None:
        """Add a comment."""
        margin = "    " * self.depth + "# "
        width = max(40, _COMMENT_WIDTH - len(margin))
        shown = "".join(c if c.isprintable() else " " for c in text)
        self.lines += [
            margin + each for each in textwrap.wrap(shown, width, break_on_hyphens=False)
        ]

    def empty(self) -> None:
        """Add an empty line, not two and none at the begin of a block."""
        if self.lines and self.lines[-1] and not self.lines[-1].rstrip().endswith(":"):
            self.lines.append("")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add the head of a block; what is added inside is deeper, `pass` if nothing is."""
        self.lines += python_layout.statement(head, self.depth)
        self.depth += 1
        start = len(self.lines)
        yield
        if not any(
            each.strip() and not each.lstrip().startswith("#") for each in self.lines[start:]
        ):
            self.lines.append("    " * self.depth + "pass")
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        self.depth -= 1


@dataclass(slots=True)
class ScriptText:
    """Collect the parts of a script."""

    title: str
    run_line: str = ""
    notes: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # of fastbench
    modules: set[str] = field(default_factory=set)  # `import x`
    from_modules: set[tuple[str, str]] = field(default_factory=set)  # `from x import y`
    remarks: list[str] = field(default_factory=list)
    constants: Block = field(default_factory=Block)
    functions: list[Block] = field(default_factory=list)
    taken: set[str] = field(default_factory=lambda: set(_RESERVED))
    part: str = ""  # the file of several that is read
    _next: dict[str, int] = field(default_factory=dict)  # the number to try, by name

    def use(self, *names: str) -> str:
        """Import names of fastbench; return the first one."""
        self.names.update(names)
        return names[0]

    def function(self) -> Block:
        """Begin a function at the top of the script, and return where it is written."""
        made = Block()
        self.functions.append(made)
        return made

    def name(self, wanted: str, default: str = "value") -> str:
        """Return a name that nobody has yet."""
        base = identifier(wanted, default)
        found, number = base, self._next.get(base, 2)
        while found in self.taken:
            found, number = f"{base}_{number}", number + 1
        self._next[base] = number
        self.taken.add(found)
        return found

    def left(self, block: Block, text: str, line: int | None = None) -> None:
        """Mark in the script what was not carried over, and remember it for stderr."""
        file = f"{self.part}, " if self.part else ""
        where = "" if line is None else f" ({file}line {line})"
        block.comment(f"{MARK}: {text}{where}")
        self.remarks.append(f"{text}{where}")

    def text(self) -> str:
        """Return the whole script."""
        parts = [self._docstring()]
        rows = [*self.constants.lines, *(line for each in self.functions for line in each.lines)]
        used = set(re.findall(r"[A-Za-z_]\w*", "\n".join(r for r in rows if r.strip()[:1] != "#")))
        plain = [f"import {each}" for each in sorted(self.modules) if _local(each) in used]
        groups: dict[str, list[str]] = {}
        for module, name in self.from_modules:
            if name != "*" and _local(name) not in used:
                continue
            groups.setdefault(module, []).append(name)
        plain += [
            f"from {module} import {', '.join(sorted(n))}" for module, n in sorted(groups.items())
        ]
        if plain:
            parts.append("\n".join(plain))
        if self.names:
            parts.append(_imports(self.names))
        constants = "\n".join(self.constants.lines).strip("\n")
        if constants:
            parts.append(constants)
        head = "\n\n".join(parts)
        bodies = ["\n".join(each.lines).strip("\n") for each in self.functions]
        return "\n\n\n".join([head, *(each for each in bodies if each)]) + "\n"

    def converted(self) -> Converted:
        """Return the script with its remarks."""
        return Converted(self.text(), tuple(dict.fromkeys(self.remarks)), self.run_line)

    def _docstring(self) -> str:
        rows = [_plain(self.title)]
        if self.run_line:
            rows += ["", f"Run it: `{_plain(self.run_line)}`"]
        for note in self.notes:
            rows += ["", *textwrap.wrap(_plain(note), _COMMENT_WIDTH, break_on_hyphens=False)]
        body = "\n".join(rows)
        return f'"""{body}\n"""' if len(rows) > 1 else f'"""{body}"""'


def _local(name: str) -> str:
    """Return the name that an import gives: `b` for `a as b`, `a` for `a.b`."""
    return name.rpartition(" as ")[2].partition(".")[0]


def _plain(text: str) -> str:
    """Return text that may stand in a docstring."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown.replace("\\", "/").replace('"', "'").strip()


def _imports(names: Iterable[str]) -> str:
    # ruff's order: constants, classes, functions.
    ordered = sorted(names, key=lambda n: (0 if n.isupper() else 1 if n[0].isupper() else 2, n))
    one = f"from fastbench import {', '.join(ordered)}"
    if len(one) <= python_layout.WIDTH:
        return one
    return "from fastbench import (\n" + "".join(f"    {each},\n" for each in ordered) + ")"


def identifier(wanted: str, default: str = "value") -> str:
    """Return a name of Python in snake_case."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", wanted)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", spaced)
    found = re.sub(r"[^0-9a-z]+", "_", spaced.lower().encode("ascii", "ignore").decode())
    found = found.strip("_")[:40].strip("_") or default
    if found[0].isdigit():
        found = f"{default}_{found}"
    return f"{found}_" if keyword.iskeyword(found) else found


def constant_name(wanted: str, default: str = "VALUE") -> str:
    """Return the name of a variable of the environment."""
    return identifier(wanted, default.lower()).upper().rstrip("_")


def f_string(parts: Iterable[str | tuple[str]]) -> str:
    """Write an f-string of texts and expressions (in tuples); a plain one where it has none."""
    listed = [each for each in parts if each != ""]
    if all(isinstance(each, str) for each in listed):
        return quoted("".join(each for each in listed if isinstance(each, str)))
    if len(listed) == 1 and isinstance(listed[0], tuple):
        return f"str({listed[0][0]})"
    body = ""
    for each in listed:
        if isinstance(each, tuple):
            body += "{" + each[0].replace('"', "'") + "}"
        else:
            escaped = repr(each + '"')[1:-2].replace("\\'", "'").replace('"', '\\"')
            body += escaped.replace("{", "{{").replace("}", "}}")
    return f'f"{body}"'
