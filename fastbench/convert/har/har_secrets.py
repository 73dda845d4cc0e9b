"""Secrets of a recording as variables of the environment: none is written into the script."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from fastbench.convert.expressions import quoted
from fastbench.convert.script_text import ScriptText, constant_name, f_string
from fastbench.foundation import redact

_PASSWORD = re.compile(r"(^|[_\W])(pass(word|wd|phrase)?|pwd|pin|otp|cvv|cvc)([_\W\d]|$)", re.I)
# Where a text names a value: in a query or a form, in JSON, in a part of a form.
_NAMED = (
    re.compile(r"(?<![^\s?&;#\"'])(?P<name>[\w.%\[\]~-]+)=(?P<value>[^\s&;#\"'<>{}]+)"),
    re.compile(r'"(?P<name>(?:[^"\\]|\\.)+)"\s*:\s*"(?P<value>(?:[^"\\]|\\.)+)"'),
    re.compile(r'; name="(?P<name>[^"]*)"\r\n(?:[^\r\n]+\r\n)*\r\n(?P<value>.+?)\r\n--', re.DOTALL),
)
_CARD = re.compile(r"card.?(number|no)\b|iban", re.I)


def secret_field(name: str) -> bool:
    """Tell whether the value of a field is a secret."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return bool(redact.secret_key(name) or _PASSWORD.search(spaced) or _CARD.search(spaced))


@dataclass(slots=True)
class Secrets:
    """Name the secrets; each value has one variable."""

    script: ScriptText
    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def constant(self, name: str, value: str) -> str:
        """Return the constant of a secret, and write it where it is new."""
        wanted = constant_name(name, "SECRET")
        found = self.known.get((wanted, value))
        if found is None:
            found = self.script.name(wanted.lower()).upper()
            self.known[wanted, value] = found
            self.script.use("env")
            self.script.constants.line(f'{found} = env({quoted(found)}, "")')
        return found

    def header(self, name: str, value: str) -> str:
        """Return the argument for a header that is a secret: bearer=, auth=, or its value."""
        scheme, _, rest = value.partition(" ")
        if name.lower() == "authorization" and scheme.lower() == "bearer":
            return f"bearer={self.constant('TOKEN', rest)}"
        if name.lower() == "authorization" and scheme.lower() == "basic":
            user, password = self.constant("USERNAME", rest), self.constant("PASSWORD", rest)
            return f"auth=({user}, {password})"
        return f"{quoted(name)}: {self.constant(name, value)}"

    def text(self, words: str) -> str:
        """Return a text as an expression: what it gives for a secret's name is a variable."""
        spans = sorted(
            (*found.span("value"), found["name"])
            for pattern in _NAMED
            for found in pattern.finditer(words)
            if secret_field(unquote(found["name"]))
        )
        parts: list[str | tuple[str]] = []
        at = 0
        for start, end, name in spans:
            if start >= at:
                constant = self.constant(unquote(name), words[start:end])
                parts += [words[at:start], (constant,)]
                at = end
        return f_string([*parts, words[at:]])

    @property
    def names(self) -> list[str]:
        return list(self.known.values())
