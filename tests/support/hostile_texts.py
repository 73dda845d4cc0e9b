"""Texts that would become code where somebody forgets to quote them, and what is made of them."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Callable
from typing import Any

from fastbench.convert import source_kinds
from fastbench.foundation.usage_error import UsageError

__all__ = ["Maker", "sound"]

_PIECES = (
    *("BoOm()", '"', "'", '"""', "'''", "\\", "\n", "\r\n", "\t", "{", "}", "{{", "}}", "#", "("),
    *(
        '" + BoOm() + "',
        "' + BoOm() + '",
        "{BoOm()}",
        "{{ BoOm() }}",
        "${BoOm()}",
        "\u2028",
        "\x0c",
    ),
    *("²", "٣", "é", "\U0001f600", "0", "007", "-1", "a", "id", "token", "class", "None", " ", ")"),
    *("=", "&", "?", "/", "%22", "%0a", ";", ",", "*", "$.", "..", "[0]", "@", "<", ">", "|", ":"),
    *("vu", "response", "lambda", "import", "x" * 90, "{{ id }}", "{{ token.a[0] }}"),
)
_NAMES = ("id", "token", "name", "a", "password")
_SCALARS = (None, True, False, 0, 7, -1, 10**20, 0.5, 1e300)

Make = Callable[[], Any]


class Maker:
    """Make values from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def text(self) -> str:
        """Return a text of some pieces."""
        return "".join(self.rng.choices(_PIECES, k=self.rng.randrange(5)))

    def name(self) -> str:
        """Return a name, a good one every second time."""
        return self.rng.choice(_NAMES) if self.rng.random() < 0.5 else self.text()

    def value(self, depth: int = 0) -> Any:
        """Return anything that JSON has."""
        kind = self.rng.randrange(6 if depth < 2 else 4)
        if kind == 4:
            return [self.value(depth + 1) for _ in range(self.rng.randrange(3))]
        if kind == 5:
            return {self.name(): self.value(depth + 1) for _ in range(self.rng.randrange(3))}
        return self.text() if kind < 2 else self.rng.choice(_SCALARS)

    def often(self, make: Make) -> Any:
        """Return what `make` makes, and anything once in eight times."""
        return self.value() if self.rng.random() < 0.125 else make()

    def some(self, **makes: Make) -> dict[str, Any]:
        """Return a mapping that has some of these keys."""
        return {key: self.often(make) for key, make in makes.items() if self.rng.random() < 0.4}

    def several(self, make: Make, most: int = 3) -> list[Any]:
        """Return up to so many."""
        return [self.often(make) for _ in range(self.rng.randrange(most + 1))]

    def table(self, make: Make) -> dict[str, Any]:
        """Return up to two values by their names."""
        return {self.name(): make() for _ in range(self.rng.randrange(3))}

    def whole(self) -> str:
        """Return a file."""
        return json.dumps(self.value())

    def one(self, *several: Any) -> Any:
        """Return one of these."""
        return self.rng.choice(several)


def sound(kind: str, content: str, path: str = "x") -> str | None:
    """Convert a file, which may be refused in one sentence; return the script, which compiles.

    Nothing of the file has become code: what it calls `BoOm` is in texts and comments alone.
    """
    try:
        text = source_kinds.convert(kind, content, "x", path).text
    except UsageError as error:
        assert "\n" not in str(error) and "no script of Python could be made" not in str(error)
        return None
    if "BoOm" in text:
        for node in ast.walk(ast.parse(text)):
            found = {getattr(node, each, None) for each in ("id", "attr", "arg", "name")}
            assert "BoOm" not in found, text
    text.encode()
    return text
