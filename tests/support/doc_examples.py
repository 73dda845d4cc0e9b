"""The examples of docstrings as scripts: each by itself, or many in one that runs at once."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from public_names import public_names

import fastbench

# What concerns a whole script cannot stand beside another script.
_ALONE = re.compile(r"Options\(|@setup|@teardown|@monitor|\bgoal\(|\bderived\(|@scenario\(")
_FUNCTION = re.compile(r"(@scenario\n\s*async def )(\w+)\(")
_LIBRARIES = ("asyncio",)
_OPTIONS = 'options = Options(base_url=env("BASE_URL"))\n\n'


@dataclass(frozen=True, slots=True)
class Example:
    """One example: `name` says where it stands, as `example_Vu_get`."""

    name: str
    code: str

    @property
    def needs(self) -> str:
        """The server that it needs beside `fastbench serve`: redis, or none."""
        return "redis" if "REDIS_URL" in self.code else ""

    @property
    def alone(self) -> bool:
        """Tell whether it cannot share its script with others."""
        return _ALONE.search(self.code) is not None or self.code.startswith("from fastbench")

    @property
    def body(self) -> bool:
        """Tell whether it is what one iteration does, and no script."""
        return "@scenario" not in self.code

    def part(self) -> str:
        """Write it as a function that declares one scenario, named as the example is."""
        if self.body:
            code = f"@scenario\nasync def {self.name}(vu: Vu) -> None:\n{_in(self.code)}"
        else:
            code = _FUNCTION.sub(rf"\1{self.name}(", self.code)
        return f"def make_{self.name}() -> None:\n{_in(code)}\n\nmake_{self.name}()\n"

    def script(self) -> str:
        """Write it as a script of its own."""
        if self.code.startswith("from fastbench"):
            return self.code
        code = self.code
        if self.body:
            code = f"@scenario\nasync def {self.name}(vu: Vu) -> None:\n{_in(code)}"
        return with_imports(code if "Options(" in code else _OPTIONS + code)


def together(examples: list[Example]) -> str:
    """Write one script with a scenario for each."""
    return with_imports(_OPTIONS + "\n".join(each.part() for each in examples))


def with_imports(code: str) -> str:
    """Put the imports before a script that its names ask for."""
    names = [name for name in fastbench.__all__ if re.search(rf"(?<![\w.]){name}\b", code)]
    libraries = [each for each in _LIBRARIES if f"{each}." in code]
    head = [f"import {each}" for each in libraries] + [f"from fastbench import {', '.join(names)}"]
    return "\n".join(head) + "\n\n" + code


def examples() -> list[Example]:
    """List the examples of all public names."""
    found = []
    for each in public_names():
        for at, code in enumerate(each.examples):
            name = each.path.replace("fastbench.", "", 1).replace(".", "_")
            found.append(Example(f"example_{name}_{at}" if at else f"example_{name}", code))
    return found


def _in(code: str) -> str:
    return textwrap.indent(code.strip("\n"), "    ") + "\n"
